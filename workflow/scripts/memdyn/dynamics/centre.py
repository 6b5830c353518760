"""Centre of mass of the vulnerability plane with its jackknife interval, the attack refitted without each group."""

import numpy as np
import pandas as pd

from memdyn.dynamics.observations import Observations
from memdyn.stats import jackknife


def centre_table(observations: Observations, level: float) -> pd.DataFrame:
    """Mean over samples of (FPR_i, TPR_i), for members and non-members and for the sham part, at every checkpoint.

    Args:
        observations: from `memdyn.dynamics.observations.observe`.
        level: of the intervals.

    Returns:
        part, threshold, epoch, level; fpr, tpr and advantage, each with _low and _high.
    """
    tables = []
    for part in observations.parts:
        for threshold in observations.thresholds:
            columns = {"part": part, "threshold": threshold, "epoch": observations.epochs, "level": level}
            tables.append(pd.DataFrame(columns | _centre(observations, part, threshold, level)))
    return pd.concat(tables, ignore_index=True)


def _centre(observations: Observations, part: str, threshold: str, level: float) -> dict[str, np.ndarray]:
    """fpr, tpr and advantage with their limits, [T] each."""
    design, counts = observations.design, observations.counts[part, threshold]
    worlds = (counts.rates(world) for world in range(design.n_jackknife))
    # float64 sums: a mean over many samples in float32 would move with their order
    means = np.array([[rate.mean(axis=1, dtype=float) for rate in rates] for rates in worlds])
    found = {}
    for name, values, floor in (
        ("fpr", means[:, 0], 0),
        ("tpr", means[:, 1], 0),
        ("advantage", means[:, 1] - means[:, 0], -1),
    ):
        low, high = np.clip(jackknife.interval(values[0], values[1:], design.sizes, level), floor, 1)
        found |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
    return found
