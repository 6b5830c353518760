"""What a real SLURM does to jobs: in the end weights and scores are those of an undisturbed run, bit for bit."""

from collections.abc import Callable

import pytest

from checkout import Checkout, Job, Run
from disturbed import (
    assert_as_undisturbed,
    assert_trained_once,
    at_least,
    block_of,
    found_finished,
    freeze_in_the_middle,
    long_study,
    said,
    thaw,
    trained,
)

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

WAITS = "another job is training this block"


@pytest.mark.usefixtures("pool")
def test_cancelled_timed_out_and_requeued_jobs_go_on_where_they_were(
    checkout: Checkout, undisturbed: dict[str, str]
) -> None:
    run = checkout.start(*long_study(checkout, models=24))
    jobs = run.wait("three training jobs", lambda: at_least(3, run.jobs("train_block")), seconds=240)
    cancelled, timed_out, requeued = jobs[:3]
    disturbances: dict[Job, Callable[[], object]] = {
        # SLURM looks at time limits every 30 seconds only: a job that is frozen does not end before it does
        timed_out: lambda: checkout.cluster.run("scontrol", "update", f"JobId={timed_out.id}", "EndTime=now+1"),
        cancelled: lambda: checkout.cluster.run("scancel", cancelled.id),
        requeued: lambda: checkout.cluster.run("scontrol", "requeue", requeued.id),
    }
    freeze_in_the_middle(checkout, run, *disturbances)
    before = {job: trained(checkout, job) for job in disturbances}
    for disturb in disturbances.values():
        disturb()

    run.finish(seconds=400)

    assert [checkout.cluster.job(job.id)["JobState"] for job in (cancelled, timed_out)] == ["CANCELLED", "TIMEOUT"]
    assert checkout.cluster.job(requeued.id)["Restarts"] == "1"
    second = {block_of(job): job for job in run.jobs("train_block")[3:]}
    assert second.keys() == {block_of(cancelled), block_of(timed_out)}  # a requeue needs no new job
    assert_more_is_asked_for(checkout, cancelled, second[block_of(cancelled)])
    assert_as_undisturbed(checkout, 24, undisturbed)
    for job in jobs:
        assert_trained_once(checkout, job)
        assert "resumed after epoch" in said(checkout, job)
        assert set(before[job]) <= found_finished(checkout, job)


def test_a_killed_controller_is_started_again_and_nothing_is_trained_twice(
    checkout: Checkout, undisturbed: dict[str, str]
) -> None:
    study = long_study(checkout, models=16)
    first = checkout.start(*study)
    jobs = first.wait("two training jobs", lambda: at_least(2, first.jobs("train_block")), seconds=240)
    freeze_in_the_middle(checkout, first, *jobs)  # so that they are still there when the second controller comes
    first.kill()
    assert {checkout.cluster.job(job.id)["JobState"] for job in jobs} == {"STOPPED"}  # alive, but without a controller

    checkout.start(*study, "--unlock", fast=False).finish(seconds=60)
    second = checkout.start(*study)
    second.wait("two jobs that wait", lambda: all(WAITS in said(checkout, job) for job in jobs), seconds=240)
    thaw(checkout, *jobs)
    second.finish(seconds=400)

    assert_as_undisturbed(checkout, 16, undisturbed)
    assert not second.jobs("build_pool")  # finished before the kill
    assert {checkout.cluster.job(job.id)["JobState"] for job in jobs} == {"COMPLETED"}  # lived on, undisturbed
    for job in jobs:
        assert_trained_once(checkout, job)
        assert "the other job has ended" in said(checkout, job)


@pytest.mark.usefixtures("pool")
def test_a_job_without_enough_memory_gets_more_at_its_second_attempt(
    checkout: Checkout, undisturbed: dict[str, str]
) -> None:
    little = "train_block:mem_mb=600 * attempt"  # a job that imports torch takes some 900
    run = checkout.start(*long_study(checkout, models=8), "--set-resources", little)
    run.finish(seconds=240)
    first, *others = run.jobs("train_block")
    assert "Exceeded job memory limit" in first.log.read_text()
    assert [checkout.cluster.job(job.id)["MinMemoryNode"] for job in (first, *others)] == ["600M", "1200M"]
    assert_trained_once(checkout, first)
    assert_as_undisturbed(checkout, 8, undisturbed)


@pytest.mark.usefixtures("pool")
def test_preempted_jobs_are_started_again_by_slurm_or_else_by_the_run(
    checkout: Checkout, undisturbed: dict[str, str]
) -> None:
    """Some partitions cancel what they preempt, and tell for ever that it is PREEMPTED; others requeue it."""
    partition = "train_block:slurm_partition='requeued' if attempt > 1 else 'cancelled'"
    run = checkout.start(*long_study(checkout, models=8), "--set-resources", partition)
    (first,) = run.wait("a training job", lambda: run.jobs("train_block"), seconds=240)
    preempt_in_the_middle(checkout, run, first)
    first, second = run.wait("its second attempt", lambda: at_least(2, run.jobs("train_block")), seconds=240)
    preempt_in_the_middle(checkout, run, second)
    told = run.finish(seconds=240)

    assert checkout.cluster.state(first.id) == "PREEMPTED"
    assert f"SLURM has preempted job {first.id} and does not start it again" in told
    assert checkout.cluster.job(second.id)["Restarts"] == "1"
    assert run.jobs("train_block") == [first, second]
    assert_trained_once(checkout, first)
    assert_as_undisturbed(checkout, 8, undisturbed)


def preempt_in_the_middle(checkout: Checkout, run: Run, job: Job) -> None:
    """Another job takes the whole node of one that has finished models, for a second."""
    freeze_in_the_middle(checkout, run, job)
    checkout.cluster.run("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")


def assert_more_is_asked_for(checkout: Checkout, first: Job, second: Job) -> None:
    """Memory and time grow with the attempt, in SLURM's own record."""
    once, twice = checkout.cluster.job(first.id), checkout.cluster.job(second.id)
    assert gigabytes(twice["MinMemoryNode"]) == 2 * gigabytes(once["MinMemoryNode"])
    assert minutes(twice["TimeLimit"]) == 2 * minutes(once["TimeLimit"])


def gigabytes(text: str) -> float:
    """ "8000M" -> 8.0"""
    return float(text[:-1]) * {"M": 0.001, "G": 1.0}[text[-1]]


def minutes(text: str) -> int:
    """[days-]hours:minutes:seconds"""
    days, _, clock = text.rpartition("-")
    hours, minute, _ = clock.split(":")
    return (int(days or 0) * 24 + int(hours)) * 60 + int(minute)
