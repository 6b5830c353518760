"""What a study will cost, in a few lines before its first job: models, time and disk."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from memdyn.design.blocks import block_names, models_of
from memdyn.operations.after_scoring import CALIBRATED, MEASURED, OF_ALL_RUNS, ROUGH, work_after_scoring
from memdyn.operations.calibrate.kept import Calibration, calibration_of
from memdyn.operations.disk import Passing, disk_of, free_bytes, scored_samples, teachers_of
from memdyn.operations.effort import SPEEDS, Effort, efforts, probing_cost, seconds_a_model
from memdyn.operations.progress import START_SECONDS, Count, count, duration
from memdyn.operations.shapes import shape_of
from memdyn.plan.folds import LEFT_OUT
from memdyn.plan.probes import OUTPUTS
from memdyn.plan.reuse import saved
from memdyn.plan.stage import Stage
from memdyn.plan.study import RunPlan, StudyPlan

_EPOCHS_SHOWN, _RUNS_SHOWN = 5, 8


@dataclass(frozen=True)
class _Run:
    """A run and what is known of it.

    Attributes:
        seconds: to train a model; None: unknown.
        calibration: None where this machine was not calibrated.
    """

    plan: RunPlan
    count: Count
    effort: Effort
    seconds: float | None
    calibration: Calibration | None

    @property
    def calibrated(self) -> bool:
        """Whether its time is that of a calibration."""
        return not self.count.seconds and bool(self.calibration and self.plan.train.path in self.calibration.training)

    @property
    def start(self) -> float:
        """Seconds until a job has begun."""
        return self.calibration.start if self.calibration else START_SECONDS

    @property
    def left(self) -> float:
        """Seconds of training and scoring, one job after the other."""
        done, total = self.count.work(self.seconds or 0.0, self.start)
        return total - done

    @property
    def blocks(self) -> int:
        """Not scored yet."""
        return len(self.count.left)

    @property
    def seconds_a_block(self) -> float:
        """Left of the largest, one job after the other: more jobs side by side do not shorten it."""
        return self.left * max(self.count.left) / sum(self.count.left)

    def passing(self, teachers: Collection[str]) -> Passing:
        """What it takes on disk until it is scored.

        Args:
            teachers: paths of the trainings that others learn from.
        """
        return Passing(
            checkpoint=self.effort.checkpoint or 0,
            checkpoints=len(self.plan.train.options["checkpoints"]),
            samples=scored_samples(self.plan),
            to_train=self.count.to_train,
            trained=self.count.trained,
            wanted=self.count.wanted,
            scored=self.count.scored,
            left=() if self.plan.shares else self.count.left,
            teaches=self.plan.train.path in teachers,
        )


def _imported(plan: StudyPlan) -> Iterator[str]:
    for each in plan.imports:
        scores = f"{len(each.exported.order)} models at {len(each.exported.checkpoints)} checkpoints"
        yield f"nothing is trained: {each.run.scores.path} has scores of {scores}"
    if plan.folds:
        yield (
            f"their masks are no complementary pairs: attacks are made in {max(plan.folds) + 1} folds of models; left "
            f"out, since no model has a partner: {LEFT_OUT} (docs/scores.md)"
        )


def statement(plan: StudyPlan, slots: int) -> Iterator[str]:
    """The lines.

    Args:
        slots: jobs of training and scoring that run side by side.
    """
    if plan.imports:
        yield from _imported(plan)
        yield from told_after_scoring(plan, slots)
        return
    counts = [count(plan, run) for run in plan.trained]
    found, known = efforts(plan), calibration_of(plan)
    measured = [c.seconds or _calibrated(known, run) for run, c in zip(plan.trained, counts, strict=True)]
    seconds = seconds_a_model(found, measured)
    counts = [replace(c, scoring=_scoring(known, run, c.scoring)) for run, c in zip(plan.trained, counts, strict=True)]
    runs = [_Run(*of, known) for of in zip(plan.trained, counts, found, seconds, strict=True)]
    wanted, to_train, trained, scored = (
        sum(getattr(c, what) for c in counts) for what in ("wanted", "to_train", "trained", "scored")
    )
    yield from _trained_again(plan)
    yield from _probing(plan, runs)
    if (trained, scored) == (to_train, wanted):
        yield f"all {to_train} models are trained and scored"
        yield from told_after_scoring(plan, slots)
        return
    to_score = sum(sum(run.count.left) for run in runs if run.plan.outputs)  # a hidden teacher is trained and no more
    yield f"{to_train - trained} of {to_train} models are to be trained, {to_score} to be scored"
    yield from _shared(plan)
    yield from _time(plan, [run for run in runs if run.blocks], slots)
    yield from told_after_scoring(plan, slots)
    yield from _disk(plan, runs, slots)


def _calibrated(known: Calibration | None, run: RunPlan) -> float:
    """Seconds to train a model; 0 where no calibration tells."""
    return known.training.get(run.train.path, 0.0) if known else 0.0


def _scoring(known: Calibration | None, run: RunPlan, reckoned: float) -> float:
    """Time to score a model, of that to train it."""
    training = _calibrated(known, run)
    if not training or not run.outputs or run.outputs.path not in known.probes:
        return reckoned
    return known.probes[run.outputs.path] / training


def _shared(plan: StudyPlan) -> Iterator[str]:
    """Runs that cost nothing to train."""
    ruled = [run.name for run in plan.runs if run.shares and not run.repeats]
    if ruled:
        yield f"{_named(ruled)}: trained as another run, whose models are scored anew behind output rules"
    ended = [run.name for run in plan.runs if run.repeats]
    if ended:
        yield f"{_named(ended)}: an earlier checkpoint of another run, for which nothing is trained or scored"


def _probing(plan: StudyPlan, runs: list[_Run]) -> Iterator[str]:
    """The probes besides the outputs that are to be taken; what some do depends on the widths of all layers."""
    models: dict[str, int] = defaultdict(int)
    seconds: dict[str, list[float | None]] = defaultdict(list)
    probes = {probe.path: (run, name, probe) for run in runs for name, probe in run.plan.probes.items()}
    for run, name, probe in probes.values():  # runs that share their training share what is read off the weights
        left = _models_left(plan, probe) if name != OUTPUTS else []
        if left:
            number, each = sum(left), _seconds_of_probe(run, name, probe)
            models[name] += number
            seconds[name].append(number * each + run.start * len(left) if each else None)
    for name, number in sorted(models.items()):
        total = None if None in seconds[name] else sum(seconds[name])
        time = f"about {duration(total)} of one job after the other" if total else "how long it takes is not known"
        yield f"{name} of {number} models is to be taken, which comes on top: {time}"


def _models_left(plan: StudyPlan, probe: Stage) -> list[int]:
    """Of which a probe is still to be taken, by block."""
    blocks = [block for block in block_names(plan.study.config.shadow_models) if probe.is_of(block)]
    left = [models_of(block) for block in blocks if not Path(plan.results, probe.product(block)).exists()]
    return [len(each) if probe.models is None else min(each.stop, probe.models) - each.start for each in left]


def _seconds_of_probe(run: _Run, name: str, probe: Stage) -> float | None:
    """To take it of a model, for this machine where it was calibrated."""
    if run.calibration and probe.path in run.calibration.probes:
        return run.calibration.probes[probe.path]
    cost = probing_cost(run.plan, name)
    return cost * run.seconds if cost and run.seconds else None


def _trained_again(plan: StudyPlan) -> Iterator[str]:
    """Models that are there, with too few of their weights saved."""
    for run in plan.trained:
        lacking = run.training.lacking
        if lacking:
            there = sorted(saved(run.train).intersection(*map(saved, lacking)))
            new = [epoch for epoch in run.epochs if epoch not in there]
            yield (
                f"{run.name} was trained before, but its weights at {_listed(new)} were not saved: its models are "
                "trained again, to the same bits"
            )


def _listed(epochs: list[int]) -> str:
    shown = ", ".join(map(str, epochs[:_EPOCHS_SHOWN]))
    more = f" and {len(epochs) - _EPOCHS_SHOWN} more" if len(epochs) > _EPOCHS_SHOWN else ""
    return f"{'epochs' if len(epochs) > 1 else 'epoch'} {shown}{more}"


def _named(runs: list[str], of: int = 0) -> str:
    """Runs by their names, where they are not all of so many, or too many to read."""
    if len(runs) > _RUNS_SHOWN and len(runs) == of:
        return f"all {of} runs"
    more = f" and {len(runs) - _RUNS_SHOWN} more" if len(runs) > _RUNS_SHOWN else ""
    return f"{', '.join(runs[:_RUNS_SHOWN])}{more}"


def _time(plan: StudyPlan, runs: list[_Run], slots: int) -> Iterator[str]:
    device, threads = plan.study.config.device, plan.study.config.threads
    known = [run for run in runs if run.seconds]
    if known:
        at_once = min(slots, sum(run.blocks for run in known))
        total = sum(run.left for run in known)
        wall = max(total / at_once, *(run.seconds_a_block for run in known))
        work = _amount(total, "GPU") if device == "cuda" else _amount(total * threads, "core")
        jobs = f"{at_once} jobs" if at_once > 1 else "one job"
        yield f"time: about {work} of training and scoring, {duration(wall)} with {jobs} at a time"
        yield f"this time is {_source(device, known)}"
    own = [run.plan.name for run in known if not run.count.seconds and _has_unknown(run.plan)]
    if own:
        yield f"what your own mechanisms take in {_named(own)} is not known, and not in this time"
    unknown = [run.plan.name for run in runs if not run.seconds]
    if unknown:
        yield f"time of {_named(unknown, len(runs))}: unknown, nothing of this architecture was measured yet"
    hidden = [run.plan.name for run in runs if shape_of(plan, run.plan) is None]
    if hidden:
        yield (
            f"what samples of {_named(hidden, len(runs))} look like, only your code knows: `--until build_pool` builds "
            "the pool, and then time and disk are known"
        )


def told_after_scoring(plan: StudyPlan, slots: int) -> Iterator[str]:
    """Attacks, analyses and the report, which take most of the time of a small study."""
    left = work_after_scoring(plan)
    known = [work for work in left if work.seconds]
    if not known:
        return
    of_all_runs = sum(work.seconds for work in known if work.name in OF_ALL_RUNS)  # one after the other, at the end
    longest = max((work.seconds for work in known if work.name not in OF_ALL_RUNS), default=0.0)
    total = sum(work.seconds for work in known)
    wall = max(total / slots, longest + of_all_runs)
    sources = [each for each in (MEASURED, CALIBRATED, ROUGH) if any(work.source == each for work in known)]
    source = sources[0] if len(sources) == 1 else f"in part {' and '.join(sources[:-1])}"
    jobs = f"{len(known)} jobs" if len(known) > 1 else "one job"
    at_once = f"{slots} jobs" if slots > 1 else "one job"
    time = f"about {_amount(total, 'core')}, {duration(wall)} with {at_once} at a time"
    yield f"attacks, analyses and report: {jobs}, {time} ({source})"
    if unknown := sorted({work.name for work in left} - {work.name for work in known}):
        yield f"what {', '.join(unknown)} takes is not known, and not in this time"


def _has_unknown(run: RunPlan) -> bool:
    """Whether a mechanism of the run does not say what it costs."""
    return any(mechanism.cost() is None for mechanism in run.run.train.mechanisms)


def _source(device: str, runs: list[_Run]) -> str:
    """Where the time comes from."""
    if all(run.count.seconds for run in runs):
        return "measured: that of finished models"
    if any(run.calibrated for run in runs):
        where = f"calibrated on {runs[0].calibration.host}, {runs[0].calibration.at[:10]}"
        others = all(run.calibrated or run.count.seconds for run in runs)
        scaled = "" if others else "; runs that were not are scaled by the amount of arithmetic"
        return f"{where}{', measured where models are finished' * any(run.count.seconds for run in runs)}{scaled}"
    unscaled = [run for run in runs if run.seconds == run.effort.guess]
    if not unscaled:
        return "measured where models are finished, and scaled from there by the amount of arithmetic elsewhere"
    known = "" if len(unscaled) == len(runs) else "measured where models are finished, elsewhere "
    speed = f"{SPEEDS[device].flops / 1e9:,.0f} GFLOP/s"
    if device == "cuda":
        return f"{known}a guess, for nothing was ever measured on a GPU: the nets' arithmetic at {speed}"
    return f"{known}rough, for nothing is measured yet: the nets' arithmetic at {speed} a core"


def _disk(plan: StudyPlan, runs: list[_Run], slots: int) -> Iterator[str]:
    """Weights and scores, then all there is at the two moments when it may be most."""
    keep, teachers = plan.study.config.keep_checkpoints, teachers_of(plan)
    found = disk_of(plan, [run.passing(teachers) for run in runs], slots)
    free = free_bytes(Path(plan.results))
    unknown = _named([run.plan.name for run in runs if not run.effort.checkpoint], len(runs))
    yield (
        f"disk: checkpoints {told_bytes(found.weights)} at most and {told_bytes(found.kept)} in the end "
        f"(keep_checkpoints: {keep}){f', without those of {unknown}: unknown' if unknown else ''}; scores "
        f"{told_bytes(found.scores)} in the end"
    )
    yield (
        f"disk in all: {told_bytes(found.training)} at most until all is scored, {told_bytes(found.end)} in the end; "
        f"{told_bytes(free)} free{', TOO LITTLE' if found.more > free else ''}"
    )


def _amount(seconds: float, unit: str) -> str:
    """40 core-seconds, 12 core-minutes, 3.4 GPU-hours."""
    if seconds < 90:
        return f"{seconds:.0f} {unit}-seconds"
    return f"{seconds / 60:.0f} {unit}-minutes" if seconds < 5400 else f"{_rounded(seconds / 3600)} {unit}-hours"


def told_bytes(size: float) -> str:
    """2.3 GB, 12 MB."""
    if not size:
        return "nothing"
    return f"{_rounded(size / 1e9)} GB" if size >= 1e9 else f"{_rounded(size / 1e6)} MB"


def _rounded(value: float) -> str:
    """Two digits, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
