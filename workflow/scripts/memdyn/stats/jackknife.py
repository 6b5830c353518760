"""The delete-a-group jackknife over pairs of models, the calibration refitted without each group.

Busing, Meijer & van der Leeden 1999, "Delete-m jackknife for unequal m", equations 3 to 6; with equal groups it is
the usual delete-a-group jackknife, centred at the mean of the deleted values.
"""

import numpy as np
from scipy.special import stdtrit

FEWEST_GROUPS = 4


def groups(n_pairs: int, most: int) -> np.ndarray:
    """The group [P] of each pair.

    As many equal groups as possible, at most `most`; where that leaves fewer than four of more pairs (34 = 2 x 17),
    `most` groups whose sizes differ by one.
    """
    divisor = max(d for d in range(1, min(n_pairs, most) + 1) if n_pairs % d == 0)
    count = divisor if divisor >= min(FEWEST_GROUPS, n_pairs) else min(n_pairs, most)
    return np.arange(n_pairs) % count


def standard_error(estimate: np.ndarray, deleted: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The standard error [...] of estimates.

    Args:
        estimate: [...], from all pairs.
        deleted: [G, ...], from all pairs but those of one group.
        sizes: [G], pairs a group.
    """
    sizes = np.asarray(sizes, dtype=float).reshape(-1, *[1] * np.ndim(estimate))
    total, count = sizes.sum(), len(sizes)
    weight = total / sizes
    centre = count * estimate - ((1 - 1 / weight) * deleted).sum(axis=0)
    pseudo = weight * estimate - (weight - 1) * deleted
    return np.sqrt(((pseudo - centre) ** 2 / (weight - 1)).sum(axis=0) / count)


def interval(
    estimate: np.ndarray, deleted: np.ndarray, sizes: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper limits [...]: Student t with G - 1 degrees of freedom; NaN with fewer than two groups."""
    if len(deleted) < 2:
        nothing = np.full(np.shape(estimate), np.nan)
        return nothing, nothing
    half = stdtrit(len(deleted) - 1, (1 + level) / 2) * standard_error(estimate, deleted, sizes)
    return estimate - half, estimate + half


def difference(
    estimates: tuple[np.ndarray, np.ndarray],
    deleted: tuple[np.ndarray, np.ndarray],
    sizes: np.ndarray,
    level: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First minus second of two runs that are paired by model: difference, lower and upper limit [...]."""
    value = np.asarray(estimates[0]) - np.asarray(estimates[1])
    low, high = interval(value, np.asarray(deleted[0]) - np.asarray(deleted[1]), sizes, level)
    return value, low, high
