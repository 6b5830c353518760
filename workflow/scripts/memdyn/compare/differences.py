"""Paired differences between runs: the same masks and seeds, the same groups of pairs left out."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from memdyn.stats.jackknife import difference

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
        metrics: run, attack, epoch, aggregation and a column a metric.
        replicates: run, attack, epoch, aggregation, metric, group, value: the jackknife's deleted values.
        pool_of: the pool of each run; runs on different pools share no members and cannot be paired.
        sizes: [G] pairs of each run in each group of the jackknife; 0 where models that failed took all of them.
        level: confidence level.

    Returns:
        run_a, run_b, attack, epoch, aggregation, metric, difference, low, high, level; limits are NaN where a run has
        too few models for replicates.
    """
    estimates, deleted = by_keys(metrics, replicates, ["run", *_KEYS])
    parts = [
        _pair(first, second, estimates, deleted, sizes, level)
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


def _pair(
    first: str,
    second: str,
    estimates: pd.Series,
    deleted: pd.DataFrame,
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> pd.DataFrame:
    shared = estimates.loc[first].index.intersection(estimates.loc[second].index).sort_values()
    values, groups = [], []
    for run in (first, second):
        rows = pd.MultiIndex.from_tuples([(run, *row) for row in shared], names=deleted.index.names)
        values.append(estimates.loc[run].loc[shared].to_numpy())
        groups.append(deleted.reindex(index=rows, columns=np.flatnonzero(sizes[run])).to_numpy(dtype=float).T)
    value, low, high = difference(tuple(values), tuple(groups), (sizes[first], sizes[second]), level)
    table = shared.to_frame(index=False)
    return table.assign(run_a=first, run_b=second, difference=value, low=low, high=high, level=level)
