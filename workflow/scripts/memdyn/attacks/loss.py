"""The loss threshold (Yeom et al. 2018, "Privacy Risk in Machine Learning", section 3.2)."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.signals import Signals


@dataclass(frozen=True)
class Loss(Attack):
    """One threshold on the loss for all samples.

    The score is the margin: the loss softplus(-margin) falls with it, so both have the same ROC,
    and the margin never saturates. The paper's own threshold, the mean loss of members, is one point of that ROC and
    needs members that the attacker knows: the attack AVG of `memdyn.attacks.known`.
    """

    exchangeable: ClassVar[bool] = True
    min_references: ClassVar[int] = 0

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """The margins themselves: nothing is calibrated, so the folds only have to exist."""
        folds_of(signals.half, folds)
        return signals.margins
