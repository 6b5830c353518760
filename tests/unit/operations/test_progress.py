"""What a running Snakemake says is left to do."""

import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from memdyn.config.load import load_study
from memdyn.jobs.atomic import remove
from memdyn.operations.counted import count
from memdyn.operations.effort import efforts, scoring_cost
from memdyn.plan.study import build_plan
from memdyn.training.resume import ModelProgress

STUDY = {
    "study": "progress",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0},
    },
    "base": {"epochs": 10, "checkpoints": [0, 5, 10]},
    "runs": [{"name": "mlp"}, {"name": "sam", "optimizer": {"name": "sam"}}],
    "shadow_models": 16,
}


class Disk:
    """What the jobs of a study leave on disk while they work."""

    def __init__(self, folder: Path) -> None:
        self.plan = build_plan(load_study(STUDY | {"results": str(folder)}))
        self.folder = folder

    def begin(self, run: int, model: int, epochs: int) -> None:
        folder = self._progress(run, model).root / f"model-{model:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"epoch-{epochs:04d}.safetensors").touch()

    def train(self, run: int, model: int, seconds: float) -> None:
        self.begin(run, model, 10)
        self._progress(run, model).finish([{"loss": 1.0, "seconds": seconds / 10}] * 10)

    def fail(self, run: int, model: int) -> None:
        self.begin(run, model, 0)
        self._progress(run, model).finish([{"loss": 1.0, "seconds": 0.1}, {"loss": float("nan"), "seconds": 0.1}])

    def publish(self, run: int, block: str, seconds: float, failed: tuple[int, ...] = ()) -> None:
        folder = self.folder / self.plan.runs[run].train.path / block
        folder.mkdir(parents=True)
        log = [{"model": m, "epoch": e, "loss": 1.0, "seconds": seconds / 10} for m in range(8) for e in range(1, 11)]
        log = [row | {"loss": float("nan")} if row["model"] in failed else row for row in log]
        pd.DataFrame(log).to_parquet(folder / "log.parquet")
        remove(folder.parent / "progress" / block)

    def score(self, run: int, block: str) -> None:
        folder = self.folder / self.plan.runs[run].outputs.path / block
        folder.mkdir(parents=True)
        (folder / "signals.parquet").touch()

    def _progress(self, run: int, model: int) -> ModelProgress:
        block = "block-0000-0007" if model < 8 else "block-0008-0015"
        return ModelProgress(self.folder / self.plan.runs[run].train.path / "progress" / block, model)


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


def seconds_left(progress, elapsed):
    """To the second: the clock runs on while the test does."""
    progress.started = time.monotonic() - elapsed
    return round(progress._seconds_left(progress._counts()))


def test_models_are_counted_from_what_lies_on_disk(disk):
    disk.publish(0, "block-0000-0007", 3.0)
    disk.score(0, "block-0000-0007")
    disk.train(0, 8, 5.0)
    disk.begin(0, 9, 5)
    found = count(disk.plan, disk.plan.runs[0])
    assert (found.wanted, found.trained, found.scored, found.begun) == (16, 9, 8, 0.5)
    assert (found.jobs, found.jobs_begun) == (4, 3)
    assert found.seconds == pytest.approx((3 + 5) / 2)
    assert count(disk.plan, disk.plan.runs[1]).trained == 0
    assert "9 of 32 models trained (mlp 9/16, sam 0/16), 8 scored" in Progress(disk.plan, 1)._line(
        [count(disk.plan, run) for run in disk.plan.runs]
    )


def test_models_that_diverged_are_done_and_tell_nothing_of_the_time(disk):
    disk.publish(0, "block-0000-0007", 3.0, failed=(1, 6))
    disk.train(0, 8, 5.0)
    disk.fail(0, 9)
    found = count(disk.plan, disk.plan.runs[0])
    assert (found.trained, found.begun) == (10, 0)
    assert found.seconds == pytest.approx((3 + 5) / 2)
    disk.publish(1, "block-0000-0007", 3.0, failed=tuple(range(8)))
    assert count(disk.plan, disk.plan.runs[1]).seconds == 0


def test_scoring_costs_what_its_samples_cost(disk):
    mlp, sam = disk.plan.runs
    assert scoring_cost(mlp) == pytest.approx(900 * 3 / (3 * 200 * 10))
    assert scoring_cost(sam) == pytest.approx(scoring_cost(mlp) / 2)


def whole(disk, seconds):
    """Seconds of all jobs, where a model of either run takes so long to train."""
    models = [16 * each * (1 + scoring_cost(run)) for each, run in zip(seconds, disk.plan.runs, strict=True)]
    return sum(models) + 8 * START_SECONDS


def test_the_estimate_is_right_from_the_first_model_on(disk):
    """One job at a time; a model takes 10 s to train, 20 with SAM, a job 4 s to start, as the estimate supposes."""
    progress = Progress(disk.plan, 1)
    total, scoring = whole(disk, [10, 20]), 8 * 10 * scoring_cost(disk.plan.runs[0])
    disk.train(0, 0, 10.0)
    assert seconds_left(progress, 14.0) == round(total - 14)
    disk.publish(0, "block-0000-0007", 10.0)
    assert seconds_left(progress, 84.0) == round(total - 84)
    disk.score(0, "block-0000-0007")
    elapsed = 84 + scoring + 4
    assert seconds_left(progress, elapsed) == round(total - elapsed)


@pytest.mark.parametrize("slots", [1, 2])
def test_before_any_work_is_seen_the_estimate_is_a_guess(disk, slots):
    progress = Progress(disk.plan, slots)
    total = whole(disk, [effort.guess for effort in efforts(disk.plan)])
    assert seconds_left(progress, 3.0) == round(total / slots)
    disk.begin(0, 0, 0)
    assert seconds_left(progress, 500.0) == round((total - START_SECONDS) / slots), "a long first epoch is no pace"


def test_long_models_have_an_estimate_before_the_first_is_finished(disk):
    progress = Progress(disk.plan, 1)
    disk.begin(0, 0, 5)
    guesses = [effort.guess for effort in efforts(disk.plan)]
    done = START_SECONDS + guesses[0] / 2
    assert seconds_left(progress, 3600.0) == pytest.approx(3600 / done * (whole(disk, guesses) - done), rel=1e-3)


def test_where_nothing_is_known_nothing_is_said_until_something_is_seen(disk):
    progress = Progress(disk.plan, 1)
    progress.efforts = [replace(effort, guess=None) for effort in progress.efforts]
    assert seconds_left(progress, 3.0) == 0
    disk.begin(0, 0, 5)
    total = sum(16 * (1 + scoring_cost(run)) for run in disk.plan.runs)
    assert seconds_left(progress, 3600.0) == pytest.approx(7200 * (total - 0.5), rel=1e-3)


def test_work_of_earlier_calls_does_not_count_as_pace(disk):
    disk.publish(0, "block-0000-0007", 10.0)
    progress = Progress(disk.plan, 1)
    left = whole(disk, [10, 20]) - 84
    assert seconds_left(progress, 5.0) == round(left)
    disk.train(0, 8, 10.0)
    assert seconds_left(progress, 28.0) == round(2 * (left - 14))


def test_only_what_lies_there_is_looked_at_and_what_is_done_once(tmp_path, monkeypatch):
    """Thousands of looks every ten seconds are a burden on a cluster's file system."""
    disk = Disk(tmp_path)
    looks: list[Path] = []
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: looks.append(path) or exists(path))
    runs = disk.plan.trained

    def look() -> list[Path]:
        looks.clear()
        for run in runs:
            count(disk.plan, run)
        return list(looks)

    assert look() == []
    disk.publish(0, "block-0000-0007", seconds=1.0)
    assert len(look()) == 2  # the log, and the scores that are not there yet
    disk.score(0, "block-0000-0007")
    assert len(look()) == 1 and look() == []
    assert count(disk.plan, runs[0]).scored == 8
