"""The sum of LiRA's log likelihood ratios (Carlini et al. 2022) over checkpoints: what history says if each checkpoint
were another model, independent of the others (naive Bayes). Where they are not, it counts the same evidence repeatedly.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack
from memdyn.attacks.history import latest_first
from memdyn.attacks.lira import LiRA
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values


@dataclass(frozen=True)
class LogRatioSum(Attack):
    """sum over checkpoints of log p(margin | IN) - log p(margin | OUT); at one checkpoint it is LiRA, bit for bit.

    Attributes:
        variance: of LiRA.
        checkpoints: at most so many; see `memdyn.attacks.history.latest_first`.
    """

    variance: str
    checkpoints: int
    reads = (Reads("margin", history=True),)
    min_references: ClassVar[int] = LiRA.min_references
    threshold: ClassVar[float] = 0.0

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The history, a checkpoint an array."""
        history = latest_first(values, self.checkpoints)
        return {f"margin_{back}": history[:, :, back] for back in range(history.shape[2])}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """Scores [M, n]; see `Attack.score`."""
        return signals.join(*self.score_pairs(signals, folds))

    def score_pairs(self, signals: Signals, folds: str) -> tuple[np.ndarray, np.ndarray]:
        """Scores of IN and OUT models, [P, n] each."""
        self.check(signals, folds)
        lira, sums = LiRA("online", self.variance), None
        for margin in signals.arrays.values():
            at = replace(signals, arrays=replace(signals.arrays, arrays={"margin": margin}))
            scores = lira.score_pairs(at, folds)
            if sums is None:
                sums = scores
            else:
                for total, score in zip(sums, scores, strict=True):
                    total += score
        return sums
