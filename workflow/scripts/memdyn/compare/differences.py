"""Paired differences between runs: the same masks and seeds, the same groups of pairs left out.

Of a TPR whose threshold keeps a few false positives the jackknife does not see the luck of the threshold
(`memdyn.stats.rates`), nor then that of a difference: simulated, it covers .76 to .92 of nominal .95 at one to three
false positives, .90 to .97 from ten on. Below `FEW` its limits are those at least that two runs without anything in
common would have, made of each run's own limits (Zou & Donner 2008, "Construction of confidence limits about effect
measures: a general approach"), which are the more too wide the more two runs share.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from memdyn.stats.jackknife import difference
from memdyn.terms import AUC, METRICS, fpr_of

FEW = 10  # false positives
_KEYS = ["attack", "epoch", "aggregation"]


def run_differences(
    metrics: pd.DataFrame,
    replicates: pd.DataFrame,
    pool_of: Mapping[str, str],
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> pd.DataFrame:
    """Every two runs on one pool, first minus second, for every attack, checkpoint and metric that both have.

    Args:
        metrics: run, attack, epoch, aggregation, and a column a metric with limits; with TPRs n_models and n_samples.
        replicates: run, attack, epoch, aggregation, metric, group, value: the jackknife's deleted values.
        pool_of: the pool of each run; runs on different pools share no members and cannot be paired.
        sizes: [G] pairs of each run in each group of the jackknife; 0 where models that failed took all of them.
        level: confidence level.

    Returns:
        run_a, run_b, attack, epoch, aggregation, metric, difference, low, high, level; limits are NaN where a run has
        too few models for replicates.
    """
    estimates, deleted = by_keys(metrics, replicates, ["run", *_KEYS])
    own = limits_of_few(metrics)
    parts = [
        _pair(first, second, estimates, deleted, own, sizes, level)
        for first, second in combinations(metrics["run"].unique(), 2)
        if pool_of[first] == pool_of[second]
    ]
    columns = ["run_a", "run_b", *_KEYS, "metric", "difference", "low", "high", "level"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def by_keys(metrics: pd.DataFrame, replicates: pd.DataFrame, keys: list[str]) -> tuple[pd.Series, pd.DataFrame]:
    """Estimates and the jackknife's deleted values, a column a group; both indexed by the keys, then the metric."""
    names = [name for name in metrics.columns if f"{name}_low" in metrics.columns]
    estimates = metrics.melt(keys, names, "metric", "value").set_index([*keys, "metric"])["value"]
    return estimates, replicates.pivot(index=[*keys, "metric"], columns="group", values="value")


def limits_of_few(metrics: pd.DataFrame) -> pd.DataFrame:
    """Columns low and high of pooled TPRs at fewer than `FEW` false positives, indexed as in `by_keys`.

    (TPRs per model are means over models, each with the luck of its own threshold, which the jackknife sees.)
    """
    keys, parts = ["run", *_KEYS], []
    for metric in (set(METRICS) - {AUC}) & set(metrics.columns):
        false = fpr_of(metric) * metrics["n_models"] / 2 * metrics["n_samples"]  # every other score is a non-member's
        few = metrics[(metrics["aggregation"] == "pooled") & (false < FEW)]
        ends = {end: few[f"{metric}_{end}"] for end in ("low", "high")}
        parts.append(few[keys].assign(metric=metric, **ends))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=[*keys, "metric", "low", "high"])
    return table.set_index([*keys, "metric"])


def _pair(
    first: str,
    second: str,
    estimates: pd.Series,
    deleted: pd.DataFrame,
    own: pd.DataFrame,
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> pd.DataFrame:
    shared = estimates.loc[first].index.intersection(estimates.loc[second].index).sort_values()
    values, groups, ends = [], [], []
    for run in (first, second):
        rows = pd.MultiIndex.from_tuples([(run, *row) for row in shared], names=deleted.index.names)
        values.append(estimates.loc[run].loc[shared].to_numpy())
        groups.append(deleted.reindex(index=rows, columns=np.flatnonzero(sizes[run])).to_numpy(dtype=float).T)
        ends.append(own.reindex(rows).to_numpy(dtype=float).T)
    value, low, high = difference(tuple(values), tuple(groups), (sizes[first], sizes[second]), level)
    low, high = no_narrower((low, high), values, ends)
    table = shared.to_frame(index=False)
    return table.assign(run_a=first, run_b=second, difference=value, low=low, high=high, level=level)


def no_narrower(
    limits: tuple[np.ndarray, np.ndarray], values: Sequence[np.ndarray], own: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Limits [L] of a difference, at least those of two runs without anything in common where each has its own.

    Args:
        limits: by the jackknife; they stay NaN where they are.
        values: [L], of each of the two.
        own: [2, L] limits of each; where either's are NaN the jackknife's are enough.
    """
    (low, high), (a, b), (of_a, of_b) = limits, values, own
    known = np.where(np.isnan(low), np.nan, a - b)
    low = np.fmin(low, known - np.hypot(a - of_a[0], of_b[1] - b))
    high = np.fmax(high, known + np.hypot(of_a[1] - a, b - of_b[0]))
    return low, high
