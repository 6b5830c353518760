"""Jobs that fail on a real SLURM: how often each is tried, what is said of it, and how soon it is noticed."""

import json

import pytest
import yaml

from checkout import Checkout, Job, Run
from disturbed import LONG_STUDY

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

STUDY = {
    "study": "failing",
    "pool": LONG_STUDY["pool"],
    "base": {"model": {"name": "mlp", "hidden": [16]}, "epochs": 400, "batch_size": 8, "checkpoints": [0, 400]},
    "attacks": [{"name": "lira"}],
    "shadow_models": 8,
}


def start(checkout: Checkout, *arguments: str, **changes: object) -> Run:
    """A study of one run, up to its training."""
    path = checkout.folder / "config/studies/failing.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes))
    return checkout.start("--configfile", str(path), "--until", "train_block", *arguments)


def trainings(run: Run) -> list[Job]:
    return run.wait("a training job", lambda: run.jobs("train_block"), seconds=240)


def causes(checkout: Checkout) -> list[str]:
    notes = checkout.folder.glob("results/*/*/block-*/train.failed.json")
    return [json.loads(note.read_text())["cause"] for note in notes]


def last_words(said: str) -> str:
    """From the failures on."""
    return said[said.index(" FAILED: ") :]


@pytest.mark.usefixtures("pool")
def test_what_would_fail_again_is_tried_once_and_the_profiles_line_is_named(checkout: Checkout) -> None:
    """With the profile's two retries, one Snakemake after the other, each told of the failures of its own run."""
    refused = start(checkout, "--set-resources", "train_block:slurm_partition=nope")
    said = refused.finish(seconds=240, code=1)
    assert said.count("SLURM sbatch failed") == 1
    assert causes(checkout) == ["REFUSED"]
    assert "Invalid partition name specified" in last_words(said)
    assert "set-resources: {train_block: {slurm_partition:" in last_words(said)

    # the GPUs of the tests' cluster are pretended, so torch sees none
    blind = start(checkout, "--set-resources", "train_block:slurm_partition=gpu", device="cuda")
    said = blind.finish(seconds=240, code=1)
    (job,) = blind.jobs("train_block")
    assert checkout.cluster.job(job.id)["JobState"] == "FAILED"
    assert causes(checkout) == ["ERROR"]
    assert "torch sees no GPU here" in last_words(said) and "not tried again" in said
    assert "set-resources: {train_block: {slurm_partition:" in last_words(said)

    waiting = start(checkout, "--set-resources", "train_block:slurm_extra='--begin=now+8'")
    (job,) = trainings(waiting)
    path = checkout.folder / "workflow/scripts/memdyn/training/loop.py"
    path.write_text(path.read_text() + "\n\ndef unused() -> int:\n    return 1\n")
    said = waiting.finish(seconds=240, code=1)
    assert waiting.jobs("train_block") == [job]
    assert "is not part of the study as code and config now stand" in said


@pytest.mark.usefixtures("pool")
def test_a_cancelled_group_is_noticed_and_tried_again(checkout: Checkout) -> None:
    """By the executor alone it would not be, by sacct: it takes `CANCELLED by 0` for a job that runs."""
    groups = ("--groups", "train_block=train", "--group-components", "train=2", "--cores", "1")
    run = start(checkout, *groups, shadow_models=16)
    first = run.wait("the group's job", lambda: run.jobs("train_train_block"), seconds=240)[0]
    run.wait("its start", lambda: checkout.cluster.job(first.id)["JobState"] == "RUNNING", seconds=60)
    checkout.cluster.run("scancel", first.id)
    run.wait("its second attempt", lambda: len(run.jobs("train_train_block")) > 1, seconds=120)
    assert causes(checkout) == ["CANCELLED"] * 2
    assert "Group train_train_block: SLURM ended it: CANCELLED." in run.text()
    second = run.jobs("train_train_block")[1]
    run.wait("its start", lambda: checkout.cluster.job(second.id)["JobState"] == "RUNNING", seconds=60)
    run.interrupt()
    said = run.text()
    assert "interrupted: 1 job on the cluster is cancelled; what was finished stays" in said, said
    assert "Traceback" not in said and "RuleException" not in said
    assert "failed: " not in said  # it was to be tried again
    # its processes first put away what they hold
    checkout.cluster.wait("its end", lambda: checkout.cluster.job(second.id)["JobState"] == "CANCELLED", seconds=240)
