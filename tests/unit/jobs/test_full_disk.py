"""Every way in which files are written, on a disk that is really full: a clear error, and nothing half written."""

import ast
import gc
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from pyarrow import csv
from safetensors.torch import save_file

from memdyn.identity.digest import PACKAGE_ROOT
from memdyn.jobs.atomic import NoRoom, atomic_path
from memdyn.jobs.failure import worth_another_attempt
from memdyn.operations.archives.pack import write_zip
from memdyn.store.checkpoints import link_tree
from memdyn.store.scores import write_scores

SIZE_MB = 2
NUMBERS = np.random.default_rng(0).standard_normal(1_000_000)  # 8 MB that no compression makes fit
TABLE = pd.DataFrame({"x": NUMBERS})


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A file system of its own with two MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _arrow(path: Path) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array(NUMBERS)], ["x"])
    with pa.ipc.new_file(str(path), batch.schema) as writer:
        writer.write_batch(batch)


def _stream(path: Path) -> None:
    with pa.output_stream(str(path), compression="gzip") as stream:
        csv.write_csv(pa.Table.from_pandas(TABLE), stream)


def _parts(path: Path) -> None:
    part = pa.Table.from_pandas(TABLE)
    writer = pq.ParquetWriter(path, part.schema)
    writer.write_table(part)
    writer.close()


def _masks(path: Path) -> None:
    with path.open("wb") as stream:
        np.savez_compressed(stream, bits=NUMBERS)


def _figures(path: Path) -> None:
    path.mkdir()
    figure = Figure(figsize=(10, 10), dpi=150)
    figure.add_axes((0, 0, 1, 1)).imshow(NUMBERS.reshape(1000, 1000))
    FigureCanvasAgg(figure).print_png(f"{path}/figure.png")
    FigureCanvasPdf(figure).print_pdf(f"{path}/figure.pdf")


def _links(path: Path) -> None:
    source = path.parents[2] / "weights"
    source.mkdir()
    (source / "epoch-0001.safetensors").write_bytes(NUMBERS.tobytes())
    link_tree(source, path, "*")


def _zip(path: Path) -> None:
    folder = path.parents[2] / "archive"
    folder.mkdir()
    (folder / "scores").write_bytes(NUMBERS.tobytes())
    write_zip(folder, "archive", path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "text": lambda path: path.write_text("x" * 8_000_000),
    "bytes": lambda path: path.write_bytes(NUMBERS.tobytes()),
    "yaml": lambda path: path.write_text(yaml.safe_dump("x" * 8_000_000)),
    "masks": _masks,
    "pool": _arrow,
    "parquet by pandas": lambda path: TABLE.to_parquet(path, index=False),
    "parquet in parts": _parts,
    "csv.gz": _stream,
    "checkpoint": lambda path: save_file({"x": torch.from_numpy(NUMBERS)}, path),
    "state": lambda path: torch.save({"x": torch.from_numpy(NUMBERS)}, path),
    "figures": _figures,
    "published weights": _links,
    "archive": _zip,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_named_and_leaves_nothing(disk, kind):
    path = disk / "run" / "artifact"
    with pytest.raises(NoRoom) as told, atomic_path(path) as temporary:
        WRITERS[kind](temporary)
    assert f"no room to write {path}: " in str(told.value) and f" MB are free in {disk}/run" in str(told.value)
    assert list(path.parent.iterdir()) == []
    assert not worth_another_attempt(told.value)
    with atomic_path(path) as temporary:  # there is room again, while the error still holds the writer: a note, a log
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    del told  # with the writer, or nobody could take the file system away
    gc.collect()


def test_scores_of_a_block_on_a_full_disk(disk):
    """They are computed while they are written."""
    values = NUMBERS.astype(np.float32).reshape(8, -1)
    epochs = ((epoch, {"margin": values}) for epoch in range(3))
    with pytest.raises(NoRoom, match=r"no room to write .*signals\.parquet"):
        write_scores(disk / "run" / "signals.parquet", epochs, range(8), np.arange(values.shape[1]))
    assert list((disk / "run").iterdir()) == []


def test_what_was_there_stays_when_there_is_no_room(disk):
    path = disk / "artifact"
    path.write_text("old")
    with pytest.raises(NoRoom), atomic_path(path) as temporary:
        temporary.write_bytes(NUMBERS.tobytes())
    assert path.read_text() == "old"


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "artifact"):
        1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_a_quota_is_told_from_a_full_disk(tmp_path):
    with pytest.raises(NoRoom, match="a quota is used up"), atomic_path(tmp_path / "artifact"):
        raise OSError(122, "Disk quota exceeded")


WRITING = {"write_text", "write_bytes", "to_parquet", "to_csv", "savez_compressed", "save_file", "savefig"}
WRITING |= {"ParquetWriter", "new_file", "output_stream", "print_png", "print_pdf", "link_tree", "write_zip"}
# functions that write into what their caller has opened by atomic_path
WITHIN = {"_save", "write_index", "_writer", "link_tree"}
# what is no artifact: the repository's own pages, a log, what `memdyn archive` writes in memory and into its one block
NO_ARTIFACT = {"operations/docs.py", "judge_limits.py", "operations/archives/item.py", "operations/archives/results.py"}


def test_every_artifact_is_written_that_way():
    """No call that writes a file stands outside of a block of `atomic_path`."""
    found = []
    for file in sorted(PACKAGE_ROOT.parent.rglob("*.py")):
        name = str(file.relative_to(PACKAGE_ROOT if file.is_relative_to(PACKAGE_ROOT) else PACKAGE_ROOT.parent))
        if name not in NO_ARTIFACT:
            found += [f"{name}: {line}" for line in _unguarded(ast.parse(file.read_text()), guarded=False)]
    assert found == []


def _unguarded(node: ast.AST, guarded: bool) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef) and node.name in WITHIN:
        guarded = True
    if isinstance(node, ast.With):
        guarded = guarded or any("atomic_path" in ast.unparse(item) for item in node.items)
    if isinstance(node, ast.Call) and not guarded:
        called = ast.unparse(node.func)
        if called == "torch.save" or called.rpartition(".")[2] in WRITING:
            yield ast.unparse(node)[:80]
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child, guarded)


def test_the_zip_of_a_test_is_one(tmp_path):
    """What `_zip` writes where there is room."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    _zip(tmp_path / "a" / "b" / "packed")
    assert zipfile.is_zipfile(tmp_path / "a" / "b" / "packed") and shutil.disk_usage(tmp_path).free > 0
