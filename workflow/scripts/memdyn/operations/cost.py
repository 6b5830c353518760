"""What a study will cost, in a few lines before its first job: models, time and disk."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from memdyn.operations import machine
from memdyn.operations.after_scoring import work_after_scoring
from memdyn.operations.disk import Passing, disk_of, free_bytes, scored_samples, teachers_of
from memdyn.operations.effort import SPEEDS
from memdyn.operations.nets import Net, Nets
from memdyn.operations.progress import duration
from memdyn.operations.shapes import shape_of
from memdyn.operations.work import AFTER, ALL_RUNS, CALIBRATED, MEASURED, PROBES, ROUGH, SCALED, TRAINING, Work, wall
from memdyn.plan.folds import LEFT_OUT
from memdyn.plan.reuse import saved
from memdyn.plan.study import RunPlan, StudyPlan

_EPOCHS_SHOWN, _RUNS_SHOWN = 5, 8
_PARTS = {"training": (TRAINING,), "probes": (PROBES,), "attacks, analyses and report": (AFTER, ALL_RUNS)}


def statement(plan: StudyPlan, slots: int) -> Iterator[str]:
    """The lines.

    Args:
        slots: jobs that run side by side.
    """
    if plan.imports:
        yield from _imported(plan)
        yield from told_times(plan, None, slots)
        return
    nets = Nets(plan)
    yield from _trained_again(plan)
    yield from _models(nets)
    yield from _shared(plan)
    yield from told_times(plan, nets, slots)
    if not is_finished(nets):
        yield from _disk(plan, nets.runs, slots)


def is_finished(nets: Nets) -> bool:
    """Whether all models are trained and scored."""
    counts = [net.count for net in nets.runs]
    return all(c.trained == c.to_train and c.scored == c.wanted for c in counts)


def _models(nets: Nets) -> Iterator[str]:
    trained, to_train = (sum(getattr(net.count, what) for net in nets.runs) for what in ("trained", "to_train"))
    if is_finished(nets):
        yield f"all {to_train} models are trained and scored"
        return
    to_score = sum(sum(net.count.left) for net in nets.runs if net.plan.outputs)  # hidden teachers are trained alone
    yield f"{to_train - trained} of {to_train} models are to be trained, {to_score} to be scored"


def _imported(plan: StudyPlan) -> Iterator[str]:
    for each in plan.imports:
        scores = f"{len(each.exported.order)} models at {len(each.exported.checkpoints)} checkpoints"
        yield f"nothing is trained: {each.run.scores.path} has scores of {scores}"
    if plan.folds:
        yield (
            f"their masks are no complementary pairs: attacks are made in {max(plan.folds) + 1} folds of models; left "
            f"out, since no model has a partner: {LEFT_OUT} (docs/scores.md)"
        )


def _shared(plan: StudyPlan) -> Iterator[str]:
    """Runs that cost nothing to train."""
    ruled = [run.name for run in plan.runs if run.shares and not run.repeats]
    if ruled:
        yield f"{_named(ruled)}: trained as another run, whose models are scored anew behind output rules"
    ended = [run.name for run in plan.runs if run.repeats]
    if ended:
        yield f"{_named(ended)}: an earlier checkpoint of another run, for which nothing is trained or scored"


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


def told_times(plan: StudyPlan, nets: Nets | None, slots: int) -> Iterator[str]:
    """The parts of the time, their sum, where it comes from, and what is not in it.

    Args:
        nets: None where nothing is trained.
        slots: jobs that run side by side.
    """
    works = [*(nets.training() if nets else ()), *(nets.probes() if nets else ()), *work_after_scoring(plan)]
    works = [work for work in works if work.units]
    known = [work for work in works if work.unit is not None]
    by_cuda = plan.study.config.device == "cuda"

    def amount(of: Iterable[Work]) -> str:
        return _amounts(of, plan.study.config.threads, by_cuda)

    for part, tiers in _PARTS.items():
        if of := [work for work in known if work.tier in tiers]:
            jobs = _jobs(sum(work.jobs for work in of))
            yield f"time of {part}: {jobs}, about {amount(of)}{_named_parts(of, amount)} ({_sources(of)})"
    if known:
        at_once = f"{slots} jobs" if slots > 1 else "one job"
        yield f"time: in all about {amount(known)}, {duration(wall(known, slots))} with {at_once} at a time"
        yield from _meanings(plan, nets, known)
    yield from _unknown(plan, nets, works)


def _named_parts(works: list[Work], amount: Callable[[Iterable[Work]], str]) -> str:
    """Of several probes what each takes."""
    names = list(dict.fromkeys(work.name for work in works if work.tier == PROBES))
    if len(names) < 2:
        return ""
    return ": " + ", ".join(f"{name} {amount(work for work in works if work.name == name)}" for name in names)


def _amounts(works: Iterable[Work], threads: int, by_cuda: bool) -> str:
    """Of GPUs and of cores."""
    works = list(works)
    nets = sum(work.seconds for work in works if work.tier in (TRAINING, PROBES))
    after = sum(work.seconds for work in works if work.tier not in (TRAINING, PROBES))
    if not by_cuda:
        return _amount(nets * threads + after, "core")
    return " and ".join(_amount(each, unit) for each, unit in ((nets, "GPU"), (after, "core")) if each)


def _sources(works: list[Work]) -> str:
    found = [each for each in (MEASURED, SCALED, CALIBRATED, ROUGH) if any(work.source == each for work in works)]
    return found[0] if len(found) == 1 else f"in part {', '.join(found[:-1])} and {found[-1]}"


def _meanings(plan: StudyPlan, nets: Nets | None, works: list[Work]) -> Iterator[str]:
    """What the words in parentheses stand for, where it is not plain."""
    sources = {work.source for work in works}
    if SCALED in sources:
        yield "scaled: from finished or calibrated runs, by the amount of arithmetic"
    if CALIBRATED in sources and nets and nets.calibration:
        yield f"calibrated: on {nets.calibration.host}, {nets.calibration.at[:10]}"
    if ROUGH not in sources:
        return
    if plan.study.config.device == "cuda" and any(work.source == ROUGH and work.tier <= PROBES for work in works):
        speed = f"{SPEEDS['cuda'].flops / 1e9:,.0f} GFLOP/s"
        yield f"rough: a guess, for nothing was ever measured on a GPU: the nets' arithmetic at {speed}"
    else:
        speed = SPEEDS["cpu"].flops / machine.pace().nets / 1e9
        yield (
            "rough: nothing of it has finished or was calibrated (`--calibrate`); scaled by a look at this machine: "
            f"the nets' arithmetic at {speed:,.0f} GFLOP/s a core"
        )


def _unknown(plan: StudyPlan, nets: Nets | None, works: list[Work]) -> Iterator[str]:
    """What is not in the time."""
    runs = [net for net in nets.runs if net.count.left] if nets else []
    own = [net.plan.name for net in runs if net.seconds and not net.count.seconds and _has_unknown(net.plan)]
    if own:
        yield f"what your own mechanisms take in {_named(own)} is not known, and not in this time"
    unknown = [net.plan.name for net in runs if not net.seconds]
    if unknown:
        yield f"time of {_named(unknown, len(runs))}: unknown, nothing of this architecture was measured yet"
    hidden = [net.plan.name for net in runs if shape_of(plan, net.plan) is None]
    if hidden:
        yield (
            f"what samples of {_named(hidden, len(runs))} look like, only your code knows: `--until build_pool` builds "
            "the pool, and then time and disk are known"
        )
    of_unknown = {net.plan.train.path for net in runs if not net.seconds}
    names = sorted({work.name for work in works if work.unit is None and work.run not in of_unknown})
    if names:
        yield f"what {', '.join(names)} takes is not known, and not in this time"


def _has_unknown(run: RunPlan) -> bool:
    """Whether a mechanism of the run does not say what it costs."""
    return any(mechanism.cost() is None for mechanism in run.run.train.mechanisms)


def _disk(plan: StudyPlan, nets: list[Net], slots: int) -> Iterator[str]:
    """Weights and scores, then all there is at the two moments when it may be most."""
    keep, teachers = plan.study.config.keep_checkpoints, teachers_of(plan)
    found = disk_of(plan, [_passing(net, teachers) for net in nets], slots)
    free = free_bytes(Path(plan.results))
    unknown = _named([net.plan.name for net in nets if not net.effort.checkpoint], len(nets))
    yield (
        f"disk: checkpoints {told_bytes(found.weights)} at most and {told_bytes(found.kept)} in the end "
        f"(keep_checkpoints: {keep}){f', without those of {unknown}: unknown' if unknown else ''}; scores "
        f"{told_bytes(found.scores)} in the end"
    )
    yield (
        f"disk in all: {told_bytes(found.training)} at most until all is scored, {told_bytes(found.end)} in the end; "
        f"{told_bytes(free)} free{', TOO LITTLE' if found.more > free else ''}"
    )


def _passing(net: Net, teachers: Collection[str]) -> Passing:
    """What a run takes on disk until it is scored.

    Args:
        teachers: paths of the trainings that others learn from.
    """
    return Passing(
        checkpoint=net.effort.checkpoint or 0,
        checkpoints=len(net.plan.train.options["checkpoints"]),
        samples=scored_samples(net.plan),
        to_train=net.count.to_train,
        trained=net.count.trained,
        wanted=net.count.wanted,
        scored=net.count.scored,
        left=() if net.plan.shares else net.count.left,
        teaches=net.plan.train.path in teachers,
    )


def _jobs(number: int) -> str:
    return f"{number:,} job{'' if number == 1 else 's'}"


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
