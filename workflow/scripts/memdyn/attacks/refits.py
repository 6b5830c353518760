"""An attack calibrated anew without each group of pairs: what the jackknife of all its figures is made of."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.base import Attack
from memdyn.attacks.signals import Signals


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
    def of(cls, attack: Attack, inputs: Signals, most_groups: int) -> "Deletions":
        """At most so many groups of the inputs' pairs."""
        group = inputs.pairs.groups(most_groups)
        groups, sizes = np.unique(group, return_counts=True)
        kept = tuple(np.flatnonzero(group != g) for g in groups)
        if all(attack.can_score(inputs.half[pairs], "pairs") for pairs in kept):
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
        margins: of these pairs.
        signals: the same, mapped by `attack.signal`.
        scores: [M, n].
    """

    margins: Signals
    signals: Signals
    scores: np.ndarray


def refits(attack: Attack, margins: Signals, deletions: Deletions) -> Iterator[Refit]:
    """The attack on all pairs, then without each group."""
    signals = margins.map(attack.signal)
    yield Refit(margins, signals, attack.score_signal(signals, "pairs"))
    for pairs in deletions.kept:
        part = signals.take(pairs)
        yield Refit(margins.take(pairs), part, attack.score_signal(part, "pairs"))
