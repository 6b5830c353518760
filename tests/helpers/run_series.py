"""Metrics of runs whose pairs of models have known curves, with the jackknife's replicates."""

import numpy as np
import pandas as pd

from memdyn.compare.series import Comparison
from memdyn.stats import jackknife

GROUPS = 8


def tables(curves: dict[str, np.ndarray], metric: str, epochs: list[int], **keys: str):
    """Estimates and replicates of runs whose pairs have curves [P, T]: the metric is a mean over pairs."""
    estimates, replicates = [], []
    for run, curve in curves.items():
        group = jackknife.groups(len(curve), GROUPS)
        for t, epoch in enumerate(epochs):
            row = {"run": run, **keys, "metric": metric, "epoch": epoch}
            estimates.append(row | {"value": curve[:, t].mean()})
            replicates += [row | {"group": g, "value": curve[group != g, t].mean()} for g in range(GROUPS)]
    return pd.DataFrame(estimates), pd.DataFrame(replicates)


def comparison(n_pairs: int, **pools: str) -> Comparison:
    return Comparison(pools, dict.fromkeys(pools, jackknife.Pairs.of(2 * n_pairs).sizes(GROUPS)), 0.95)
