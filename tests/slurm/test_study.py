"""`snakemake --profile slurm`, as shipped, on a real SLURM: studies end, and recover from what clusters do to jobs."""

import re
import time
from collections.abc import Callable

import pytest
import yaml

from checkout import Checkout, Job, Run

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

TINY = ("--configfile", "config/studies/tiny.yaml")
GPU_NODES = ("--set-resources", "train_block:slurm_partition=gpu", "probe_block:slurm_partition=gpu")
CUDA = ("--config", "device=cuda", *GPU_NODES)
WAITS = "another job is training this block"
# Long enough to be disturbed in the middle of a block, by its recipe alone: some seconds a block on one core.
LONG_STUDY = {
    "study": "disturbed",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 1000, "sham": 100, "population": 100, "test": 100, "spare": 0},
    },
    "base": {"model": {"name": "mlp", "hidden": [128]}, "epochs": 60, "batch_size": 16, "checkpoints": [0, 60]},
    "attacks": [{"name": "lira"}],
    "statistics": {"null_draws": 12},
}


def test_a_study_runs_to_its_report_and_a_rerun_submits_nothing(checkout: Checkout) -> None:
    study = one_run(checkout)
    run = checkout.start(*study)
    run.finish(seconds=400)
    assert (checkout.folder / "results/studies/one/report.html").stat().st_size > 10_000
    states = {job.rule: checkout.cluster.job(job.id)["JobState"] for job in run.jobs()}
    assert {"build_pool", "train_block", "probe_block"} <= states.keys()
    assert set(states.values()) == {"COMPLETED"}

    again = checkout.start(*study, fast=False)
    assert "Nothing to be done" in again.finish(seconds=60)
    assert not again.jobs()


def test_cancelled_timed_out_and_requeued_jobs_go_on_where_they_were(checkout: Checkout) -> None:
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
    assert scored_blocks(checkout) == {block_of(job) for job in jobs}
    for job in jobs:
        assert trained(checkout, job) == models_of(job)  # each once, in order
        assert "resumed after epoch" in said(checkout, job)
        assert all(f"model {model}: was finished before" in said(checkout, job) for model in before[job])


def test_a_killed_controller_is_started_again_and_nothing_is_trained_twice(checkout: Checkout) -> None:
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

    assert scored_blocks(checkout) == {block_of(job) for job in jobs}
    assert not second.jobs("build_pool")  # finished before the kill
    assert {checkout.cluster.job(job.id)["JobState"] for job in jobs} == {"COMPLETED"}  # lived on, undisturbed
    for job in jobs:
        assert trained(checkout, job) == models_of(job)  # each once, in order
        assert "the other job has ended" in said(checkout, job)


def test_gpu_jobs_ask_for_one_gpu_and_the_others_for_none(checkout: Checkout) -> None:
    asked = gpus_of_rules(checkout.start(*TINY, *CUDA, "--dry-run", "--printshellcmds", fast=False).finish(seconds=60))
    assert {rule for rule, gpus in asked.items() if gpus == {1}} == {"train_block", "probe_block"}
    assert set.union(*asked.values()) <= {0, 1}

    run = checkout.start(*TINY, *CUDA, "--retries", "0")
    job = run.wait("a training job", lambda: run.jobs("train_block"), seconds=240)[0]
    record = checkout.cluster.job(job.id)
    assert (record["Partition"], record["TresPerJob"]) == ("gpu", "gres:gpu:1")
    assert all("TresPerJob" not in checkout.cluster.job(other.id) for other in run.jobs("build_pool"))
    # the GPUs are pretended, so the job itself must say that it has none
    run.finish(seconds=90, code=1)
    assert "device: cuda, but torch sees no GPU here" in job.log.read_text()


def test_a_group_of_blocks_asks_for_one_gpu_and_for_the_time_of_all(checkout: Checkout) -> None:
    groups = ("--groups", "train_block=train", "--group-components", "train=2", "--cores", "1")
    run = checkout.start(*TINY, *CUDA, *groups, "--retries", "0")
    (group,) = run.wait("the group's job", lambda: run.jobs("train_train_block"), seconds=240)
    record = checkout.cluster.job(group.id)
    assert (record["TresPerJob"], record["MinMemoryNode"], record["TimeLimit"]) == ("gres:gpu:1", "8000M", "08:00:00")
    run.interrupt()


def one_run(checkout: Checkout) -> tuple[str, ...]:
    """Writes the tiny study with one run of its two: half of the jobs, each of which starts Python twice."""
    study = yaml.safe_load((checkout.folder / "config/studies/tiny.yaml").read_text())
    del study["runs"]
    path = checkout.folder / "config/studies/one.yaml"
    path.write_text(yaml.safe_dump(study | {"study": "one", "report": {"pdf": False}}))
    return "--configfile", str(path)


def long_study(checkout: Checkout, models: int) -> tuple[str, ...]:
    """Writes a study whose training blocks last some seconds; the arguments that run it up to its scores."""
    path = checkout.folder / "config/studies/disturbed.yaml"
    path.write_text(yaml.safe_dump(LONG_STUDY | {"shadow_models": models}))
    return "--configfile", str(path), "--until", "probe_block"


def freeze_in_the_middle(checkout: Checkout, run: Run, *jobs: Job) -> None:
    """Stops the work of jobs (their steps, not their batch shells), each with models finished and one begun.

    SLURM does not notice. However slow or fast the machine is: a job that was between two models goes on."""
    going = list(jobs)

    def all_frozen() -> bool:
        for job in filter(lambda job: in_the_middle(checkout, job), list(going)):
            checkout.cluster.run("scancel", "--signal=STOP", job.id)
            time.sleep(0.5)  # until the node has sent it
            if in_the_middle(checkout, job):
                going.remove(job)
            else:
                thaw(checkout, job)
        return not going

    run.wait("the middle of every block", all_frozen, seconds=240)


def thaw(checkout: Checkout, *jobs: Job) -> None:
    for job in jobs:
        checkout.cluster.run("scancel", "--signal=CONT", job.id)


def at_least(number: int, jobs: list[Job]) -> list[Job]:
    return jobs if len(jobs) >= number else []


def block_of(job: Job) -> str:
    """block-0000-0007"""
    return re.search(r"block-\d+-\d+", str(job.log))[0]


def models_of(job: Job) -> list[int]:
    first, last = map(int, block_of(job).split("-")[1:])
    return list(range(first, last + 1))


def scored_blocks(checkout: Checkout) -> set[str]:
    return {path.parent.name for path in checkout.folder.glob("results/*/*/*/block-*/signals.parquet")}


def said(checkout: Checkout, job: Job) -> str:
    """What all training jobs of the block have said so far, by their SLURM logs.

    (The rule's own log is of its last job only: Snakemake deletes it before a job starts.)"""
    logs = checkout.folder.glob(f"logs/slurm/rule_train_block/*{block_of(job)}/*.log")
    return "".join(path.read_text() for path in sorted(logs, key=lambda path: int(path.stem)))


def trained(checkout: Checkout, job: Job) -> list[int]:
    """Models of the block in the order of their end; one that was trained twice is there twice."""
    return [int(model) for model in re.findall(r"model (\d+): trained in", said(checkout, job))]


def in_the_middle(checkout: Checkout, job: Job) -> bool:
    """Whether a model of the block is finished, and another has begun."""
    begun = checkout.folder.glob(f"results/*/*/progress/{block_of(job)}/*/state.pt")
    return bool(trained(checkout, job)) and any(begun)


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


def gpus_of_rules(dry_run: str) -> dict[str, set[int]]:
    """Rule to the numbers of GPUs that its jobs ask for, from the job descriptions of a dry run."""
    found: dict[str, set[int]] = {}
    for rule, described in re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", dry_run, flags=re.MULTILINE):
        gpus = re.search(r"    resources: .*\bgpu=(\d+)", described)
        found.setdefault(rule, set()).add(int(gpus[1]) if gpus else 0)
    return found
