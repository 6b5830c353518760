"""What is put right of Snakemake's SLURM executor."""

import asyncio
import inspect
import time
from types import SimpleNamespace

import pytest

from memdyn.operations import slurm
from memdyn.operations.slurm import (
    _excluding_nodes,
    _understanding,
    _waiting,
    _waking,
    is_away,
    plain,
    queued,
    without_preempted,
)


@pytest.mark.parametrize(("told", "state"), [("CANCELLED by 1000", "CANCELLED"), ("RUNNING", "RUNNING")])
def test_a_state_without_who(told, state):
    assert plain(told) == state


def test_states_reach_the_executor_plain():
    async def ask(command: str) -> tuple:
        return {"7": "CANCELLED by 0", "8": "COMPLETED"}, 0.1

    assert asyncio.run(_understanding(ask)("sacct")) == ({"7": "CANCELLED", "8": "COMPLETED"}, 0.1)


def test_a_question_without_answer_stays_one():
    async def ask(command: str) -> tuple:
        return None, None

    assert asyncio.run(_understanding(ask)("sacct")) == (None, None)


@pytest.mark.parametrize(
    ("queue", "state", "says"),
    [("8", "CANCELLED", True), ("", "CANCELLED", True), ("7\n8", "PREEMPTED", False), (None, "PREEMPTED", False)],
)
def test_a_preempted_job_that_is_not_in_the_queue_again_has_ended(queue, state, says, monkeypatch):
    monkeypatch.setattr(slurm, "_told", set())
    monkeypatch.setattr(slurm, "queued", lambda: None if queue is None else set(queue.split()))
    told = []
    monkeypatch.setattr(slurm.logger, "warning", told.append)
    for _ in range(2):
        assert without_preempted({"7": "PREEMPTED", "8": "RUNNING"}) == {"7": state, "8": "RUNNING"}
    assert told == ["SLURM has preempted job 7 and does not start it again"] * says


def test_the_queue_is_asked_only_for_preempted_jobs(monkeypatch):
    monkeypatch.setattr(slurm, "queued", lambda: pytest.fail("asked"))
    assert without_preempted({"7": "FAILED"}) == {"7": "FAILED"}


@pytest.mark.parametrize(("program", "found"), [("printf '7\n12\n'", {"7", "12"}), ("true", set()), ("exit 1", None)])
def test_jobs_in_the_queue(program, found, tmp_path, monkeypatch):
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!/bin/sh\n{program}\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert queued() == found


@pytest.mark.parametrize(
    ("failed", "left_out"), [({"c1", "None assigned"}, {"c1"}), ({"None assigned"}, set()), (None, set())]
)
def test_only_nodes_are_left_out(failed, left_out):
    command = _excluding_nodes(lambda job, failed_nodes: f"{job} {sorted(failed_nodes)}")
    assert command("job", failed_nodes=failed) == f"job {sorted(left_out)}"


@pytest.mark.parametrize(
    ("pinged", "away"),
    [
        ("Slurmctld(primary) at a is UP", False),
        ("Slurmctld(primary) at a is DOWN", True),
        ("Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is UP", False),
        ("Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is DOWN", True),
        ("", False),
    ],
)
def test_a_controller_is_away_where_slurm_says_so(pinged, away, tmp_path, monkeypatch):
    program = tmp_path / "scontrol"
    program.write_text(f"#!/bin/sh\nprintf '{pinged}\n'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert is_away() == away


def test_without_slurm_no_controller_is_away(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not is_away()


def test_a_submission_waits_for_the_controller_and_is_made_once(monkeypatch):
    monkeypatch.setattr(slurm, "_WAKES_SECONDS", 0.0)
    answers, told, submitted = iter([True, True, False]), [], []
    monkeypatch.setattr(slurm, "is_away", lambda: next(answers))
    executor = SimpleNamespace(wait=True, logger=SimpleNamespace(warning=told.append))
    job = SimpleNamespace(name="train_block")
    _waiting(lambda executor, job: submitted.append(job))(executor, job)
    assert submitted == [job] and next(answers, None) is None
    assert len(told) == 1 and "train_block waits" in told[0]


@pytest.mark.parametrize(("waits", "seconds"), [(False, 600.0), (True, 0.0)])
def test_a_submission_waits_no_longer_than_the_run_nor_for_ever(waits, seconds, monkeypatch):
    monkeypatch.setattr(slurm, "is_away", lambda: True)
    monkeypatch.setattr(slurm, "_AWAY_SECONDS", seconds)
    submitted, job = [], SimpleNamespace(name="train_block")
    _waiting(lambda executor, job: submitted.append(job))(SimpleNamespace(wait=waits), job)
    assert submitted == [job]


def test_a_sleep_ends_with_the_run():
    executor = SimpleNamespace(wait=False)
    begun = time.monotonic()
    asyncio.run(_waking(lambda executor: asyncio.sleep(60))(executor))
    assert time.monotonic() - begun < 30


def test_a_sleep_is_as_long_as_the_executor_wants():
    executor = SimpleNamespace(wait=True)
    begun = time.monotonic()
    asyncio.run(_waking(lambda executor: asyncio.sleep(0.3))(executor))
    assert time.monotonic() - begun >= 0.3


def test_no_sleep_is_longer_than_a_minute(monkeypatch):
    monkeypatch.setattr(slurm, "_LONGEST_SECONDS", 0.2)
    monkeypatch.setattr(slurm, "_WAKES_SECONDS", 0.1)
    begun = time.monotonic()
    asyncio.run(_waking(lambda executor: asyncio.sleep(60))(SimpleNamespace(wait=True)))
    assert time.monotonic() - begun < 30


def test_the_executor_asks_by_that_name():
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm")
    assert "query_job_status" in plugin.Executor.check_active_jobs.__code__.co_names
    submitting = [plugin.Executor.run_job, plugin.Executor.run_array_jobs]
    assert all("get_submit_command" in method.__code__.co_names for method in submitting)
    assert list(inspect.signature(plugin.Executor.run_job).parameters) == ["self", "job"]
    assert "failed_nodes" in inspect.signature(plugin.get_submit_command).parameters
