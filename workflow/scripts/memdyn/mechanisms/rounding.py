"""Rounded probabilities (Shokri et al. 2017, IEEE S&P, section VIII)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.mechanisms.base import Mechanism


@dataclass(frozen=True)
class Rounding(Mechanism):
    """Probabilities with `digits` after the point."""

    digits: int

    def output(self, logits: Tensor, draw: torch.Generator) -> Tensor:
        """The logarithms; of 0 that of half a unit of the last digit, the largest that is rounded to it."""
        rounded = logits.double().softmax(1).round(decimals=self.digits)
        return rounded.clamp(min=0.5 * 10**-self.digits).log().to(logits.dtype)
