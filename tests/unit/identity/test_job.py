"""How a job that fails says so: for people, where it was, and what a full disk looks like."""

import os
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import pytest

from memdyn.identity import job
from memdyn.identity.job import _failure, keep_lines, teller
from memdyn.identity.records import Recorder
from memdyn.jobs import failure
from memdyn.jobs.atomic import NoRoom

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


def test_a_failure_is_noted_for_snakemake(fail, tmp_path):
    fail(ValueError("no such class"))
    noted = failure.read(tmp_path / "train.log")
    assert (noted.rule, noted.cause, noted.words) == ("train_block", "ERROR", "ValueError: no such class")
    assert not noted.again
    fail(MemoryError("1 TB"))
    assert failure.read(tmp_path / "train.log").again


@pytest.mark.parametrize(("token", "slurm_job", "is_aloud"), [("", "", True), ("now", "", False), ("now", "12", True)])
def test_what_snakemake_says_in_a_moment_is_in_the_log_alone(fail, monkeypatch, capsys, token, slurm_job, is_aloud):
    monkeypatch.setenv(failure.TOKEN, token)
    if slurm_job:
        monkeypatch.setenv("SLURM_JOB_ID", slurm_job)
    assert "ValueError: no such class" in fail(ValueError("no such class"))
    assert ("no such class" in capsys.readouterr().err) is is_aloud


def test_a_job_goes_on_where_nobody_reads_it_any_more(tmp_path, monkeypatch):
    read, write = os.pipe()
    os.close(read)
    monkeypatch.setattr("sys.stderr", stderr := os.fdopen(write, "w"))
    teller(tmp_path / "train.log", "train_block mlp")("model 0: trained")
    assert (tmp_path / "train.log").read_text().endswith("model 0: trained\n")
    with suppress(BrokenPipeError):
        stderr.close()


def test_an_interrupted_job_is_not_noted(fail, tmp_path, capsys):
    fail(KeyboardInterrupt())
    assert failure.read(tmp_path / "train.log") is None
    assert capsys.readouterr().err == ""  # Snakemake says it, once for all jobs


def test_a_full_disk_that_was_told_is_not_told_twice(fail):
    assert "DISK" not in fail(NoRoom(28, "no room to write x: 3.0 MB are free in y"), free=3e6)


def test_a_line_that_a_full_disk_does_not_take_is_still_shown(monkeypatch, tmp_path, capsys):
    def full(path, mode="r"):
        raise OSError(28, "No space left on device")

    tell = teller(tmp_path / "train.log", "train_block")
    monkeypatch.setattr(Path, "open", full)
    tell("model 0: trained")
    assert "train_block: model 0: trained\n" in capsys.readouterr().err


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "block-0000-0007" / "train.log"
    keep_lines(path)
    return path


def test_a_log_keeps_the_lines_of_a_job_that_outlived_its_snakemake(log):
    orphan, second = teller(log, "first"), teller(log, "second")
    orphan("a")
    log.unlink()  # Snakemake starts the next job of the block
    keep_lines(log)
    second("b")
    orphan("c")
    assert [line.split()[1:] for line in log.read_text().splitlines()] == [
        ["first:", "a"],
        ["second:", "b"],
        ["first:", "c"],
    ]


def test_what_an_orphan_writes_between_the_removal_and_the_next_jobs_start_stays(log):
    orphan = teller(log, "first")
    orphan("a")
    log.unlink()
    orphan("b")  # makes a file anew
    keep_lines(log)
    orphan("c")
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["a", "b", "c"]


def test_a_log_without_hard_links_is_of_the_last_attempt(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(job.os, "link", refused)
    log = tmp_path / "train.log"
    keep_lines(log)
    teller(log, "job")("a")
    assert log.read_text().endswith("job: a\n")
