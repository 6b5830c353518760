"""Paired differences between runs: the same masks and seeds, the same groups of pairs left out."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from memdyn.stats.jackknife import difference, groups

_KEYS = ["attack", "epoch", "aggregation"]


def run_differences(
    metrics: pd.DataFrame, replicates: pd.DataFrame, pool_of: Mapping[str, str], n_pairs: int, level: float
) -> pd.DataFrame:
    """Every two runs on one pool, first minus second, for every attack, checkpoint and metric that both have.

    Args:
        metrics: run, attack, epoch, aggregation and a column a metric.
        replicates: run, attack, epoch, aggregation, metric, group, value: the jackknife's deleted values.
        pool_of: the pool of each run; runs on different pools share no members and cannot be paired.
        n_pairs: pairs of models a run.
        level: confidence level.

    Returns:
        run_a, run_b, attack, epoch, aggregation, metric, difference, low, high, level.
    """
    sizes = np.bincount(groups(n_pairs, replicates["group"].nunique()))
    deleted = replicates.pivot(index=["run", *_KEYS, "metric"], columns="group", values="value").sort_index(axis=1)
    names = deleted.index.get_level_values("metric").unique()
    estimates = metrics.melt(["run", *_KEYS], names, "metric", "value").set_index(["run", *_KEYS, "metric"])["value"]
    parts = [
        _pair(first, second, estimates, deleted, sizes, level)
        for first, second in combinations(metrics["run"].unique(), 2)
        if pool_of[first] == pool_of[second]
    ]
    columns = ["run_a", "run_b", *_KEYS, "metric", "difference", "low", "high", "level"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _pair(
    first: str, second: str, estimates: pd.Series, deleted: pd.DataFrame, sizes: np.ndarray, level: float
) -> pd.DataFrame:
    shared = deleted.loc[first].index.intersection(deleted.loc[second].index)
    values = [estimates.loc[run].loc[shared].to_numpy() for run in (first, second)]
    groups = [deleted.loc[run].loc[shared].to_numpy().T for run in (first, second)]
    value, low, high = difference((values[0], values[1]), (groups[0], groups[1]), sizes, level)
    table = shared.to_frame(index=False)
    return table.assign(run_a=first, run_b=second, difference=value, low=low, high=high, level=level)
