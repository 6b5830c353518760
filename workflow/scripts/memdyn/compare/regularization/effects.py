"""What a mechanism changes against its baseline: accuracy and leaks, where the two are compared fairly.

Four ways, each a paired difference (the runs share samples, memberships and seeds; the jackknife leaves out the same
pairs of both):

    released             each at its last checkpoint: what a user of the mechanism gets
    equal_epoch          at the last checkpoint that both have
    equal_training_loss  where both first reached the lowest training loss that both surely pass
    equal_accuracy       where both first reached the highest test accuracy that both surely pass

At equal loss and accuracy the passage is interpolated between checkpoints, anew in each replicate
(`memdyn.compare.matched`). The training loss is the cross-entropy of the members in eval mode, whatever the objective.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from memdyn.compare.failures import FAILED
from memdyn.compare.matched import Clock, common_levels
from memdyn.compare.regularization.names import label_of
from memdyn.compare.regularization.series import Against, Key
from memdyn.compare.series import COMPARED, Series
from memdyn.compare.uncalibrated import ACCURACY, LOSS_IN, NO_ATTACK

RELEASED, EQUAL_EPOCH, EQUAL_LOSS, EQUAL_ACCURACY = "released", "equal_epoch", "equal_training_loss", "equal_accuracy"
COMPARISONS = (RELEASED, EQUAL_EPOCH, EQUAL_LOSS, EQUAL_ACCURACY)
COLUMNS = [
    *("run", "mechanism", "baseline", "comparison", "attack", "metric", "value", "baseline_value"),
    *("difference", "low", "high", "level", "at", "epoch", "baseline_epoch", "status", "reason"),
]
# clock -> whether it falls in training: it is turned round, since passages are from below
_CLOCKS = {EQUAL_LOSS: ((NO_ATTACK, LOSS_IN), -1), EQUAL_ACCURACY: ((NO_ATTACK, ACCURACY), 1)}


def effects_table(against: Against) -> pd.DataFrame:
    """The table `mechanisms`: a row a run (but the baselines), comparison, attack and metric.

    A run that has no numbers, or whose baseline has none, has one row a comparison: "failed", and the reason.
    """
    rows = []
    for run, baseline in against.baseline_of.items():
        names = {"run": run, "mechanism": label_of(against.mechanisms[run]), "baseline": baseline}
        for comparison in COMPARISONS:
            made = list(_rows(against, run, baseline, comparison))
            rows += [names | {"comparison": comparison, "reason": ""} | row for row in made]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(against: Against, run: str, baseline: str, comparison: str) -> Iterator[dict]:
    level = {"level": against.comparison.level}
    reason = against.failure(run)
    if reason is not None:
        yield level | {"attack": NO_ATTACK, "metric": ACCURACY, "status": FAILED, "reason": reason}
        return
    own, other = against.series[run], against.series[baseline]
    places = _places(against, run, baseline, comparison)
    for key in own:
        if key not in other:
            continue
        row = level | {"attack": key[0], "metric": key[1]}
        if isinstance(places, str):
            yield row | {"status": places}
        else:
            yield row | _difference(against, (run, baseline), (own[key], other[key]), places)


def _difference(
    against: Against, runs: tuple[str, str], series: tuple[Series, Series], places: tuple[np.ndarray, np.ndarray, float]
) -> dict:
    """At epochs [1 + G, 1] of both."""
    *times, at = places
    one, two = (each.at(time[: len(each.values)]) for each, time in zip(series, times, strict=True))
    columns = against.comparison.columns(*runs, one, two)
    values = {"value": one.values[0, 0], "baseline_value": two.values[0, 0]}
    values |= {name: columns[name][0] for name in ("difference", "low", "high")}
    epochs = {"at": at, "epoch": times[0][0, 0], "baseline_epoch": times[1][0, 0]}
    known = np.isfinite(values["difference"])
    return values | epochs | {"status": COMPARED if known else "not at both: no checkpoint before or after"}


def _places(against: Against, run: str, baseline: str, comparison: str) -> tuple[np.ndarray, np.ndarray, float] | str:
    """Where the two are compared, as epochs [1 + G, 1] of each and the clock's value there; or why nowhere."""
    own, other = against.series[run], against.series[baseline]
    if comparison in _CLOCKS:
        key, sign = _CLOCKS[comparison]
        return _at_clock(against, (run, baseline), key, sign)
    loss = own[NO_ATTACK, LOSS_IN], other[NO_ATTACK, LOSS_IN]  # every run has it at each of its checkpoints
    shared = np.intersect1d(loss[0].epochs, loss[1].epochs)
    ends = [series.epochs[-1] for series in loss] if comparison == RELEASED else [shared.max(initial=-1)] * 2
    if ends[0] < 0:
        return "no checkpoint of both"
    rows = max(len(series.values) for series in loss)
    first, second = (np.full((rows, 1), end) for end in ends)
    return first, second, float(ends[0])


def _at_clock(
    against: Against, runs: tuple[str, str], key: Key, sign: int
) -> tuple[np.ndarray, np.ndarray, float] | str:
    given = [against.series[run].get(key) for run in runs]
    if any(series is None for series in given):
        return "no test part"
    turned = [replace(series, values=sign * series.values) for series in given]
    clocks = [Clock(series, against.comparison.half(run, series)) for run, series in zip(runs, turned, strict=True)]
    levels, status = common_levels(*clocks, (1.0,))
    if isinstance(status, str):
        low, high = (sorted(sign * np.array(one.range())) for one in turned)
        return "no overlap: {:.3g} to {:.3g} against {:.3g} to {:.3g}".format(*low, *high)
    if status[0] != COMPARED:
        return str(status[0])
    times = [series.first_passage(levels) for series in turned]
    return times[0], times[1], float(sign * levels[0])
