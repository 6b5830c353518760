"""What a running Snakemake says is left to do."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from job_records import RECORD
from memdyn.config.load import load_study
from memdyn.jobs.atomic import remove
from memdyn.operations.counted import count
from memdyn.operations.effort import scoring_cost
from memdyn.operations.nets import Nets
from memdyn.operations.progress import Progress
from memdyn.operations.tally import Tally, Told
from memdyn.operations.work import wall
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


def progress_of(disk, slots=1, tally=None):
    """Of a run that is to do all; works after scoring are left out."""
    tally = tally or Tally()
    tally.stages = {stage.path for run in disk.plan.runs for stage in (run.train, run.outputs)}
    return Progress(disk.plan, slots, tally, print)


def seconds_left(progress, besides=()):
    return progress.look(besides)[1]


def probes(disk):
    return Nets(disk.plan).probes()


def test_models_are_counted_from_what_lies_on_disk(disk):
    disk.publish(0, "block-0000-0007", 3.0)
    disk.score(0, "block-0000-0007")
    disk.train(0, 8, 5.0)
    disk.begin(0, 9, 5)
    found = count(disk.plan, disk.plan.runs[0])
    assert (found.wanted, found.trained, found.scored, found.begun) == (16, 9, 8, 0.5)
    assert (found.jobs, found.to_come) == (1, 16 - 9.5)
    assert found.seconds == pytest.approx((3 + 5) / 2)
    assert count(disk.plan, disk.plan.runs[1]).trained == 0
    told, left = progress_of(disk).look(())
    assert told.startswith("9 of 32 models trained (mlp 9/16, sam 0/16), 8 scored; about ") and left > 0


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
    return sum(models) + 8 * Nets(disk.plan).start


def test_the_estimate_is_right_from_the_first_model_on(disk):
    """One job at a time; a model takes 10 s to train, 20 with SAM."""
    start, total = Nets(disk.plan).start, whole(disk, [10, 20])
    tally, progress = Tally(), None
    disk.train(0, 0, 10.0)
    progress, besides = progress_of(disk, tally=tally), probes(disk)
    assert seconds_left(progress, besides) == pytest.approx(total - 10)
    disk.publish(0, "block-0000-0007", 10.0)
    outputs = disk.plan.runs[0].outputs.path
    tally.finished[disk.plan.runs[0].train.path] = [(8, 80 + start)]
    assert seconds_left(progress, besides) == pytest.approx(total - 80 - start)
    scoring = 8 * 10 * scoring_cost(disk.plan.runs[0]) + start
    tally.finished[outputs] = [(8, scoring)]
    assert seconds_left(progress, besides) == pytest.approx(total - 80 - start - scoring)


@pytest.mark.parametrize("slots", [1, 2])
def test_what_is_left_at_first_is_what_was_planned(disk, slots):
    """Nothing is said twice: the statement's sum is the run's first estimate."""
    progress = progress_of(disk, slots)
    total = whole(disk, [net.seconds for net in Nets(disk.plan).runs])
    assert seconds_left(progress, probes(disk)) == pytest.approx(total / slots)
    works = [*Nets(disk.plan).training(), *probes(disk)]
    assert wall(works, slots) == pytest.approx(total / slots)


def test_between_models_the_clock_counts_up_to_one(disk, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("memdyn.operations.progress.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("memdyn.operations.tally.time.monotonic", lambda: clock[0])
    disk.publish(0, "block-0000-0007", 10.0)
    tally = Tally(
        running={1: 0.0}, jobs={1: Told("train_block", "mlp", "", stage=disk.plan.runs[0].train.path, units=8)}
    )
    progress = progress_of(disk, tally=tally)
    first = seconds_left(progress)
    clock[0] += 6
    assert seconds_left(progress) == pytest.approx(first - 6)
    clock[0] += 60
    a_model = 10 + Nets(disk.plan).start
    assert seconds_left(progress) == pytest.approx(first - a_model), "a model that is not there is not done"
    disk.train(0, 8, 10.0)
    assert seconds_left(progress) == pytest.approx(first - 10)


def test_where_nothing_is_known_nothing_is_said_until_a_model_is_there(disk):
    progress = progress_of(disk)
    progress.efforts = [replace(effort, guess=None) for effort in progress.efforts]
    assert seconds_left(progress) == 0
    disk.train(0, 0, 10.0)
    assert seconds_left(progress) == pytest.approx(15 * 10 + 16 * 20 + 4 * Nets(disk.plan).start)


def test_only_the_jobs_of_this_run_of_snakemake_are_left(disk):
    """As with `--until`."""
    progress = progress_of(disk)
    everything = seconds_left(progress, probes(disk))
    progress.tally.stages = {disk.plan.runs[0].train.path}
    mlp = Nets(disk.plan).training()[0]
    assert seconds_left(progress, probes(disk)) == pytest.approx(mlp.seconds) and mlp.seconds < everything


def test_a_training_that_others_held_up_is_counted_by_what_its_core_did(disk):
    disk.publish(0, "block-0000-0007", 30.0)
    record = {"cpu_seconds": 82.0, "seconds": 246.0, "threads": 1}
    folder = disk.folder / disk.plan.runs[0].train.path / "block-0000-0007"
    (folder / "train.job.json").write_text(json.dumps(RECORD | record))
    assert count(disk.plan, disk.plan.runs[0]).seconds == pytest.approx(10)


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
