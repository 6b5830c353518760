"""Difficulty calibration (Watson, Guo, Cormode & Sablayrolles, ICLR 2022, equation 3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.margins import loss


@dataclass(frozen=True)
class DifficultyCalibration(Attack):
    """A score of the sample less its mean over OUT models: s(x) - E[s(x) | OUT].

    How much a sample's score varies over models stays in: samples do not share one scale, by which LiRA divides.

    Attributes:
        signal: the score s. "loss": minus the loss, one of those of the paper; "margin": the margin, which, other than
            the loss, does not flatten out where a model is sure.
    """

    signal: str
    min_references: ClassVar[int] = 1

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The uncalibrated score.

        Raises:
            ValueError: for an unknown signal.
        """
        match self.signal:
            case "margin":
                return {"score": values["margin"]}
            case "loss":
                return {"score": -loss(values["margin"])}
        raise ValueError(f"unknown signal {self.signal!r}; allowed: loss, margin")

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        self.check(signals, folds)
        given = signals.arrays["score"]
        outside = signals.split(given)[1]
        scores = np.empty_like(given)
        for fold in folds_of(signals.half, folds):
            mean, _ = fold.moments(outside)  # equal values have exactly their value as mean: ties stay ties
            for model in (0, 1):
                scores[model::2][fold.scored] = given[model::2][fold.scored] - mean
        return scores
