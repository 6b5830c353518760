"""Which setting to take: the authors' rules, the front of accuracy and leak, combinations against their parts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from memdyn.compare.regularization.names import family_of, label_of, parts_of
from memdyn.compare.regularization.series import WORST_WEAK, Against, Key
from memdyn.compare.uncalibrated import ACCURACY, ADVANTAGE, NO_ATTACK

ACCURATE: Key = (NO_ATTACK, ACCURACY)
WEAK: Key = (WORST_WEAK, ADVANTAGE)
MAX_ACCURACY, ANY = "max_accuracy", "any"
SELECTION = ["baseline", "rule", "mechanism", "run", "accuracy", "leak", "settings"]
FRONT = [
    *("run", "baseline", "attack", "metric", "accuracy", "accuracy_low", "accuracy_high"),
    *("leak", "leak_low", "leak_high", "level", "on_front", "dominated_by"),
]
COMBINATIONS = ["run", "part", "mechanism", "part_mechanism", "attack", "metric", "difference", "low", "high", "level"]


def selection_table(against: Against, rads: Sequence[float]) -> pd.DataFrame:
    """The table `mechanism_selection`: of each kind of mechanism, and of any, the setting that each rule takes.

    rad_<r> (Kaya & Dumitras 2021): of the settings with an accuracy above (1 - r) times the baseline's, the one with
    the lowest of max(AVG, POW); max_accuracy: the most accurate one. All at the last checkpoints.

    Args:
        rads: the r's.
    """
    rows = []
    for baseline in dict.fromkeys(against.baseline_of.values()):
        runs = [run for run, other in against.pairs() if other == baseline]
        families: dict[str, list[str]] = {}
        for run in runs:
            families.setdefault(family_of(against.mechanisms[run]), []).append(run)
        for family, settings in [*families.items(), *([(ANY, runs)] if runs else [])]:
            for rule, chosen in _chosen(against, baseline, settings, rads):
                numbers = (_last(against, chosen, ACCURATE), _last(against, chosen, WEAK)) if chosen else (np.nan,) * 2
                rows.append((baseline, rule, family, chosen, *numbers, len(settings)))
    return pd.DataFrame(rows, columns=SELECTION)


def _chosen(
    against: Against, baseline: str, settings: Sequence[str], rads: Sequence[float]
) -> Iterator[tuple[str, str]]:
    """(rule, run); "" where no setting is accurate enough."""
    accuracy = {run: _last(against, run, ACCURATE) for run in (baseline, *settings)}
    if np.isnan(list(accuracy.values())).any():
        return
    yield MAX_ACCURACY, max(settings, key=lambda run: accuracy[run])
    for r in rads:
        enough = [run for run in settings if accuracy[run] > (1 - r) * accuracy[baseline]]
        yield f"rad_{r:g}", min(enough, key=lambda run: _last(against, run, WEAK), default="")


def _last(against: Against, run: str, key: Key) -> float:
    series = against.at_end(run, key)
    return np.nan if series is None else float(series.values[0, 0])


def front_table(against: Against) -> pd.DataFrame:
    """The table `mechanism_front`: accuracy and leak of every run at its last checkpoint, a row an attack and metric.

    on_front: no other run on the pool is as accurate and leaks as little, and better in one of them. That is by the
    estimates; dominated_by names a run of which both paired intervals say that it is more accurate and leaks less.
    """
    everyone = dict.fromkeys([*against.baseline_of.values(), *against.baseline_of])
    of = {run: against.baseline_of.get(run, run) for run in everyone if against.is_there(run)}
    rows = []
    for key in against.leaks:
        for baseline in dict.fromkeys(of.values()):
            runs = [run for run in of if of[run] == baseline and key in against.series[run]]
            points = {run: (_last(against, run, ACCURATE), _last(against, run, key)) for run in runs}
            for run in runs:
                numbers = (*against.limits(run, ACCURATE), *against.limits(run, key), against.comparison.level)
                rows.append(
                    (run, baseline, *key, *numbers, _on_front(run, points), _dominated(against, run, runs, key))
                )
    return pd.DataFrame(rows, columns=FRONT)


def _on_front(run: str, points: Mapping[str, tuple[float, float]]) -> bool:
    accuracy, leak = points[run]
    if np.isnan(accuracy):
        return False
    return not any(a >= accuracy and b <= leak and (a, b) != (accuracy, leak) for a, b in points.values())


def _dominated(against: Against, run: str, runs: Iterable[str], key: Key) -> str:
    """The run with the least leak that surely is more accurate and leaks less; "" where there is none."""
    better = [
        other
        for other in runs
        if other != run
        and against.difference(other, run, ACCURATE)["low"] > 0
        and against.difference(other, run, key)["high"] < 0
    ]
    return min(better, key=lambda other: _last(against, other, key), default="")


def combinations_table(against: Against) -> pd.DataFrame:
    """The table `combinations`: each combination minus each of its parts, at their last checkpoints.

    Also of the accuracy (attack "").
    """
    there = {run: named for run, named in against.mechanisms.items() if against.is_there(run)}
    rows = []
    for run, parts in combined(against, there):
        for part in parts:
            names = (run, part, label_of(there[run]), label_of(there[part]))
            for key in (ACCURATE, *against.leaks):
                found = against.difference(run, part, key)
                limits = (found["difference"], found["low"], found["high"], against.comparison.level)
                rows.append((*names, *key, *limits))
    return pd.DataFrame(rows, columns=COMBINATIONS)


def combined(against: Against, named: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """(combination, its parts) among the runs of each baseline."""
    for baseline in dict.fromkeys(against.baseline_of.values()):
        own = {run: mechanisms for run, mechanisms in named.items() if against.baseline_of.get(run) == baseline}
        yield from parts_of(own).items()
