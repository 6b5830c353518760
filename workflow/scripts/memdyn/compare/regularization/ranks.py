"""Which mechanisms act alike: the loss-rank correlation of runs (Kaya & Dumitras 2021, their LRC).

The Spearman correlation of two models' losses over the samples that both trained on, mean over pairs of models. Models
of one index share initialisation, order of samples and members, which raises it whatever the mechanisms do: so models
of one run meet models of OTHER pairs of the other run. Each model meets those of the next `PARTNERS` pairs, in a
circle, with the same place in their pair; a quarter of the scored samples are members of both. Of larger pools the
first `MOST_SAMPLES` scored samples are taken, which lie in random order: with many runs more would take hours, and
move no digit that is read.

A run's correlation with itself, its models with those of other pairs, is what no mechanism can bring apart further than
chance does: the others are to be read against it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from memdyn.compare.regularization.losses import LastMargins, run_pairs
from memdyn.stats import jackknife

PARTNERS = 8
MOST_SAMPLES = 10_000
COLUMNS = ["run", "other", "correlation", "low", "high", "level"]


def rank_correlations(
    margins: Mapping[str, LastMargins], pool_of: Mapping[str, str], groups: int, level: float
) -> pd.DataFrame:
    """The table `loss_rank_correlation`: a row for each ordered two runs on one pool, and each run with itself.

    Args:
        margins: of each run, in the study's order.
        pool_of: the pool of each run.
        groups: the most groups of the jackknife. A group of pairs is left out with all correlations that one of its
            models enters, on either side: the interval is a little too wide.
        level: of the intervals.
    """
    rows = []
    for run, other in run_pairs(margins, pool_of, itself=True):
        value, low, high = _correlation(margins[run], margins[other], groups, level)
        both = [(run, other)] if run == other else [(run, other), (other, run)]
        rows += [(*names, value, low, high, level) for names in both]
    table = pd.DataFrame(rows, columns=COLUMNS)
    place = {run: k for k, run in enumerate(margins)}
    return table.sort_values(["run", "other"], key=lambda column: column.map(place), ignore_index=True)


def _correlation(first: LastMargins, second: LastMargins, groups: int, level: float) -> tuple[float, float, float]:
    numbers = np.intersect1d(first.pairs.numbers, second.pairs.numbers)
    of_pair = _by_partner(first, second, numbers)
    if not of_pair:
        return np.nan, np.nan, np.nan
    one, two, values = (np.array(column) for column in zip(*of_pair, strict=True))
    group = jackknife.groups(first.pairs.planned, groups)
    left = np.unique(group[numbers])
    kept = [(group[one] != g) & (group[two] != g) for g in left]
    if not all(any(rows) for rows in kept):
        return float(values.mean()), np.nan, np.nan
    deleted = np.array([values[rows].mean() for rows in kept])
    sizes = np.bincount(group[numbers])[left]
    low, high = jackknife.interval(values.mean(), deleted, sizes, level)
    return float(values.mean()), float(low), float(high)


def _by_partner(first: LastMargins, second: LastMargins, numbers: np.ndarray) -> list[tuple[int, int, float]]:
    """(pair of the first run, pair of the second, correlation) of all models that meet."""
    place = [{number: k for k, number in enumerate(run.pairs.numbers)} for run in (first, second)]
    found = []
    for k, number in enumerate(numbers):
        for step in range(1, min(PARTNERS, len(numbers) - 1) + 1):
            partner = numbers[(k + step) % len(numbers)]
            for side in (0, 1):
                models = 2 * place[0][number] + side, 2 * place[1][partner] + side
                found.append((number, partner, _spearman(first, second, *models)))
    return [each for each in found if np.isfinite(each[2])]


def _spearman(first: LastMargins, second: LastMargins, one: int, two: int) -> float:
    """Over the members of both models; NaN where there are fewer than two, or all are equal."""
    shared = np.flatnonzero((first.mask[one] & second.mask[two])[:MOST_SAMPLES])
    ranks = np.stack([rankdata(first.margins[one, shared]), rankdata(second.margins[two, shared])])
    ranks -= ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((ranks**2).sum(axis=1).prod()) if len(shared) else 0
    return float(ranks[0] @ ranks[1] / scale) if scale else np.nan
