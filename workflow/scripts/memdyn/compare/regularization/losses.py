"""The runs' losses on the scored samples at their last checkpoint, to compare runs sample by sample."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.attacks.signals import Signals
from memdyn.stats.jackknife import Pairs


@dataclass(frozen=True)
class LastMargins:
    """One run.

    Attributes:
        margins: float32 [M, n], higher = lower loss: a sample's rank is the same but reversed.
        mask: bool [M, n].
        pairs: those that are left.
    """

    margins: np.ndarray
    mask: np.ndarray
    pairs: Pairs

    @classmethod
    def of(cls, scores: ShadowScores) -> "LastMargins":
        """At the last of the checkpoints."""
        rows = scores.parts["scored"]
        return cls(scores.signal(scores.epochs[-1], "margin", rows), scores.masks[:, rows], scores.pairs)

    def signals(self) -> Signals:
        """As attacks and risks take them, without a population."""
        return Signals.of_margins(self.margins, self.mask, np.zeros((len(self.mask), 0)), self.pairs)


def run_pairs(
    margins: Mapping[str, LastMargins], pool_of: Mapping[str, str], itself: bool
) -> Iterator[tuple[str, str]]:
    """Every two runs on one pool, in the order given; with `itself` each with itself too."""
    names = list(margins)
    for place, first in enumerate(names):
        for second in names[place + (not itself) :]:
            if pool_of[first] == pool_of[second]:
                yield first, second
