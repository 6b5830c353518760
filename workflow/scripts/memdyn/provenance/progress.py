"""What is left: a line now and then while Snakemake runs, counted from the files that jobs leave."""

import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from memdyn.design.blocks import block_names, models_of
from memdyn.plan import RunPlan, StudyPlan

_EVERY_SECONDS = 10.0


@dataclass(frozen=True)
class Count:
    """Models of one run: wanted, trained and scored, and the mean seconds that a finished one took (0: none yet)."""

    name: str
    wanted: int
    trained: int
    scored: int
    seconds: float


def count(plan: StudyPlan, run: RunPlan) -> Count:
    """Counts the models of a run from what lies on disk now."""
    trained, scored, seconds = 0, 0, []
    for block in block_names(plan.study.config.shadow_models):
        size = len(models_of(block))
        log = Path(plan.results, run.train_path, block, "log.parquet")
        unfinished = Path(plan.results, run.train_path, "progress", block)
        if log.exists():
            trained += size
            seconds.append(pd.read_parquet(log, columns=["seconds"])["seconds"].sum() / size)
        else:
            logs = [json.loads(path.read_text()) for path in unfinished.glob("model-*/log.json")]
            trained += len(logs)
            seconds += [sum(row["seconds"] for row in rows) for rows in logs]
        scored += size * Path(plan.results, run.scoring_path, block, "scores.parquet").exists()
    mean = sum(seconds) / len(seconds) if seconds else 0.0
    return Count(run.name, plan.study.config.shadow_models, trained, scored, mean)


class Progress(threading.Thread):
    """Prints the line every ten seconds in which it has changed, until the process ends."""

    def __init__(self, plan: StudyPlan) -> None:
        super().__init__(name="progress", daemon=True)
        self.plan = plan
        self.started = time.monotonic()
        self.first = self._counts()

    def run(self) -> None:
        shown = ""
        while True:
            time.sleep(_EVERY_SECONDS)
            try:
                line = self._line(self._counts())
            except (OSError, ValueError):  # a file that a job is just replacing: the next look will see it
                continue
            if line != shown:
                print(f"{time.strftime('%H:%M:%S')} progress: {line}", file=sys.stderr, flush=True)
            shown = line

    def _counts(self) -> list[Count]:
        return [count(self.plan, run) for run in self.plan.runs]

    def _line(self, counts: list[Count]) -> str:
        wanted, trained = sum(c.wanted for c in counts), sum(c.trained for c in counts)
        runs = ", ".join(f"{c.name} {c.trained}/{c.wanted}" for c in counts)
        line = f"{trained} of {wanted} models trained ({runs}), {sum(c.scored for c in counts)} scored"
        left = self._seconds_left(counts)
        return f"{line}; about {_duration(left)} of training and scoring left" if left else line

    def _seconds_left(self, counts: list[Count]) -> float:
        """From the pace so far; a run without a finished model is taken for as long as the longest."""
        longest = max(c.seconds for c in counts)
        cost = [c.seconds or longest for c in counts]
        done = sum(
            price * (now.trained + now.scored - before.trained - before.scored)
            for price, now, before in zip(cost, counts, self.first, strict=True)
        )
        left = sum(price * (2 * c.wanted - c.trained - c.scored) for price, c in zip(cost, counts, strict=True))
        return left * (time.monotonic() - self.started) / done if done else 0.0


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
