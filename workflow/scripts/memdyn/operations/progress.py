"""What is left: a line now and then while Snakemake runs, counted from the files that jobs leave."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path

import pandas as pd

from memdyn.design.blocks import block_names, models_of, progress_folder
from memdyn.operations.effort import efforts, scoring_cost, seconds_a_model
from memdyn.plan.study import RunPlan, StudyPlan
from memdyn.store.logs import failed_models

START_SECONDS = 4.0  # of a job, for Python, torch and the pool
_EVERY_SECONDS = 10.0
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
        jobs, jobs_begun: of training and scoring.
        seconds: mean time to train a model, 0 while none is finished.
        scoring: time to score a model, of that to train it.
    """

    name: str
    wanted: int
    to_train: int
    trained: int
    scored: int
    left: tuple[int, ...]
    begun: float
    jobs: int
    jobs_begun: int
    seconds: float
    scoring: float

    def work(self, seconds: float, start: float) -> tuple[float, float]:
        """Work (done, in all), with the time to train a model and to start a job."""
        done = seconds * (self.trained + self.begun + self.scoring * self.scored) + start * self.jobs_begun
        return done, seconds * (self.to_train + self.scoring * self.wanted) + start * self.jobs


def count(plan: StudyPlan, run: RunPlan) -> Count:
    """Counts the models of a run from what lies on disk now."""
    blocks = block_names(plan.study.config.shadow_models)
    trained = scored = jobs_begun = 0
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
            jobs_begun += not run.shares
        else:
            models = list(progress_folder(trained_in, block).glob("model-*"))
            finished = [json.loads(file.read_text()) for model in models if (file := model / "log.json").exists()]
            trained += len(finished)
            seconds += [sum(row["seconds"] for row in rows) for rows in finished if isfinite(rows[-1]["loss"])]
            begun += sum(_share(model, run.train.options["epochs"]) for model in models)
            jobs_begun += bool(models) and not run.shares
        if _there(Path(plan.results, last.product(block))):
            scored += left.pop(block)
            jobs_begun += bool(run.outputs)
    seconds += filter(None, map(_mean_seconds, logs[-_LOGS_READ:]))
    wanted, mean = plan.study.config.shadow_models, sum(seconds) / len(seconds) if seconds else 0.0
    return Count(
        name=run.name,
        wanted=wanted,
        to_train=0 if run.shares else wanted,
        trained=0 if run.shares else trained,
        scored=scored,
        left=tuple(left.values()),
        begun=0.0 if run.shares else begun,
        jobs=(bool(run.outputs) + (not run.shares)) * len(blocks),
        jobs_begun=jobs_begun,
        seconds=mean,
        scoring=scoring_cost(run),
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
def _mean_seconds(log: Path) -> float:
    """Of the models of a finished block, which does not change any more; 0 where all of them diverged."""
    table = pd.read_parquet(log, columns=["model", "epoch", "loss", "seconds"])
    table = table[~table["model"].isin(failed_models(table))]
    return table["seconds"].sum() / max(1, table["model"].nunique())


def _share(model: Path, epochs: int) -> float:
    """The part of an unfinished model's epochs that its checkpoints tell of."""
    if (model / "log.json").exists():
        return 0.0
    saved = [int(file.stem.removeprefix("epoch-")) for file in model.glob("epoch-*.safetensors")]
    return max(saved, default=0) / epochs


class Progress(threading.Thread):
    """Tells the line every ten seconds in which it has changed, until the process ends; nothing where none is trained.

    Args:
        slots: jobs of training and scoring that run side by side.
        tell: takes the line, and the seconds until all is done.
        besides: -> seconds of all other jobs that are left, one after the other.
    """

    def __init__(
        self,
        plan: StudyPlan,
        slots: int,
        tell: Callable[[str, float], None] | None = None,
        besides: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__(name="progress", daemon=True)
        self.plan, self.slots, self.besides = plan, slots, besides
        self.tell = tell or _print
        self.efforts = efforts(plan)
        self.started = time.monotonic()
        self.first = self._counts()

    def run(self) -> None:
        while self.plan.trained:
            time.sleep(_EVERY_SECONDS)
            try:
                counts = self._counts()
                line = self._line(counts)
                left = self._seconds_left(counts) + self.besides() / self.slots
            except (OSError, ValueError):  # a file that a job is just replacing: the next look will see it
                continue
            self.tell(line, left)

    def _counts(self) -> list[Count]:
        return [count(self.plan, run) for run in self.plan.trained]

    def _line(self, counts: list[Count]) -> str:
        wanted, trained = sum(c.to_train for c in counts), sum(c.trained for c in counts)
        runs = ", ".join(f"{c.name} {c.trained}/{c.to_train}" for c in counts if c.to_train)
        line = f"{trained} of {wanted} models trained ({runs}), {sum(c.scored for c in counts)} scored"
        left = self._seconds_left(counts)
        return f"{line}; about {duration(left)} of training and scoring left" if left else line

    def _seconds_left(self, counts: list[Count]) -> float:
        """From the pace since the start, or from the time of models while none has come any further.

        A run of which nothing is known is taken for as long as the longest.
        """
        known = seconds_a_model(self.efforts, [c.seconds for c in counts])
        longest = max(filter(None, known), default=0.0)
        start = START_SECONDS if longest else 0.0
        done = left = models_done = 0.0
        for before, now, each in zip(self.first, counts, known, strict=True):
            seconds = each or longest or 1.0
            now_done, total = now.work(seconds, start)
            done += now_done - before.work(seconds, start)[0]
            models_done += now.work(seconds, 0.0)[0] - before.work(seconds, 0.0)[0]
            left += total - now_done
        if models_done:
            return left * (time.monotonic() - self.started) / done
        return left / self.slots if longest else 0.0


def _print(line: str, _: float) -> None:
    print(f"{time.strftime('%H:%M:%S')} progress: {line}", file=sys.stderr, flush=True)


def duration(seconds: float, exactly: bool = False) -> str:
    """5 s, 12 min, 3.4 h; to the second, where it was measured: 3 s, 2 min 5 s."""
    if exactly and seconds < 5400:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    if seconds < 90:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
