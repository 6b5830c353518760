"""How a job that fails says so: for people, where it was, and what a full disk looks like."""

from collections import namedtuple
from pathlib import Path

import pytest

from memdyn.identity import job
from memdyn.identity.job import _failure, teller
from memdyn.identity.records import Recorder

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def fail(tmp_path, monkeypatch):
    """What the log says last of an exception, with so many bytes free."""
    monkeypatch.setattr("platform.node", lambda: "c1")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    log = tmp_path / "train.log"
    report = _failure(teller(log, "train_block mlp"), log, Recorder(tmp_path / "train.job.json", "train_block", 1, []))

    def last_line(error: BaseException, free: float = 1e12) -> str:
        monkeypatch.setattr(job.shutil, "disk_usage", lambda folder: Usage(0, 0, free))
        report(type(error), error, None)
        return log.read_text().splitlines()[-1].partition(" ")[2]

    return last_line


def test_an_error_is_told_with_the_machine(fail, tmp_path):
    said = fail(ValueError("no such class"))
    assert said.startswith("train_block mlp: FAILED on c1, ValueError: no such class (details: ")
    assert "ValueError: no such class\n" in Path(tmp_path / "train.log").read_text()  # the traceback's own words


def test_a_full_disk_is_named(fail):
    assert "FAILED on c1, RuntimeError: unexpected pos 64 vs 0 (THE DISK IS FULL: 3.0 MB are free)" in fail(
        RuntimeError("unexpected pos 64 vs 0"), free=3e6
    )
    assert "DISK" not in fail(RuntimeError("unexpected pos 64 vs 0"), free=1e9)


def test_an_interrupted_job_has_not_failed(fail):
    assert fail(KeyboardInterrupt()).startswith("train_block mlp: interrupted on c1; what was finished stays")
