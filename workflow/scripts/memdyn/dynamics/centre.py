"""Centre of mass of the vulnerability plane: C(t) = mean over samples of (FPR_i, TPR_i), and its interval.

The interval is the delete-a-group jackknife over pairs of models (memdyn.stats.jackknife). Best are replicates whose
calibration was refitted without the group (`centre_from_replicates`); decisions whose calibration is held fixed
(`centre_with_interval`) leave out the part of the spread that the calibration adds.
"""

import numpy as np

from memdyn.stats import jackknife

COORDINATES = ("fpr", "tpr", "advantage")


def centre(decisions_in: np.ndarray, decisions_out: np.ndarray) -> np.ndarray:
    """(mean FPR, mean TPR, mean advantage) of decisions [P, n] of each pair's IN and OUT model."""
    tpr, fpr = decisions_in.mean(), decisions_out.mean()
    return np.array([fpr, tpr, tpr - fpr])


def centre_with_interval(
    decisions_in: np.ndarray, decisions_out: np.ndarray, level: float, most_groups: int
) -> dict[str, float]:
    """The centre and its jackknife interval with the calibration held fixed.

    Args:
        decisions_in, decisions_out: [P, n] bool, "the attack says member" of each pair's IN and OUT model.
        level: confidence level.
        most_groups: the jackknife's largest number of groups of pairs.

    Returns:
        {fpr, fpr_low, fpr_high, tpr, ..., advantage, ...}: a row of the study's `centre` table.
    """
    group = jackknife.groups(len(decisions_in), most_groups)
    kept = [group != g for g in range(group.max() + 1)]
    deleted = np.stack([centre(decisions_in[keep], decisions_out[keep]) for keep in kept])
    return centre_from_replicates(centre(decisions_in, decisions_out), deleted, np.bincount(group), level)


def centre_from_replicates(
    estimate: np.ndarray, deleted: np.ndarray, sizes: np.ndarray, level: float
) -> dict[str, float]:
    """The centre and its interval from delete-a-group replicates, each made by an attack refitted without the group.

    Args:
        estimate: [3] from `centre`, all pairs.
        deleted: [G, 3], the same without the pairs of one group.
        sizes: [G] pairs a group.
    """
    low, high = jackknife.interval(estimate, deleted, sizes, level)
    row = {}
    for k, name in enumerate(COORDINATES):
        row |= {name: float(estimate[k]), f"{name}_low": float(low[k]), f"{name}_high": float(high[k])}
    return row
