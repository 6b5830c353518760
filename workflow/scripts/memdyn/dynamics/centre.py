"""Centre of mass of the vulnerability plane with its jackknife interval, the attack refitted without each group."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack
from memdyn.attacks.evaluate import Loader, Settings, rates
from memdyn.attacks.inputs import Inputs
from memdyn.stats import jackknife

_COORDINATES = ["fpr", "tpr", "advantage"]


def centre_table(
    attack: Attack, epochs: Iterable[int], load: Loader, load_sham: Loader, settings: Settings
) -> pd.DataFrame:
    """Mean over samples of (FPR_i, TPR_i), for members and non-members and for the sham part, at every checkpoint.

    Args: see `memdyn.attacks.evaluate.evaluate`.

    Returns:
        part, threshold, epoch, level; fpr, tpr and advantage, each with _low and _high.
    """
    tables = []
    for epoch in epochs:
        for part, loader in (("scored", load), ("sham", load_sham)):
            table = _centre(attack, loader(epoch).map(attack.signal), settings)
            table.insert(0, "part", part)
            table.insert(2, "epoch", epoch)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _centre(attack: Attack, signals: Inputs, settings: Settings) -> pd.DataFrame:
    group = signals.pairs.groups(settings.groups)
    groups, sizes = np.unique(group, return_counts=True)
    kept = [np.flatnonzero(group != g) for g in groups]
    if not all(attack.can_score(signals.half[pairs], "halves") for pairs in kept):
        kept = []  # too few pairs to leave any out: no interval
    estimate = _means(attack, signals, settings)
    deleted = np.array([_means(attack, signals.take(pairs), settings) for pairs in kept])
    low, high = jackknife.interval(estimate.to_numpy(), deleted, sizes, settings.level)
    limits = {
        f"{name}_{side}": np.clip(values[:, column], -1 if name == "advantage" else 0, 1)
        for column, name in enumerate(_COORDINATES)
        for side, values in (("low", low), ("high", high))
    }
    return estimate.reset_index().assign(**limits, level=settings.level)


def _means(attack: Attack, signals: Inputs, settings: Settings) -> pd.DataFrame:
    """Index threshold; fpr, tpr and advantage, means over samples."""
    counts = rates(attack, signals, settings.rate_fprs, "", 0)
    sums = counts.groupby("threshold", sort=False)[["d_out", "d_in", "n_out", "n_in"]].sum()
    means = pd.DataFrame({"fpr": sums["d_out"] / sums["n_out"], "tpr": sums["d_in"] / sums["n_in"]})
    return means.assign(advantage=means["tpr"] - means["fpr"])
