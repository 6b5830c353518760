"""What attacks by a distance share: one threshold for all samples, or a likelihood ratio over shadow models."""

from dataclasses import dataclass

import numpy as np

from memdyn.attacks.base import folds_of
from memdyn.attacks.lira import LiRA
from memdyn.attacks.signals import Signals

PLAIN = "plain"


@dataclass(frozen=True)
class Distance(LiRA):
    """The distance itself, or LiRA of it in the place of the margin; subclasses `prepare` it as the margin.

    Attributes:
        mode: "plain" (as published: one threshold, and no shadow models), "online" or "offline".
    """

    mode: str = PLAIN
    variance: str = "shrunken"

    @property
    def exchangeable(self) -> bool:
        """Plain distances do not depend on who is a member."""
        return self.mode == PLAIN

    @property
    def min_references(self) -> int:
        """None where nothing is calibrated."""
        return 0 if self.mode == PLAIN else LiRA.min_references

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        if self.mode != PLAIN:
            return super().score_prepared(signals, folds)
        folds_of(signals.half, folds)  # they only have to exist
        return signals.margins
