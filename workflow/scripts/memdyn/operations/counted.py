"""How far the trainings of a study are, counted from the files that jobs leave."""

import json
import os
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path

import pandas as pd

from memdyn.design.blocks import block_names, models_of, progress_folder
from memdyn.identity.records import job_records
from memdyn.plan.study import RunPlan, StudyPlan
from memdyn.store.logs import failed_models

_LOGS_READ = 4  # of the finished blocks of a run, the last ones: enough for a mean


@dataclass(frozen=True)
class Count:
    """How far a run is.

    Attributes:
        wanted, scored: models; those that diverged have come to their end as well.
        to_train: models whose training counts here: none where the run shares that of an earlier one.
        trained: of these.
        left: models of each block that is not scored yet.
        begun: the models in training, each as the share of its epochs that lies on disk, summed.
        jobs: of training that have not finished: one that has begun may have to begin again.
        seconds: mean time to train a model, of its cores alone where a job's record tells; 0 while none is finished.
    """

    name: str
    wanted: int
    to_train: int
    trained: int
    scored: int
    left: tuple[int, ...]
    begun: float
    jobs: int
    seconds: float

    @property
    def to_come(self) -> float:
        """Models that are still to be trained, those that have begun by what is left of them."""
        return self.to_train - self.trained - self.begun


def count(plan: StudyPlan, run: RunPlan) -> Count:
    """Counts the models of a run from what lies on disk now."""
    blocks = block_names(plan.study.config.shadow_models)
    trained = scored = finished_jobs = 0
    begun, seconds, logs = 0.0, [], []
    left = {block: len(models_of(block)) for block in blocks}
    trained_in = Path(plan.results, run.train.path)
    last = run.outputs or run.train  # a hidden teacher is done when it is trained
    # three folders are listed, and only what lies there is looked at: a look at each of thousands of files, every few
    # seconds, is a burden on the file system of a cluster
    begun_blocks = _names(trained_in) | _names(trained_in / "progress") | _names(Path(plan.results, last.path))
    for block in filter(begun_blocks.__contains__, blocks):
        size = left[block]
        log = Path(plan.results, run.train.product(block))
        if _there(log):
            trained += size
            logs.append(log)
            finished_jobs += 1
        else:
            models = list(progress_folder(trained_in, block).glob("model-*"))
            finished = [json.loads(file.read_text()) for model in models if (file := model / "log.json").exists()]
            trained += len(finished)
            seconds += [sum(row["seconds"] for row in rows) for rows in finished if isfinite(rows[-1]["loss"])]
            begun += sum(_share(model, run.train.options["epochs"]) for model in models)
        if _there(Path(plan.results, last.product(block))):
            scored += left.pop(block)
    by_the_clock = plan.study.config.device == "cuda"
    seconds += filter(None, (_mean_seconds(log, by_the_clock) for log in logs[-_LOGS_READ:]))
    wanted, mean = plan.study.config.shadow_models, sum(seconds) / len(seconds) if seconds else 0.0
    return Count(
        name=run.name,
        wanted=wanted,
        to_train=0 if run.shares else wanted,
        trained=0 if run.shares else trained,
        scored=scored,
        left=tuple(left.values()),
        begun=0.0 if run.shares else begun,
        jobs=0 if run.shares else len(blocks) - finished_jobs,
        seconds=mean,
    )


def _names(folder: Path) -> set[str]:
    """What lies in a folder; nothing where there is none."""
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


_seen: set[Path] = set()


def _there(product: Path) -> bool:
    """Whether a job has left it; what is once there stays as long as this process looks."""
    if product not in _seen and product.exists():
        _seen.add(product)
    return product in _seen


@cache
def _mean_seconds(log: Path, by_the_clock: bool) -> float:
    """Of the models of a finished block, which does not change any more; 0 where all of them diverged."""
    table = pd.read_parquet(log, columns=["model", "epoch", "loss", "seconds"])
    table = table[~table["model"].isin(failed_models(table))]
    mean = table["seconds"].sum() / max(1, table["model"].nunique())
    return mean if by_the_clock else mean * _undisturbed(log.parent)


def _undisturbed(block: Path) -> float:
    """The share of its time in which a job's cores worked for it, and not for others; 1 where nothing tells."""
    records = job_records(block)
    return min(1.0, records[0].cpu_seconds / (records[0].seconds * records[0].threads)) if records else 1.0


def _share(model: Path, epochs: int) -> float:
    """The part of an unfinished model's epochs that its checkpoints tell of."""
    if (model / "log.json").exists():
        return 0.0
    saved = [int(file.stem.removeprefix("epoch-")) for file in model.glob("epoch-*.safetensors")]
    return max(saved, default=0) / epochs
