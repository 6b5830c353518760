"""Temperature of the outputs (Shokri et al. 2017, IEEE S&P, section VIII: coarser outputs by a larger temperature)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.mechanisms.base import Mechanism


@dataclass(frozen=True)
class Temperature(Mechanism):
    """Logits over the temperature."""

    temperature: float

    def output(self, logits: Tensor, draw: torch.Generator) -> Tensor:
        return logits / self.temperature
