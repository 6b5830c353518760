import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from memdyn.identity import fingerprint as module
from memdyn.identity.fingerprint import fingerprint


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SETTLED_S", -1.0)  # files of a test are young
    return tmp_path / "cache" / "fingerprints.json"


@pytest.fixture
def reads(monkeypatch):
    """Paths whose content was hashed."""
    seen = []
    hashed = hashlib.file_digest
    monkeypatch.setattr(
        module.hashlib, "file_digest", lambda stream, name: seen.append(stream.name) or hashed(stream, name)
    )
    return seen


def test_file_is_its_sha256_and_read_once(tmp_path, cache, reads):
    file = tmp_path / "a"
    file.write_bytes(b"hello")
    assert fingerprint(file, cache) == fingerprint(file, cache) == hashlib.sha256(b"hello").hexdigest()
    assert len(reads) == 1


def test_touched_file_has_the_same_hash_and_edited_file_another(tmp_path, cache):
    file = tmp_path / "a"
    file.write_bytes(b"hello")
    before = fingerprint(file, cache)
    os.utime(file, ns=(1, 1))
    assert fingerprint(file, cache) == before
    file.write_bytes(b"jello")
    assert fingerprint(file, cache) != before


def test_edit_that_restores_size_and_mtime_is_seen(tmp_path, cache):
    file = tmp_path / "a"
    file.write_bytes(b"hello")
    os.utime(file, ns=(10**18, 10**18))
    before = fingerprint(file, cache)
    file.write_bytes(b"jello")
    os.utime(file, ns=(10**18, 10**18))
    assert fingerprint(file, cache) != before


def test_young_file_is_not_remembered(tmp_path, monkeypatch, reads):
    monkeypatch.setattr(module, "SETTLED_S", 3600.0)
    (tmp_path / "a").write_bytes(b"hello")
    for _ in range(2):
        fingerprint(tmp_path / "a", tmp_path / "cache.json")
    assert len(reads) == 2 and not (tmp_path / "cache.json").exists()


def tree(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


FILES = {"cat/1.png": b"1", "cat/2.png": b"2", "dog/1.png": b"3"}


def test_folder_depends_on_names_and_contents_only(tmp_path, cache, reads):
    base = fingerprint(tree(tmp_path / "a", FILES), cache)
    assert fingerprint(tree(tmp_path / "b", dict(reversed(FILES.items()))), cache) == base
    assert fingerprint(tree(tmp_path / "hidden", FILES | {"cat/.DS_Store": b"x", ".git/x": b"y"}), cache) == base
    assert fingerprint(tree(tmp_path / "more", FILES | {"dog/2.png": b"4"}), cache) != base
    assert fingerprint(tree(tmp_path / "other", FILES | {"dog/1.png": b"4"}), cache) != base
    renamed = {"cat/1.png": b"1", "cat/3.png": b"2", "dog/1.png": b"3"}
    assert fingerprint(tree(tmp_path / "renamed", renamed), cache) != base
    reads.clear()
    assert fingerprint(tmp_path / "a", cache) == base and not reads


def test_what_operating_systems_leave_does_not_enter(tmp_path, cache):
    base = fingerprint(tree(tmp_path / "a", FILES), cache)
    strays = {"cat/Thumbs.db": b"x", "desktop.ini": b"x", "__MACOSX/cat/1.png": b"x", "dog/@eaDir/1.png": b"x"}
    assert fingerprint(tree(tmp_path / "b", FILES | strays), cache) == base


def test_links_that_lead_round_or_nowhere_do_not_enter(tmp_path, cache):
    base = fingerprint(tree(tmp_path / "a", FILES), cache)
    linked = tree(tmp_path / "b", FILES)
    (linked / "cat" / "self").symlink_to(".")
    (linked / "dog" / "up").symlink_to("..")
    (linked / "dog" / "loop.png").symlink_to("loop.png")
    (linked / "dog" / "gone.png").symlink_to("nowhere")
    assert fingerprint(linked, cache) == base


def test_links_to_files_and_folders_are_followed(tmp_path, cache):
    tree(tmp_path / "elsewhere", {"1.png": b"1", "2.png": b"2"})
    linked = tree(tmp_path / "a", {"dog/1.png": b"3"})
    (linked / "cat").symlink_to("../elsewhere")
    assert fingerprint(linked, cache) == fingerprint(tree(tmp_path / "b", FILES), cache)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}', '{"a": [1]}', '{"a": [null, "x"]}', "\x00"])
def test_corrupt_cache_is_ignored(tmp_path, cache, content):
    (tmp_path / "a").write_bytes(b"hello")
    cache.parent.mkdir()
    cache.write_text(content)
    assert fingerprint(tmp_path / "a", cache) == hashlib.sha256(b"hello").hexdigest()
    assert str(tmp_path / "a") in json.loads(cache.read_text())


def test_cache_that_cannot_be_written_is_no_error(tmp_path, cache):
    (tmp_path / "a").write_bytes(b"hello")
    (tmp_path / "file").write_text("")
    assert fingerprint(tmp_path / "a", tmp_path / "file" / "cache.json") == hashlib.sha256(b"hello").hexdigest()


def test_missing_path_is_named(tmp_path, cache):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        fingerprint(tmp_path / "nowhere", cache)


def _hash_many(arguments):
    folder, cache = arguments
    return [fingerprint(file, cache) for file in sorted(folder.iterdir())]


def test_two_processes_may_write_the_cache(tmp_path):
    folder = tree(tmp_path / "files", {str(i): str(i).encode() for i in range(40)})
    for file in folder.iterdir():
        os.utime(file, ns=(10**18, 10**18))
    expected = [hashlib.sha256(file.name.encode()).hexdigest() for file in sorted(folder.iterdir())]
    cache = tmp_path / "cache.json"
    with multiprocessing.get_context("spawn").Pool(2, _be_patient) as workers:
        assert workers.map(_hash_many, [(folder, cache)] * 4, chunksize=1) == [expected] * 4
    # a writer may lose what the other wrote meanwhile (it is hashed again), but what is there is whole and right
    known = {Path(path).name: digest for path, (_, digest) in json.loads(cache.read_text()).items()}
    assert known and all(digest == hashlib.sha256(name.encode()).hexdigest() for name, digest in known.items())


def _be_patient():
    module.SETTLED_S = -1.0


def test_imports_neither_torch_nor_numpy():
    code = "import sys, memdyn.identity.fingerprint; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False).returncode
        == 0
    )
