"""Parts of a real SLURM that go away, a full disk, two controllers, edited code: each ends in a right result, or in an
error that says what it is."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from checkout import Checkout, Job, Run
from disturbed import (
    LONG_STUDY,
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
from project import Project

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

HELD = ("--set-resources", "train_block:slurm_extra='--hold'")
NO_ROOM = re.compile("no room to write|disk is full", re.IGNORECASE)


@pytest.mark.usefixtures("pool")
def test_a_node_goes_down_then_the_controller_then_the_accounting(
    checkout: Checkout, undisturbed: dict[str, str]
) -> None:
    """One study meets all three, one after the other, each while jobs of it are at work."""
    cluster = checkout.cluster
    run = checkout.start(*long_study(checkout, models=16))
    jobs = run.wait("two training jobs", lambda: at_least(2, run.jobs("train_block")), seconds=240)
    freeze_in_the_middle(checkout, run, *jobs)
    before = {job: trained(checkout, job) for job in jobs}
    for node in {cluster.job(job.id)["NodeList"] for job in jobs}:
        cluster.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    run.wait("their second start", lambda: sum(freeze_once_on(checkout, job) for job in jobs) == 2, seconds=240)

    with cluster.without("slurmctld"):
        away = time.monotonic()
        run.wait("the end of training, which nobody is told", lambda: thawed_and_trained(checkout, 2), seconds=240)
        run.wait("40 seconds", lambda: time.monotonic() - away > 40, seconds=60)
        assert not run.jobs("probe_block")

    scoring = run.wait("two scoring jobs", lambda: at_least(2, run.jobs("probe_block")), seconds=120)
    with cluster.without("slurmdbd"):
        away = time.monotonic()
        run.wait("the end of scoring, which has no account", lambda: are_completed(checkout, scoring), seconds=240)
        run.wait("20 seconds", lambda: time.monotonic() - away > 20, seconds=60)

    run.finish(seconds=240)
    assert len(run.jobs("train_block")) == len(run.jobs("probe_block")) == 2  # no second attempt of any
    for job in jobs:
        assert cluster.job(job.id)["Restarts"] == "1"
        assert_trained_once(checkout, job)
        assert set(before[job]) <= found_finished(checkout, job)
    assert_as_undisturbed(checkout, 16, undisturbed)


def test_a_controller_that_is_away_when_a_job_is_to_be_submitted_is_waited_for(checkout: Checkout) -> None:
    with checkout.cluster.without("slurmctld"):
        run = checkout.start(*other_study(checkout))
        run.wait("a submission that waits", lambda: "SLURM's controller is away" in run.text(), seconds=240)
        assert not run.jobs()
    run.finish(seconds=240)
    assert len(run.jobs()) == 1  # its first attempt


@pytest.mark.usefixtures("pool")
def test_two_studies_at_once_and_code_that_is_edited_while_jobs_wait(
    checkout: Checkout, undisturbed: dict[str, str]
) -> None:
    cluster = checkout.cluster
    study = long_study(checkout, models=16)
    first = checkout.start(*study, *HELD)
    done, waiting = first.wait("two jobs in the queue", lambda: at_least(2, first.jobs("train_block")), seconds=240)
    other = checkout.start(*other_study(checkout))
    other.finish(seconds=240)  # it ends, and tidies up, while the jobs of the first wait: their log folders must stay
    assert {cluster.job(job.id)["JobState"] for job in (done, waiting)} == {"PENDING"}
    cluster.run("scontrol", "release", done.id)
    first.wait("the scores of its block", lambda: is_scored(checkout, first), seconds=240)

    code = checkout.folder / "workflow/scripts/memdyn/training/loop.py"
    as_planned = code.read_bytes()
    code.write_bytes(as_planned + b"\n\ndef unused() -> int:\n    return 1\n")
    cluster.run("scontrol", "release", waiting.id)
    first.finish(seconds=240, code=1)
    assert [job.id for job in first.jobs("train_block")] == [done.id, waiting.id]  # a second attempt would not mend it
    assert "is not part of the study as code and config now stand" in waiting.log.read_text()
    assert not trained(checkout, waiting)

    code.write_bytes(as_planned)
    again = checkout.start(*study)
    again.finish(seconds=240)
    assert [block_of(job) for job in again.jobs("train_block")] == [block_of(waiting)]
    assert_as_undisturbed(checkout, 16, undisturbed)


def test_a_disk_that_is_full_in_the_middle_of_a_block(
    checkout: Checkout, small_disk: Path, undisturbed: dict[str, str]
) -> None:
    study = long_study(checkout, models=8)
    run = checkout.start(*study)
    (job,) = run.wait("a training job", lambda: run.jobs("train_block"), seconds=240)
    freeze_in_the_middle(checkout, run, job)
    before = trained(checkout, job)
    ballast = small_disk / "ballast"
    fill(ballast)
    thaw(checkout, job)
    told = run.finish(seconds=240, code=1)
    assert NO_ROOM.search(job.log.read_text())
    assert NO_ROOM.search(told[told.index(" FAILED: ") :])
    assert run.jobs("train_block") == [job]  # a second attempt would find it as full

    ballast.unlink()
    checkout.start(*study).finish(seconds=240)
    assert set(before) <= found_finished(checkout, job)
    assert_trained_once(checkout, job)
    assert_as_undisturbed(checkout, 8, undisturbed)


@pytest.fixture
def small_disk(checkout: Checkout, local: Project) -> Iterator[Path]:
    """`results` of the checkout on a file system of its own, of 64 MB, with the pool."""
    folder = checkout.folder / "results"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "memdyn-test", folder], text=True, capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    checkout.take(local.folder / "pool")
    yield folder
    checkout.close()  # nobody may be at work on it any more
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(path: Path) -> None:
    """Writes until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == 28, error  # ENOSPC


def other_study(checkout: Checkout) -> tuple[str, ...]:
    """The arguments that build another pool than that of the disturbed study."""
    path = checkout.folder / "config/studies/other.yaml"
    pool = LONG_STUDY["pool"] | {"seed": 7}
    path.write_text(yaml.safe_dump(LONG_STUDY | {"study": "other", "pool": pool, "shadow_models": 8}))
    return "--configfile", str(path), "--until", "build_pool"


def freeze_once_on(checkout: Checkout, job: Job) -> bool:
    """Whether a job that SLURM requeued trains again; it is then stopped, so as not to end before another has begun."""
    is_on = checkout.cluster.job(job.id)["Restarts"] == "1" and "resumed after epoch" in said(checkout, job)
    if is_on:
        checkout.cluster.run("scancel", "--signal=STOP", job.id)
    return is_on


def thawed_and_trained(checkout: Checkout, blocks: int) -> bool:
    """Whether so many blocks have published their weights and logs.

    All processes are told to go on each time: a node may still be about to stop what was told before."""
    checkout.cluster.thaw_all()
    return len(list(checkout.folder.glob("results/*/*/block-*/log.parquet"))) == blocks


def are_completed(checkout: Checkout, jobs: list[Job]) -> bool:
    return all(checkout.cluster.job(job.id)["JobState"] == "COMPLETED" for job in jobs)


def is_scored(checkout: Checkout, run: Run) -> bool:
    """Whether a scoring job has ended well, so that an edit of code is of no concern to it."""
    return any(are_completed(checkout, [job]) for job in run.jobs("probe_block"))
