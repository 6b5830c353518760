"""A study whose jobs last some seconds, what disturbs them, and what it left."""

import hashlib
import re
import time
from pathlib import Path

import yaml

from checkout import Checkout, Job, Run

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
    "keep_checkpoints": "all",
}


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


def said(checkout: Checkout, job: Job) -> str:
    """What all training jobs of the block have said so far, by their SLURM logs.

    (The rule's own log is of its last job only: Snakemake deletes it before a job starts.)"""
    logs = checkout.folder.glob(f"logs/slurm/rule_train_block/*{block_of(job)}/*.log")
    return "".join(path.read_text() for path in sorted(logs, key=lambda path: int(path.stem)))


def trained(checkout: Checkout, job: Job) -> list[int]:
    """Models of the block in the order of their end; one that was trained twice is there twice."""
    return [int(model) for model in re.findall(r"model (\d+): trained in", said(checkout, job))]


def found_finished(checkout: Checkout, job: Job) -> set[int]:
    """Models of the block that a later job found finished."""
    return set(map(int, re.findall(r"model (\d+): was finished before", said(checkout, job))))


def assert_trained_once(checkout: Checkout, job: Job) -> None:
    """Each model of the block, and none twice. (One whose job was killed before it could say so was found finished.)"""
    told = trained(checkout, job)
    assert told == sorted(set(told))
    assert {*told, *found_finished(checkout, job)} == set(models_of(job))


def in_the_middle(checkout: Checkout, job: Job) -> bool:
    """Whether a model of the block is finished, and another has begun."""
    begun = checkout.folder.glob(f"results/*/*/progress/{block_of(job)}/*/state.pt")
    return bool(trained(checkout, job)) and any(begun)


def contents(checkout: Path) -> dict[str, str]:
    """SHA-256 of the weights of each model and the scores of each block, by their names in `results`."""
    found = [*checkout.glob("results/*/*/block-*/checkpoints/**/*.safetensors")]
    found += checkout.glob("results/*/*/*/block-*/signals.parquet")
    return {
        str(path.relative_to(checkout / "results")): hashlib.sha256(path.read_bytes()).hexdigest() for path in found
    }


def assert_as_undisturbed(checkout: Checkout, models: int, undisturbed: dict[str, str]) -> None:
    """Weights and scores of the first models: all there, the same bits, and nothing unfinished beside them."""
    expected = {name: hash for name, hash in undisturbed.items() if first_model(name) < models}
    assert contents(checkout.folder) == expected
    assert not [*checkout.folder.glob("results/**/*.tmp"), *checkout.folder.glob("results/*/*/progress/*")]


def first_model(name: str) -> int:
    """Of the block in a path."""
    return int(re.search(r"block-(\d+)-", name)[1])
