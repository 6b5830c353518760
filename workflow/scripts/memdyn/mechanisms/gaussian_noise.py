"""Gaussian noise on the pixels (after Bishop 1995): x + N(0, sigma^2), brought back into [0, 1]."""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.pixels import pixels_of, with_pixels


def noisy(pixels: Tensor, sigma: float, draw: torch.Generator) -> Tensor:
    """Pixels [B, C, H, W] in [0, 1], each with noise of its own; `draw` is on the CPU."""
    noise = torch.randn(pixels.shape, generator=draw).to(pixels.device)
    return (pixels + sigma * noise).clamp(0, 1)


@dataclass(frozen=True)
class GaussianNoise(Mechanism):
    """Attributes:
    sigma: standard deviation, of pixels in [0, 1].
    """

    sigma: float

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        samples = self.given.inputs
        return with_pixels(batch, noisy(pixels_of(batch.inputs, samples), self.sigma, draw), samples)
