"""Noise on the outputs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.mechanisms.base import Mechanism


@dataclass(frozen=True)
class OutputNoise(Mechanism):
    """Adds N(0, sigma^2) to each logit of each answer, independently."""

    sigma: float

    def output(self, logits: Tensor, draw: torch.Generator) -> Tensor:
        return logits + self.sigma * torch.randn(logits.shape, generator=draw).to(logits)
