"""The delete-a-group jackknife over pairs of models, the calibration refitted without each group.

Busing, Meijer & van der Leeden 1999, "Delete-m jackknife for unequal m", equations 3 to 6; with equal groups it is
the usual delete-a-group jackknife, centred at the mean of the deleted values.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from memdyn.stats.groups import groups

SAMPLE_GROUPS = 16


class TooFewModels(ValueError):
    """Fewer pairs of models are left than what is asked for needs."""


@dataclass(frozen=True)
class Pairs:
    """The pairs of models that take part; a model that failed takes its pair with it.

    A pair keeps its group of the jackknife and its half of the cross-fitting when others leave, so that replicates of
    runs that lost different pairs still are of the same groups.

    Attributes:
        numbers: int [P], of the pairs in the design, increasing.
        planned: pairs in the design.
    """

    numbers: np.ndarray
    planned: int

    @classmethod
    def of(cls, n_models: int, failed: Iterable[int] = ()) -> "Pairs":
        """All pairs of so many models, but those of failed ones."""
        planned = n_models // 2
        return cls(np.setdiff1d(np.arange(planned), [model // 2 for model in failed]), planned)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def models(self) -> np.ndarray:
        """int [2P]: the models of these pairs."""
        return (2 * self.numbers[:, None] + np.arange(2)).ravel()

    @property
    def half(self) -> np.ndarray:
        """int [P], 0 or 1: the halves are the even and the odd pairs, stable under growth."""
        return self.numbers % 2

    def take(self, rows: np.ndarray) -> "Pairs":
        """Some of the pairs, by their place among these."""
        return Pairs(self.numbers[rows], self.planned)

    def groups(self, most: int) -> np.ndarray:
        """The group [P] of each pair; where pairs are missing, groups may be as well."""
        return groups(self.planned, most)[self.numbers]

    def sizes(self, most: int) -> np.ndarray:
        """[G]: these pairs in each group of the design; 0 where all of a group are missing."""
        return np.bincount(self.groups(most), minlength=groups(self.planned, most).max() + 1)


def sample_groups(n_samples: int) -> np.ndarray:
    """The group [n] of each sample, for errors from the choice of samples; the pool's samples are in random order."""
    return np.arange(n_samples) % min(SAMPLE_GROUPS, n_samples)


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
    sizes: tuple[np.ndarray, np.ndarray],
    level: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First minus second of two runs that are paired by model: difference, lower and upper limit [...].

    Args: see `deleted_difference`.
    """
    value = np.asarray(estimates[0]) - np.asarray(estimates[1])
    low, high = interval(value, *deleted_difference(estimates, deleted, sizes), level)
    return value, low, high


def deleted_difference(
    estimates: tuple[np.ndarray, np.ndarray],
    deleted: tuple[np.ndarray, np.ndarray],
    sizes: tuple[np.ndarray, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """The difference of two paired runs without each group [G', ...] that either has, and the groups' sizes [G'].

    A run that lost all pairs of a group stays as it is without them, so the difference without the group is its
    estimate against the other run's replicate. (With the common groups alone, the interval would lack the noise of
    pairs that only one run has, which is all of theirs while that of the others cancels.)

    Args:
        estimates: [...] of each run.
        deleted: [G_run, ...], without each group that the run has, in order.
        sizes: [G] pairs of the run in each group of the design; 0: it lost the group.

    Raises:
        ValueError: for a run whose replicates are not of its groups.
    """
    first, second = (of_all_groups(*run) for run in zip(estimates, deleted, sizes, strict=True))
    most = np.maximum(*sizes)
    if most.all():
        return first - second, most
    return (first - second)[most > 0], most[most > 0]


def of_all_groups(estimate: np.ndarray, deleted: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[G, ...] for all groups of the design: the estimate itself where the run has no pair of a group."""
    if len(deleted) != np.count_nonzero(sizes):
        raise ValueError(f"{len(deleted)} replicates of a run that has {np.count_nonzero(sizes)} groups")
    if np.all(sizes):
        return np.asarray(deleted)
    every = np.repeat(np.asarray(estimate)[None], len(sizes), axis=0)
    every[sizes > 0] = deleted
    return every
