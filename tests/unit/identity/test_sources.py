"""Raw data: looked at once a start, not at all by its jobs, and not needed where the pool is built."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.identity import fingerprint
from memdyn.identity.recipe import open_stage
from memdyn.identity.sources import refuse_changed
from memdyn.operations.guard import refuse_missing_data
from memdyn.plan.study import build_plan
from studies import study

FILES = [f"part-{i}.bin" for i in range(5)]
OWN = {"name": "custom", "target": "own.py:load", "files": FILES}
TABLE = {"name": "arrays", "path": "table.npz", "features": "x"}


@pytest.fixture
def reads(monkeypatch):
    """Files whose content was hashed, and files that were asked for their times."""
    seen = {"hashed": [], "asked": []}
    hashed, stamp = hashlib.file_digest, fingerprint._stamp

    def hash_of(stream, name):
        seen["hashed"].append(stream.name)
        return hashed(stream, name)

    def stamp_of(path):
        seen["asked"].append(path)
        return stamp(path)

    monkeypatch.setattr(fingerprint.hashlib, "file_digest", hash_of)
    monkeypatch.setattr(fingerprint, "_stamp", stamp_of)
    return seen


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with raw data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fingerprint, "SETTLED_S", -1.0)  # files of a test are young
    Path("own.py").write_text("def load(files):\n    pass\n")
    for name in FILES:
        Path(name).write_text(name)
    write_table(0)
    return tmp_path


def write_table(value):
    np.savez("table.npz", x=np.full((1000, 3), value, np.float32), labels=np.arange(1000) % 10)


def plan(dataset=TABLE, is_job=False, **changes):
    """A study of two pools of one data set, one of them with noise in its labels."""
    runs = [{"name": "clean"}, {"name": "noisy", "pool": {"label_noise": 0.1}}]
    return build_plan(load_study(study({"pool.dataset": dataset, "runs": runs, **changes})), is_job)


def build(made):
    """The pools of a plan, as far as planning looks at them."""
    for run in made.runs:
        folder = Path(made.results, run.pool.path)
        open_stage(run.pool.params(), folder, files=[run_files(made, run)])
        (folder / "pool.arrow").touch()


def run_files(made, run):
    pool = next(each.pool for each in made.study.runs if each.name == run.name)
    return pool.dataset.source_files("data")[0]


def paths(made):
    return [run.outputs.path for run in made.runs]


def test_a_start_reads_each_file_once_for_all_pools(folder, reads, monkeypatch):
    asked = []
    monkeypatch.setattr("memdyn.plan.pools.problem", lambda dataset, files, needed: asked.append(needed))
    first = plan(OWN, **{"runs.1.pool": {"label_noise": 0.1, "parts": {"test": 300}}})
    assert sorted(reads["hashed"]) == FILES and first.runs[0].pool.path != first.runs[1].pool.path
    assert asked == [1000]  # once, with the most that is asked of it
    reads["asked"].clear()
    plan(OWN)
    assert sorted(reads["hashed"]) == FILES and sorted(reads["asked"]) == FILES  # known by their times


def test_what_is_remembered_is_read_and_written_once(folder, monkeypatch):
    calls = []
    read, write = fingerprint._read_cache, fingerprint._write_cache
    monkeypatch.setattr(fingerprint, "_read_cache", lambda file: calls.append("read") or read(file))
    monkeypatch.setattr(fingerprint, "_write_cache", lambda *of: calls.append("write") or write(*of))
    plan(OWN)
    assert calls == ["read", "write", "read"]  # the last merges with what another process wrote
    plan(OWN)
    assert calls[3:] == ["read"]


def test_a_job_looks_at_no_file(folder, reads):
    wanted = paths(plan(OWN))
    for seen in reads.values():
        seen.clear()
    assert paths(plan(OWN, is_job=True)) == wanted and reads == {"hashed": [], "asked": []}
    for name in FILES:
        Path(name).unlink()
    assert paths(plan(OWN, is_job=True)) == wanted


def test_a_job_takes_the_word_of_its_start(folder):
    wanted = paths(plan())
    write_table(1)
    assert paths(plan(is_job=True)) == wanted  # the job that reads the file compares it
    with pytest.raises(RuntimeError, match=r"table.npz changed while this job waited"):
        made = plan(is_job=True)
        refuse_changed(["table.npz"], made.runs[0].pool.options["content"], Path(made.results))
    assert paths(plan()) != wanted
    assert paths(plan(is_job=True)) == paths(plan())


@pytest.mark.parametrize("note", [None, "", "[]", "{", '{"other": "a"}'])
def test_a_job_without_a_word_looks_itself(folder, note):
    wanted = paths(plan())
    note_file = Path("results/.sources.json")
    if note is None:
        note_file.unlink()
    else:
        note_file.write_text(note)
    assert paths(plan(is_job=True)) == wanted


def test_files_that_stay_as_they_were_are_noted_once(folder):
    plan()
    note = Path("results/.sources.json")
    before = note.stat().st_mtime_ns, note.read_text()
    plan()
    assert (note.stat().st_mtime_ns, note.read_text()) == before
    plan(OWN)
    assert set(json.loads(note.read_text())) == {"table.npz", *FILES}


def test_a_built_pool_does_without_its_raw_file(folder):
    made = plan()
    assert made.gone == {}
    build(made)
    Path("table.npz").unlink()
    again = plan()
    assert paths(again) == paths(made) and again.gone == {run.pool.path: "table.npz" for run in made.runs}
    refuse_missing_data(again)
    grown = plan(shadow_models=16)
    assert paths(grown) == paths(made)
    assert paths(plan(is_job=True)) == paths(made)


@pytest.mark.parametrize(
    "changes", [{"pool.seed": 1}, {"pool.parts.test": 100}, {"pool.dataset": {**TABLE, "path": "other.npz"}}]
)
def test_a_pool_that_is_not_built_needs_its_raw_file(folder, changes):
    build(plan())
    Path("table.npz").unlink()
    with pytest.raises(ConfigError, match="no such file or folder: (table|other).npz"):
        build_plan(load_study(study({"pool.dataset": TABLE, "runs": [], **changes})))


def test_a_pool_that_was_begun_is_not_built(folder):
    made = plan()
    build(made)
    Path(made.results, made.runs[1].pool.path, "pool.arrow").unlink()
    Path("table.npz").unlink()
    with pytest.raises(ConfigError, match="no such file or folder: table.npz"):
        plan()


def test_a_file_that_is_back_and_changed_is_a_new_pool(folder):
    before = plan()
    build(before)
    shutil.move("table.npz", "kept.npz")
    assert paths(plan()) == paths(before)
    write_table(1)
    changed = plan()
    assert not set(paths(changed)) & set(paths(before)) and changed.gone == {}
    build(changed)
    Path("table.npz").unlink()
    assert paths(plan()) == paths(changed)  # what was last seen
    Path("results/.sources.json").unlink()
    with pytest.raises(ConfigError, match=r"several versions.*put it back") as caught:
        plan()
    assert all(run.pool.path in str(caught.value) for run in (before.runs[0], changed.runs[0]))
    shutil.move("kept.npz", "table.npz")
    assert paths(plan()) == paths(before)


def test_the_last_that_was_seen_counts_also_where_it_was_not_built(folder):
    build(plan())
    write_table(1)
    plan()
    Path("table.npz").unlink()
    with pytest.raises(ConfigError, match="no such file or folder: table.npz"):
        plan()


def test_some_of_the_files_are_gone(folder):
    def build_own(made):
        for run in made.runs:
            open_stage(run.pool.params(), Path(made.results, run.pool.path), files=FILES)
            Path(made.results, run.pool.path, "pool.arrow").touch()

    made = plan(OWN)
    build_own(made)
    Path(FILES[3]).unlink()
    assert paths(plan(OWN)) == paths(made) and set(plan(OWN).gone.values()) == {FILES[3]}
    Path(FILES[0]).write_text("changed")
    with pytest.raises(ConfigError, match=f"no such file or folder: {FILES[3]}"):
        plan(OWN)


def test_a_pool_of_other_code_does_not_stand_for_its_file(folder, monkeypatch):
    build(plan())
    Path("table.npz").unlink()
    monkeypatch.setattr("memdyn.plan.stage.code_digest", lambda *_: "0" * 64)
    made = plan()
    with pytest.raises(RuntimeError, match=r"no such file or folder: table.npz\n.*its code has changed"):
        refuse_missing_data(made)


def test_a_folder_that_is_gone(folder, monkeypatch):
    monkeypatch.setattr("memdyn.plan.pools.problem", lambda dataset, files, needed: "too few")
    for name in ("a", "b"):
        Path("photos", name).mkdir(parents=True)
        Path("photos", name, "1.png").write_text(name)
    photos = {"name": "image_folder", "path": "photos/", "size": 8}
    with pytest.raises(ConfigError, match="too few"):
        plan(photos)
    monkeypatch.setattr("memdyn.plan.pools.problem", lambda *_: None)
    made = plan(photos)
    build(made)
    shutil.move("photos", "kept")
    monkeypatch.setattr("memdyn.plan.pools.problem", lambda *_: "no such file or folder")
    assert paths(plan(photos)) == paths(made) and set(plan(photos).gone.values()) == {"photos"}
    shutil.move("kept", "photos")
    Path("photos/b/1.png").unlink()
    with pytest.raises(ConfigError, match="no such file or folder"):
        plan(photos)  # there and changed: a new pool, of which too little is there
