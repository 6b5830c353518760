"""The norm of a sample's own gradient (Nasr et al. 2019, "Comprehensive Privacy Analysis of Deep Learning")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from memdyn.attacks.base import Attack, folds_of
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values

SMALLEST = float(np.finfo(np.float32).tiny)  # where a gradient vanishes in single precision


@dataclass(frozen=True)
class GradientNorm(Attack):
    """One threshold on ||grad_theta loss||_2 for all samples: members have learned what they could teach.

    The score is minus its logarithm. It needs the weights, and no shadow models.
    """

    exchangeable: ClassVar[bool] = True
    min_references: ClassVar[int] = 0
    reads = (Reads("gradient_norm"),)

    def prepare(self, values: Values) -> Mapping[str, np.ndarray]:
        """The scores."""
        return {"score": -np.log(np.maximum(values["gradient_norm"], SMALLEST))}

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        """The scores themselves: nothing is calibrated, so the folds only have to exist."""
        folds_of(signals.half, folds)
        return signals.arrays["score"]
