"""What training and probes will take: from finished jobs, a calibration, or the arithmetic of the nets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from memdyn.design.blocks import block_names, models_of
from memdyn.identity.records import JobRecord, job_records
from memdyn.operations import machine
from memdyn.operations.calibrate.kept import Calibration, calibration_of
from memdyn.operations.counted import Count, count
from memdyn.operations.effort import Effort, efforts, probing_cost, seconds_a_model
from memdyn.operations.work import CALIBRATED, MEASURED, PROBES, ROUGH, SCALED, TRAINING, Work
from memdyn.plan.stage import Stage
from memdyn.plan.study import RunPlan, StudyPlan

START_SECONDS = 2.0  # CPU seconds of a job, for Python, torch and the pool
_RECORDS_READ = 3  # of the finished jobs of a probe, the last ones


@dataclass(frozen=True)
class Net:
    """A run and what is known of its training.

    Attributes:
        seconds: to train a model; None: unknown.
        source: of these, see `memdyn.operations.work`.
    """

    plan: RunPlan
    count: Count
    effort: Effort
    seconds: float | None
    source: str


class Nets:
    """All that is trained in a study, and what is read off it.

    Args:
        found: efforts of its runs, where they are at hand.
    """

    def __init__(self, plan: StudyPlan, found: Sequence[Effort] | None = None) -> None:
        self.plan = plan
        self.calibration = calibration_of(plan)
        self.start = self.calibration.start if self.calibration else START_SECONDS * machine.pace().jobs
        found = found or efforts(plan)
        counts = [count(plan, run) for run in plan.trained]
        known = [c.seconds or _calibrated(self.calibration, run) for run, c in zip(plan.trained, counts, strict=True)]
        seconds = seconds_a_model(found, known, _unmeasured(plan))
        self.runs = [
            Net(run, c, effort, each, _source(c, was_known, any(known), effort, each))
            for run, c, effort, was_known, each in zip(plan.trained, counts, found, known, seconds, strict=True)
        ]

    def training(self) -> list[Work]:
        """Of all runs that are trained."""
        whole = _models_of_a_block(self.plan)
        return [
            Work(
                key=net.plan.train.path,
                run=net.plan.train.path,
                tier=TRAINING,
                name="training",
                jobs=net.count.jobs,
                units=net.count.to_come,
                whole=whole,
                unit=net.seconds,
                start=self.start,
                source=net.source,
            )
            for net in self.runs
            if not net.plan.shares
        ]

    def probes(self) -> list[Work]:
        """Of all probes that are still to be taken; runs that share their weights share what is read off them."""
        by_training = {net.plan.train.path: net for net in reversed(self.runs)}
        found = {stage.path: (run, name, stage) for run in self.plan.all_runs for name, stage in run.probes.items()}
        works = [self._probe(by_training[run.train.path], run, name, stage) for run, name, stage in found.values()]
        return [work for work in works if work.jobs]

    def _probe(self, net: Net, run: RunPlan, name: str, stage: Stage) -> Work:
        left = models_left(self.plan, stage)
        unit, source = self._seconds_to_ask(net, run, name, stage)
        whole = _models_of_a_block(self.plan)
        return Work(stage.path, run.train.path, PROBES, name, len(left), sum(left), whole, unit, self.start, source)

    def _seconds_to_ask(self, net: Net, run: RunPlan, name: str, stage: Stage) -> tuple[float | None, str]:
        """Of a model, and where that comes from."""
        if finished := _finished(Path(self.plan.results, stage.path)):
            return _a_model(finished, self.plan.study.config.device), MEASURED
        if self.calibration and stage.path in self.calibration.probes:
            return self.calibration.probes[stage.path], CALIBRATED
        cost = probing_cost(run, name)
        if not cost or not net.seconds:
            return None, ROUGH
        return cost * net.seconds, ROUGH if net.source == ROUGH else SCALED


def _calibrated(known: Calibration | None, run: RunPlan) -> float:
    """Seconds to train a model; 0 where no calibration tells."""
    return known.training.get(run.train.path, 0.0) if known else 0.0


def _unmeasured(plan: StudyPlan) -> float:
    """By what the arithmetic of nets is longer here than where its speed was measured."""
    return machine.pace().nets if plan.study.config.device == "cpu" else 1.0


def _source(c: Count, known: float, is_any_known: bool, effort: Effort, seconds: float | None) -> str:
    if c.seconds:
        return MEASURED
    if known:
        return CALIBRATED
    return SCALED if is_any_known and seconds != effort.guess else ROUGH


def models_left(plan: StudyPlan, probe: Stage) -> list[int]:
    """Of which a probe is still to be taken, by block."""
    blocks = [block for block in block_names(plan.study.config.shadow_models) if probe.is_of(block)]
    left = [models_of(block) for block in blocks if not Path(plan.results, probe.product(block)).exists()]
    return [len(each) if probe.models is None else min(each.stop, probe.models) - each.start for each in left]


def _models_of_a_block(plan: StudyPlan) -> int:
    """Of the largest one."""
    return max(len(models_of(block)) for block in block_names(plan.study.config.shadow_models))


def _finished(folder: Path) -> list[tuple[int, JobRecord]]:
    """The last finished jobs of a probe, each with the number of its models."""
    paths = sorted(folder.glob("block-*/*.job.json"), key=lambda path: path.stat().st_mtime)[-_RECORDS_READ:]
    return [_record(path.parent) for path in paths]


@cache
def _record(block: Path) -> tuple[int, JobRecord]:
    return len(models_of(block.name)), job_records(block)[-1]


def _a_model(finished: Sequence[tuple[int, JobRecord]], device: str) -> float:
    spent = sum(each.seconds if device == "cuda" else each.cpu_seconds / each.threads for _, each in finished)
    return spent / sum(models for models, _ in finished)
