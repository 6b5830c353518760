"""An attack calibrated anew without each group of pairs: what the jackknife of all its figures is made of."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.base import Attack, Prepared
from memdyn.stats.jackknife import Pairs


@dataclass(frozen=True)
class Deletions:
    """The groups that are left out, one at a time; none (no interval) where too few pairs would be left to calibrate.

    Attributes:
        groups: int [G], their numbers in the design.
        sizes: int [G], pairs a group.
        kept: the pairs that are left without each group.
    """

    groups: np.ndarray
    sizes: np.ndarray
    kept: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, attack: Attack, pairs: Pairs, half: np.ndarray, most_groups: int) -> "Deletions":
        """At most so many groups of the pairs, which are cross-fitted in these halves [P]."""
        group = pairs.groups(most_groups)
        groups, sizes = np.unique(group, return_counts=True)
        kept = tuple(np.flatnonzero(group != g) for g in groups)
        if all(attack.can_score(half[left], "pairs") for left in kept):
            return cls(groups, sizes, kept)
        return cls(groups[:0], sizes[:0], ())

    @property
    def fewest_pairs(self) -> int | None:
        """That any deletion leaves; None without deletions."""
        return min(map(len, self.kept), default=None)


@dataclass(frozen=True)
class Refit:
    """An attack on some pairs, each scored with densities of the others.

    Attributes:
        given: of these pairs.
        scores: [M, n].
    """

    given: Prepared
    scores: np.ndarray


def refits(attack: Attack, given: Prepared, deletions: Deletions) -> Iterator[Refit]:
    """The attack on all pairs, then without each group.

    Raises:
        ValueError: for an attack that gives no scores [M, n], or NaN.
    """
    yield refit(attack, given, None)
    for pairs in deletions.kept:
        yield refit(attack, given, pairs)


def refit(attack: Attack, given: Prepared, pairs: np.ndarray | None) -> Refit:
    """The attack on some pairs; on all of them (None) its scores are looked at.

    Raises:
        ValueError: for an attack that gives no scores [M, n], or NaN.
    """
    if pairs is None:
        return Refit(given, checked(attack, attack.score_prepared(given.signals, "pairs"), given.mask.shape))
    part = given.take(pairs)
    return Refit(part, attack.score_prepared(part.signals, "pairs"))


def checked(attack: Attack, scores: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The scores of an attack, as they are.

    Raises:
        ValueError: where they are not [M, n], or NaN.
    """
    if np.shape(scores) != shape or np.isnan(scores).any():
        raise ValueError(f"{attack}: scores must be [models, samples] {shape} without NaN, got {np.shape(scores)}")
    return scores
