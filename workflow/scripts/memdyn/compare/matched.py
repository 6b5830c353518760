"""Claim C1: runs side by side where they are equally far trained, for any metric that comes with its jackknife.

Two optimizers at one epoch mostly differ in how far they fitted. So metrics are also compared where both runs FIRST
reach the same value of a clock, such as test accuracy or generalisation gap: the epoch of that first passage is found
by linear interpolation between checkpoints, and so is the metric there. Both are done anew within each jackknife
replicate, so that intervals cover the matching. Nothing is extrapolated: only values that both runs pass in every
replicate are compared.

On a plateau a clock passes a value early or late by chance, and no interval made at the one knows of the other. So runs
are compared up to the highest value whose passage is sure in both (`Clock.is_sure`). Simulated on seven kinds of
clocks (a plateau, a slow rise, a fall and a second rise, a late jump, noise that lasts, heavy tails, skewed noise) with
16 to 128 models, 95 % intervals cover .92 to .98 at every point. Without the rule they cover down to .81 just below the
highest common value, and are three to four times wider at it.

Tables are those of `memdyn.compare.series`. The clock's noise of samples is not held.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.compare.series import COMPARED, Comparison, Series, as_table, joined, pairs_of_runs, series_of

_ROUNDING = 1e-12  # of a clock's values: what is nearer than that is equal
UNDETERMINED = "not determined: a run is about at this value for long"


@dataclass(frozen=True)
class Clock:
    """How far a run is trained.

    Attributes:
        series: the clock over checkpoints.
        half: [T], half of its interval at each.
    """

    series: Series
    half: np.ndarray

    def is_sure(self, levels: np.ndarray) -> np.ndarray:
        """Whether the first passage of levels [L] is where the estimate has it, give or take a checkpoint.

        The limits of no checkpoint before the step in which a level is passed may reach it, and those of the step's
        end, or of the checkpoint after it, have to lie above it.
        """
        end = np.searchsorted(self._highest, levels, side="left")  # the checkpoint that ends the step
        before = np.maximum.accumulate(np.append(-np.inf, self.series.values[0] + self.half))
        last = len(self.half) - 1
        return (before[np.clip(end - 1, 0, last)] < levels) & (self._surely[np.clip(end, 0, last)] >= levels)

    def ends(self) -> np.ndarray:
        """[T]: the highest level of each step that may be sure; the highest sure level of all is among them."""
        return np.minimum(self._highest, self._surely)

    @property
    def _highest(self) -> np.ndarray:
        """[T]: the highest value so far."""
        return np.maximum.accumulate(self.series.values[0])

    @property
    def _surely(self) -> np.ndarray:
        """[T]: what is surely reached at the checkpoint or the next one."""
        lower = np.maximum.accumulate(self.series.values[0] - self.half)
        return np.append(lower[1:], lower[-1])


def at_matched(
    estimates: pd.DataFrame,
    replicates: pd.DataFrame,
    clock: str,
    clock_estimates: pd.DataFrame,
    clock_replicates: pd.DataFrame,
    keys: Sequence[str],
    comparison: Comparison,
    shares: Sequence[float],
) -> pd.DataFrame:
    """Differences between all pairs of runs where both first reach the same value of a clock.

    Args:
        clock: the metric of `clock_estimates` to match, e.g. "accuracy_test" or "generalisation_gap".
        clock_estimates, clock_replicates: as estimates and replicates, without keys (`memdyn.compare.series`).
        shares: where the runs are compared: how much of the clock's way from where both have started to the highest
            value that both surely pass, in (0, 1].

    Returns:
        As `memdyn.compare.series.at_equal_epochs`, matched_by the clock: at is its value, epoch_a and epoch_b where
        each run reaches it. Status `UNDETERMINED`: the passage is not sure. Where the ranges do not overlap, one row of
        NaN whose status tells them.
    """
    clocks = {
        run: Clock(series, comparison.half(run, series))
        for (run, metric), series in series_of(clock_estimates, clock_replicates, []).items()
        if metric == clock
    }
    tables = []
    for first, second, key, a, b in pairs_of_runs(estimates, replicates, keys):
        if first in clocks and second in clocks:
            pair = clocks[first], clocks[second]
            levels, status = common_levels(*pair, shares)
            times = [one.series.first_passage(levels) for one in pair]
            row = {"matched_by": clock, "at": levels, "epoch_a": times[0][0], "epoch_b": times[1][0]}
            # a metric without replicates (too few models) is matched by the estimate alone, and has no interval
            at = [series.at(t[: len(series.values)]) for series, t in zip((a, b), times, strict=True)]
            row |= comparison.columns(first, second, at[0].over_equal_steps(at[1]), at[1])
            paired = comparison.paired(first, second)
            tables.append(as_table(first, second, keys, key, row, paired, comparison.level, status))
    return joined(tables)


def common_levels(first: Clock, second: Clock, shares: Sequence[float]) -> tuple[np.ndarray, np.ndarray | str]:
    """Values [L] of two clocks, and whether their passages are sure, in words [L].

    Args:
        shares: see `at_matched`.

    Returns:
        Without any overlap one value that is NaN, and one sentence.
    """
    ranges = first.series.range(), second.series.range()
    low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
    above = low + _ROUNDING * max(abs(end) for one in ranges for end in one)  # or all levels would be one
    if high <= above:
        words = "no overlap: {:.3g} to {:.3g} against {:.3g} to {:.3g}".format(*ranges[0], *ranges[1])
        return np.full(1, np.nan), words
    ends = np.array([*first.ends(), *second.ends(), high])
    sure = (ends > above) & (ends <= high) & first.is_sure(ends) & second.is_sure(ends)
    top = ends[sure].max() if sure.any() else high
    levels = np.minimum(low + np.array(shares) * (top - low), top)  # the last may be rounded above it
    return levels, np.where(first.is_sure(levels) & second.is_sure(levels), COMPARED, UNDETERMINED)
