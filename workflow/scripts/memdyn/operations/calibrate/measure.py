"""The measurement itself, in a process of its own: `python -m memdyn.operations.calibrate.measure`.

Trains and asks some steps of a model of each run, then runs the very scripts of the jobs after scoring on small
stand-ins, each at four sizes, from which follows what it takes at any. All in CPU seconds, which other work on the
machine hardly lengthens; nets on a GPU are timed by the clock. What there is no time for is left out, and told.
"""

import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls

from memdyn.compute.device import prepare_torch
from memdyn.config.load import load_study
from memdyn.jobs.usage import Meter
from memdyn.operations.after_scoring import checkpoints_of, comes_after, size_of
from memdyn.operations.calibrate.kept import Calibration, Law, keep, name_of, terms
from memdyn.operations.calibrate.nets import asked, rows_of, seconds_to_ask, seconds_to_train
from memdyn.operations.calibrate.small_jobs import Piece, Place, run
from memdyn.operations.calibrate.stand_in import pool_like, sizes
from memdyn.operations.shapes import shape_of
from memdyn.plan.run import RunPlan
from memdyn.plan.stage import ANALYSIS, Stage
from memdyn.plan.study import StudyPlan, build_plan

MODELS = 32  # at most: from 32 on the jackknife has as many groups as it ever has
# scored samples; of fewer the null is drawn more often than a study asks for, to the detriment of the law
FEW, MANY = 400, 4000
LONG = 3.0  # seconds of a job of few samples, from which on a quarter of `MANY` is enough
TRAINED_ON = 4000  # at most, for nets
OF_A_NET, OF_A_PROBE = 0.8, 0.3  # seconds to time each
NETS_SHARE = 0.5  # of the time, at most
# what jobs import
AFTER_SCORING, OF_NETS = "memdyn.attacks.evaluate, memdyn.store.tables", "memdyn.training.block, memdyn.probes.block"


class OutOfTime(Exception):
    """In the middle of a law, which needs all of its pieces."""


@dataclass(frozen=True)
class Budget:
    """Of seconds from now on, by two clocks."""

    cpu: float
    clock: float
    began: tuple[float, float] = field(default_factory=lambda: (time.process_time(), time.monotonic()))

    def lasts(self, share: float = 1.0) -> bool:
        """Whether this share of both is not used up."""
        cpu, clock = time.process_time() - self.began[0], time.monotonic() - self.began[1]
        return cpu < share * self.cpu and clock < share * self.clock


class Study:
    """What is measured of a study.

    Args:
        folder: for stand-ins; an empty one.
        seconds: of CPU time, after which nothing more is begun.
        by_the_clock: seconds, likewise: on a busy machine CPU time is long in coming.
    """

    def __init__(self, plan: StudyPlan, folder: Path, seconds: float, by_the_clock: float) -> None:
        self.plan, self.folder = plan, folder
        self.budget = Budget(seconds, by_the_clock)
        self.left_out: list[str] = []
        self.training: dict[str, float] = {}
        self.probes: dict[str, float] = {}
        self.after: dict[str, Law] = {}

    @cached_property
    def device(self) -> torch.device:
        return prepare_torch(self.plan.study.config.device, self.plan.study.config.threads)

    def measure_nets(self) -> None:
        """Seconds a model of each training and probe; runs that are least alike come first."""
        threads = self.plan.study.config.threads if self.device.type == "cpu" else 1
        for each in _least_alike_first(self.plan.trained):
            if each.train.path in self.training:
                continue
            pool = self._pool_of(each, TRAINED_ON)
            if pool is None or not self.budget.lasts(NETS_SHARE):
                self.left_out.append(f"training of {each.name}")
                continue
            self.training[each.train.path] = seconds_to_train(each, pool, self.device, OF_A_NET) / threads
            for name, probe in each.probes.items():
                if self.budget.lasts(NETS_SHARE):
                    batch = self.plan.study.config.scoring_batch
                    seconds = seconds_to_ask(each, probe, pool, self.device, batch, OF_A_PROBE) / threads
                    self.probes[probe.path] = seconds
                else:
                    self.left_out.append(f"{name} of {each.name}")

    def measure_after(self) -> None:
        """The law of each kind of job after scoring."""
        for each in self.plan.runs:
            for stage in sorted(each.stages(), key=lambda stage: stage.kind == ANALYSIS):  # which takes longest
                if not comes_after(stage.kind) or name_of(stage) in self.after:
                    continue
                if self.plan.imports or shape_of(self.plan, each) is None or not self.budget.lasts():
                    self.left_out.append(name_of(stage).split()[0])
                    continue
                try:
                    self.after[name_of(stage)] = self._law(each, stage)
                except OutOfTime:
                    self.left_out.append(name_of(stage).split()[0])
                except Exception as error:  # whatever a script does not like about so small a piece
                    self.left_out.append(f"{stage.kind.name} ({type(error).__name__}: {error})")

    def _law(self, planned: RunPlan, stage: Stage) -> Law:
        models = min(MODELS, self.plan.study.config.shadow_models)
        scored = planned.pool.options["parts"]["scored"]
        epochs = stage.options.get("epochs", planned.epochs[-1:])
        few, more = _some(epochs, 2), _some(epochs, 4)
        first = Piece(models, min(FEW, scored), few)
        self._seconds(planned, stage, first)  # which imports, and warms up
        took = {first: self._seconds(planned, stage, first)}
        large = min(MANY if took[first] < LONG else MANY // 4, scored)
        for piece in (Piece(models, samples, epochs) for samples in (first.samples, large) for epochs in (few, more)):
            if piece not in took:
                if not self.budget.lasts():
                    raise OutOfTime
                took[piece] = self._seconds(planned, stage, piece)
        return fitted({_job(stage, piece): seconds for piece, seconds in took.items()})

    def _seconds(self, planned: RunPlan, stage: Stage, piece: Piece) -> float:
        place, read = self._place(planned, piece), {}
        sources = {"outputs": planned.outputs, **stage.needs}
        for name, probe in sources.items():
            rows = rows_of(probe, place.pool)
            like = asked(self._owner(probe, planned), probe, place.pool, self.device, rows)
            taken = [epoch for epoch in probe.options.get("epochs", piece.epochs) if epoch in piece.epochs]
            read[name] = place.signals(probe.path, like, rows, taken or piece.epochs[-1:])
        output = self.folder / f"{stage.folder}-{time.monotonic_ns()}" / stage.folder
        job = place.job(stage, piece, read, output)
        meter = Meter()
        run(stage, job)
        return meter.read()["cpu_seconds"]

    def _owner(self, probe: Stage, reader: RunPlan) -> RunPlan:
        """The run, maybe a hidden one, whose networks a probe asks."""
        owners = {each.path: run for run in (*self.plan.all_runs, reader) for each in run.probes.values()}
        return owners[probe.path]

    def _place(self, planned: RunPlan, piece: Piece) -> Place:
        found = self._places.get((planned.pool.path, piece.samples))
        if found is None:
            pool = self._pool_of(planned, piece.samples)
            found = Place.at(self.folder / f"pool-{len(self._places)}", pool, piece.models)
            self._places[planned.pool.path, piece.samples] = found
        return found

    @cached_property
    def _places(self) -> dict[tuple[str, int], Place]:
        return {}

    def _pool_of(self, planned: RunPlan, scored: int) -> Any:
        """None where nothing tells the shape of its samples."""
        shape = shape_of(self.plan, planned)
        built = Path(self.plan.results, planned.pool.product())
        return shape and pool_like(built, shape, sizes(planned.pool.options["parts"], scored))


def _job(stage: Stage, piece: Piece) -> tuple[int, float]:
    """Checkpoints and size."""
    options = stage.options | {"models": piece.models, "epochs": list(piece.epochs)}
    return checkpoints_of(options), size_of(options, {"scored": piece.samples}, 1)


def fitted(took: Mapping[tuple[int, float], float]) -> Law:
    """The law that jobs of (checkpoints, size) tell, of which none has a negative part."""
    parts = np.array([terms(*job) for job in took])
    return Law(*map(float, nnls(parts, np.array(list(took.values())))[0]))


def _some(epochs: list[int], most: int) -> tuple[int, ...]:
    """The first, the last and some between them."""
    places = np.unique(np.linspace(0, len(epochs) - 1, min(most, len(epochs))).round().astype(int))
    return tuple(epochs[place] for place in places)


def _least_alike_first(runs: list[RunPlan]) -> Iterator[RunPlan]:
    """One of each net, optimizer and set of mechanisms, then the others."""
    seen, later = set(), []
    for each in runs:
        train = each.run.train
        kind = (repr(train.model), train.optimizer.name, *(mechanism.name for mechanism in train.mechanisms))
        if kind in seen:
            later.append(each)
        else:
            seen.add(kind)
            yield each
    yield from later


def start_of(modules: str) -> float:
    """CPU seconds of a new Python until it has imported these."""
    code = f"import time, {modules}; print(time.process_time())"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Reads the question of `memdyn.operations.calibrate.ask`; writes the calibration, tells what was left out."""
    question = json.load(sys.stdin)
    plan = build_plan(load_study(question["config"]))
    study = Study(plan, Path(question["folder"]), question["seconds"], question["by_the_clock"])
    if plan.trained:
        study.measure_nets()
    study.measure_after()
    config = plan.study.config
    measured = Calibration(
        platform.node(),
        config.device,
        config.threads,
        "",
        start_of(OF_NETS),
        start_of(AFTER_SCORING),
        study.training,
        study.probes,
        study.after,
    )
    path = keep(Path(plan.results), measured)
    print(json.dumps({"file": str(path), "left_out": list(dict.fromkeys(study.left_out))}))


if __name__ == "__main__":
    main()
