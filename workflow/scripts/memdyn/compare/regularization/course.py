"""Does a mechanism delay the leak, or lower it? When a run first leaks half of what its baseline leaks in the end."""

import numpy as np
import pandas as pd

from memdyn.compare.regularization.series import Against
from memdyn.compare.series import Comparison, Series
from memdyn.terms import AUC

COLUMNS = [
    *("run", "baseline", "attack", "metric", "at", "onset", "baseline_onset", "delay", "low", "high"),
    *("share_at_end", "level", "status"),
]
NEVER = "never: it leaks less to the end"
REACHED, NO_LEAK = "reached", "the baseline does not leak"


def course_table(against: Against) -> pd.DataFrame:
    """The table `mechanism_course`: a row a run and attack.

    at: chance plus half of the baseline's AUC above chance at its last checkpoint, taken as given. onset,
    baseline_onset: epochs of the first passage, between checkpoints; delay: their difference, with jackknife limits
    (NaN where a replicate never gets there). share_at_end: the run's AUC above chance at its last checkpoint over the
    baseline's.
    """
    rows = []
    for run, baseline in against.pairs():
        for attack, metric in against.leaks:
            if metric != AUC or (attack, AUC) not in against.series[run]:
                continue
            own, other = (against.series[each][attack, AUC] for each in (run, baseline))
            found = _course(own, other, against.comparison, (run, baseline))
            rows.append({"run": run, "baseline": baseline, "attack": attack, "metric": AUC} | found)
    return pd.DataFrame(rows, columns=COLUMNS)


def _course(own: Series, other: Series, comparison: Comparison, runs: tuple[str, str]) -> dict:
    end, baseline_end = own.values[0, -1] - 0.5, other.values[0, -1] - 0.5
    known = {"level": comparison.level}
    half = comparison.half(runs[1], other)[-1]
    if not baseline_end > half:
        return known | {"status": NO_LEAK}
    at = 0.5 + baseline_end / 2
    first, second = (_passage(series, at) for series in (own, other))
    known |= {"at": at, "onset": first.values[0, 0], "baseline_onset": second.values[0, 0]}
    known |= {"share_at_end": end / baseline_end, "status": REACHED if np.isfinite(first.values[0, 0]) else NEVER}
    found = comparison.columns(*runs, first, second)
    return known | {"delay": found["difference"][0], "low": found["low"][0], "high": found["high"][0]}


def _passage(series: Series, level: float) -> Series:
    """The epoch of the first passage as a series of one place."""
    times = series.first_passage(np.array([level]))
    if series.values[0, 0] >= level:  # from the first checkpoint on
        times[:] = series.epochs[0]
    return Series(np.zeros(1), np.zeros(1), times, np.zeros(1))
