"""Files that appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.jobs.atomic import atomic_path, is_own_work, remove, sweep, sweep_older


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_appears_when_the_block_ends(tmp_path, durable):
    path = tmp_path / "new" / "file.txt"
    with atomic_path(path, durable) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent, "a rename is atomic only within a file system"
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_folder_replaces_the_old_one(tmp_path):
    path = tmp_path / "folder"
    for name in ("old", "new"):
        with atomic_path(path) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert names(path) == ["new"]
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("is_folder", [True, False])
def test_an_error_leaves_what_was_there(tmp_path, is_folder):
    path = tmp_path / "target"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        if is_folder:
            temporary.mkdir()
            (temporary / "half").write_text("half")
        else:
            temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["target"]


def test_an_error_before_anything_is_written_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "file"):
        raise ZeroDivisionError
    assert names(tmp_path) == []


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with atomic_path(path) as first, atomic_path(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "the one that ends last"
    assert names(tmp_path) == ["file"]


def test_a_killed_writer_leaves_only_what_sweep_removes(tmp_path):
    program = f"""
import os, signal
from memdyn.jobs.atomic import atomic_path
with atomic_path({str(tmp_path / "file")!r}) as file, atomic_path({str(tmp_path / "folder")!r}) as folder:
    file.write_text("half")
    folder.mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    scripts = str(Path(sys.modules[atomic_path.__module__].__file__).parents[2])
    killed = subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": scripts}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 2 and all(name.startswith(".") for name in names(tmp_path))
    (tmp_path / "other").write_text("stays")
    sweep(tmp_path)
    assert names(tmp_path) == ["other"]


def test_remove_deletes_a_link_and_not_what_it_points_to(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    remove(tmp_path / "link")
    remove(tmp_path / "missing")
    assert names(tmp_path) == ["folder"]


def test_what_this_process_wrote_is_known_however_its_path_is_spelled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with atomic_path("file") as temporary:
        temporary.write_text("whole")
    (tmp_path / "other").write_text("another's")
    with pytest.raises(ZeroDivisionError), atomic_path("failed") as temporary:
        temporary.write_text(str(1 / 0))
    assert is_own_work(tmp_path / "file") and is_own_work("./file")
    assert not any(map(is_own_work, ("other", "failed", "missing")))


def test_a_job_deletes_what_killed_writers_of_its_own_files_left(tmp_path):
    for name in (".a.parquet.1f.tmp", ".b.parquet.1f.tmp", ".a.parquet.2f.tmp", "a.parquet"):
        (tmp_path / name).write_text("half")
        os.utime(tmp_path / name, (100, 100 if "1f" in name else 300))
    (tmp_path / ".figures.1f.tmp").mkdir()
    os.utime(tmp_path / ".figures.1f.tmp", (100, 100))
    sweep_older([tmp_path / "a.parquet", tmp_path / "figures"], before=200)
    assert names(tmp_path) == [".a.parquet.2f.tmp", ".b.parquet.1f.tmp", "a.parquet"], "another's, or still written"
