"""Files that appear whole or not at all, whatever is killed in between."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_placed: set[str] = set()  # absolute paths that this process wrote


@contextmanager
def atomic_path(path: str | os.PathLike[str], durable: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what was written there gets the name `path` when the block ends.

    Works for a file and for a folder (whose old version is removed first). On an error the temporary is
    removed and `path` stays as it was. With `durable` the file reaches the disk before its name does, so that a
    power cut cannot leave an empty file under the final name.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # not the process id: jobs on two nodes may share it
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if durable and temporary.is_file():
            _sync(temporary)
        if path.is_dir():
            discard(path)
        os.replace(temporary, path)
        _placed.add(os.path.abspath(path))
    finally:
        remove(temporary)


def is_own_work(path: str | os.PathLike[str]) -> bool:
    """Whether this process wrote what has the name, and not another job, for which it had waited."""
    return os.path.abspath(path) in _placed


def remove(path: Path) -> None:
    """Deletes a file or a folder; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Deletes a folder, whose name is gone at once: nobody finds half of it. Nothing happens where there is none."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    with suppress(FileNotFoundError):
        os.replace(folder, aside)
        remove(aside)


def sweep(folder: Path) -> None:
    """Deletes what killed writers left in `folder`. Only for a caller who knows that nobody writes there now."""
    for unfinished in folder.glob(".*.tmp"):
        remove(unfinished)


def sweep_older(paths: Iterable[str | os.PathLike[str]], before: float) -> None:
    """Deletes what killed writers of these files or folders left, last written before a time (seconds since 1970).

    For a job that has written them itself: who still writes one of them, having outlived its Snakemake, does so later.
    """
    for path in map(Path, paths):
        for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
            with suppress(FileNotFoundError):
                if unfinished.stat().st_mtime < before:
                    remove(unfinished)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
