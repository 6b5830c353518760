"""What Snakemake notes of failed jobs, by its executor's own words, and how many attempts it gives them then."""

import errno
import os
from types import SimpleNamespace

import pytest
from snakemake.jobs import GroupJob, Job
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake_interface_executor_plugins.executors.base import AbstractExecutor

from memdyn.jobs import failure
from memdyn.jobs.failure import ERROR, REFUSED, Failure
from memdyn.operations import attempts

# as the executor writes them (2.8.0)
STATE = "SLURM-job '7' failed, SLURM status is: '{}'. Reason: Unknown.For further error details see the"
BY_SQUEUE = (
    "SLURM-job '7' failed, SLURM status is: '{}'. Detailed failure reason unavailable (status command is not 'sacct')."
)
NODE = "SLURM-job '7' failed due to a node failure, SLURM status is: '{}'. Failed nodes will be excluded from"
REFUSAL = "SLURM sbatch failed. The error message was '{}'.\n    sbatch call:\n        sbatch --parsable -p no's\n"
PARTITION = (
    "sbatch: error: invalid partition specified: nope\n"
    "sbatch: error: Batch job submission failed: Invalid partition name specified"
)
BUSY = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
AWAY = "Failed to run sinfo: Unable to contact slurm controller"
ASKED = {"mem_mb": 8000, "runtime": 240}


class Planned:
    """As much of Snakemake's job as is asked for."""

    def __init__(self, folder, name="train"):
        self.rule = SimpleNamespace(name=f"{name}_block", restart_times=2)
        self.log, self.output = [str(folder / f"{name}.log")], [str(folder / f"{name}.parquet")]
        self.resources, self.attempt, self.restart_times = ASKED, 1, 2

    def is_group(self):
        return False


class Group:
    def __init__(self, *jobs):
        self.jobs, self.resources = jobs, ASKED

    def is_group(self):
        return True


@pytest.fixture(autouse=True)
def run(monkeypatch):
    monkeypatch.setenv(failure.TOKEN, "now")


def noted(job) -> Failure | None:
    return failure.read(job.log[0])


@pytest.mark.parametrize("said", [STATE, BY_SQUEUE, NODE])
@pytest.mark.parametrize("state", ["TIMEOUT", "OUT_OF_MEMORY", "CANCELLED", "NODE_FAIL"])
def test_what_slurm_ends_is_noted_and_tried_again(tmp_path, said, state):
    job = Planned(tmp_path)
    attempts.note([job], said.format(state), None, ASKED)
    assert noted(job) == Failure("now", "train_block", state, f"SLURM ended it: {state}.", True, ASKED)


def test_the_state_counts_more_than_what_the_job_said_while_it_was_ended(tmp_path):
    job = Planned(tmp_path)
    failure.write(Failure("now", "train_block", ERROR, "ValueError: half a file", False), job.log[0])
    attempts.note([job], STATE.format("OUT_OF_MEMORY"), None, ASKED)
    assert noted(job).again


@pytest.mark.parametrize(("said", "words", "again"), [
    (PARTITION, "invalid partition specified: nope; Invalid partition name specified", False),
    (BUSY, "Socket timed out on send/recv operation", True),
    (AWAY, AWAY, True),
])  # fmt: skip
def test_a_refused_submission_is_noted_with_its_reason(tmp_path, said, words, again):
    job = Planned(tmp_path)
    attempts.note([job], REFUSAL.format(said), None, ASKED)
    assert noted(job) == Failure("now", "train_block", REFUSED, words, again, ASKED)


def test_what_the_executor_itself_refuses(tmp_path):
    job = Planned(tmp_path)
    attempts.note([job], "Job submission failed with exception: account 'x' is not valid", None, ASKED)
    assert (noted(job).cause, noted(job).words, noted(job).again) == (REFUSED, "account 'x' is not valid", False)


def test_an_error_of_the_jobs_own_is_left_as_it_said_it(tmp_path):
    job = Planned(tmp_path)
    own = Failure("now", "train_block", ERROR, "ValueError: no", False)
    failure.write(own, job.log[0])
    attempts.note([job], STATE.format("FAILED"), None, ASKED)
    assert noted(job) == own


@pytest.mark.parametrize("last", [
    "ModuleNotFoundError: No module named 'torch'",
    "results/p/r is not part of the study as code and config now stand: they were changed after",
])  # fmt: skip
def test_a_job_that_did_not_come_to_its_first_line_is_told_by_slurms_log(tmp_path, last):
    job, log = Planned(tmp_path), tmp_path / "7.log"
    log.write_text(f"Traceback (most recent call last):\n  File x\n{last}\n[more of Snakemake]\n")
    attempts.note([job], STATE.format("FAILED"), log, ASKED)
    assert noted(job) == Failure("now", "train_block", ERROR, last, False, ASKED)


def test_a_job_of_which_nothing_is_known_is_tried_again(tmp_path):
    """Killed by the system, or on a node without Python: another node may do it."""
    job, log = Planned(tmp_path), tmp_path / "7.log"
    log.write_text("died with <Signals.SIGKILL: 9>\n")
    attempts.note([job], STATE.format("FAILED"), log, ASKED)
    assert noted(job) is None


def test_a_job_that_could_not_even_write_a_note_for_want_of_room(tmp_path, monkeypatch):
    job = Planned(tmp_path)
    monkeypatch.setattr(attempts, "no_room", lambda folder: errno.ENOSPC)
    attempts.note([job], STATE.format("FAILED"), tmp_path / "7.log", ASKED)
    assert noted(job).words.startswith("NoRoom: the disk is full") and not noted(job).again


def test_of_a_group_only_what_is_not_done_has_failed(tmp_path):
    done, left = Planned(tmp_path, "train"), Planned(tmp_path, "probe")
    (tmp_path / "train.parquet").touch()
    attempts.note([done, left], STATE.format("TIMEOUT"), None, ASKED)
    assert noted(done) is None and noted(left).cause == "TIMEOUT"


@pytest.mark.parametrize(("of", "again", "expected"), [
    ("now", True, 2), ("now", False, 0), ("before", False, 2),
])  # fmt: skip
def test_attempts_by_the_note_of_this_run(tmp_path, of, again, expected):
    job = Planned(tmp_path)
    assert attempts._sparing(lambda job: 2)(job) == 2
    failure.write(Failure(of, "train_block", ERROR, "words", again), job.log[0])
    assert attempts._sparing(lambda job: 2)(job) == expected
    assert attempts._sparing(lambda job: 2)(Group(Planned(tmp_path, "probe"), job)) == expected


def test_the_executors_message_begins_with_the_jobs_words(tmp_path):
    told = []
    job = Planned(tmp_path)
    job.restart_times = 0
    failure.write(Failure("now", "train_block", ERROR, "ValueError: no", False), job.log[0])
    say = attempts._noting(lambda executor, info, msg, **more: told.append((msg, more)))
    say(None, SimpleNamespace(job=job, aux=None), STATE.format("FAILED"), external_jobid="7")
    assert told[0][0].startswith("ValueError: no (not tried again: it would fail again) SLURM-job '7' failed")
    assert told[0][1] == {"external_jobid": "7"}
    assert not noted(job).waits


@pytest.mark.parametrize(("planned", "attempt"), [(0, 1), (2, 3)])
def test_where_there_was_no_further_attempt_none_is_spoken_of(tmp_path, planned, attempt):
    told = []
    job = Planned(tmp_path)
    job.rule.restart_times, job.restart_times, job.attempt = planned, 0, attempt
    failure.write(Failure("now", "train_block", ERROR, "ValueError: no", False), job.log[0])
    attempts._noting(lambda executor, info, msg, **more: told.append(msg))(None, SimpleNamespace(job=job, aux=None))
    assert told == ["ValueError: no"]


@pytest.mark.parametrize(("attempt", "waits"), [(1, True), (2, True), (3, False)])
def test_a_job_that_waits_for_its_next_attempt_is_noted_so(tmp_path, attempt, waits):
    job = Planned(tmp_path)
    job.attempt = attempt
    say = attempts._noting(lambda *_, **more: None)
    say(None, SimpleNamespace(job=job, aux=None), STATE.format("TIMEOUT"))
    assert noted(job).cause == "TIMEOUT" and noted(job).waits is waits


def test_what_is_wrapped_is_what_snakemake_asks():
    """Its names, and that the executor tells of a failure before the scheduler counts attempts."""
    assert isinstance(Job.restart_times, property) and isinstance(GroupJob.restart_times, property)
    assert "restart_times" in JobScheduler._handle_error.__code__.co_names
    names = AbstractExecutor.report_job_error.__code__.co_names
    assert names.index("print_job_error") < names.index("error_callback")


def test_a_token_goes_to_the_jobs(monkeypatch):
    wrapped = {AbstractExecutor: "print_job_error", Job: "restart_times", GroupJob: "restart_times"}
    for kind, name in wrapped.items():
        monkeypatch.setattr(kind, name, getattr(kind, name))
    attempts.watch()
    once = AbstractExecutor.print_job_error
    attempts.watch()
    assert AbstractExecutor.print_job_error is once
    assert os.environ[failure.TOKEN] == failure.token() != "now"
