"""Why a job failed, as its note tells the Snakemake that waits for it; and what another attempt may mend."""

import errno

import pytest

from memdyn.jobs import failure
from memdyn.jobs.atomic import NoRoom
from memdyn.jobs.failure import ERROR, Failure, worth_another_attempt
from memdyn.jobs.lease import LeaseLost

NOTE = Failure("a1", "train_block", ERROR, "ValueError: no such class", again=False, asked={"mem_mb": 8000})


def test_a_note_lies_beside_the_log_and_is_read_as_it_was_written(tmp_path):
    log = tmp_path / "block-0000-0007" / "train.log"
    assert failure.read(log) is None
    failure.write(NOTE, log)
    assert [path.name for path in log.parent.iterdir()] == ["train.failed.json"]
    assert failure.read(log) == NOTE
    failure.forget(log)
    failure.forget(log)
    assert failure.read(log) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": "a1"}'])
def test_a_damaged_note_is_none(tmp_path, text):
    failure.note_of(tmp_path / "train.log").write_text(text)
    assert failure.read(tmp_path / "train.log") is None


MENDED = [
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
    LeaseLost("another job took this block over"),
    OSError(errno.ESTALE, "Stale file handle"),
    OSError(errno.EIO, "Input/output error"),
]
HOPELESS = [
    RuntimeError("device: cuda, but torch sees no GPU here"),
    RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ValueError("an exception in a user's net"),
    ModuleNotFoundError("No module named 'timm'"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EACCES, "Permission denied"),
    FileNotFoundError(errno.ENOENT, "No such file"),
    NoRoom(errno.EDQUOT, "no room to write x"),
]


@pytest.mark.parametrize("error", MENDED, ids=repr)
def test_what_another_attempt_may_mend(error):
    assert worth_another_attempt(error)


@pytest.mark.parametrize("error", HOPELESS, ids=repr)
def test_what_no_other_attempt_can_mend(error):
    assert not worth_another_attempt(error)


def test_what_came_of_a_full_disk_is_hopeless_too():
    try:
        try:
            raise NoRoom(errno.ENOSPC, "no room to write x")
        finally:
            raise OSError(errno.EIO, "while it was put away")
    except OSError as error:
        assert not worth_another_attempt(error)
