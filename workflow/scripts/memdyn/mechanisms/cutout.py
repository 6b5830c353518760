"""Cutout (DeVries & Taylor 2017, arXiv 1708.04552): one black square in each image, clipped at the borders."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism


def cut(shape: torch.Size, size: int, draw: torch.Generator) -> Tensor:
    """Which pixels of each image are cut out, bool [B, 1, H, W] on the CPU.

    The square reaches from size // 2 pixels before its centre to the size-th from there; the centre is any pixel.
    """
    count, _, height, width = shape
    first = [torch.randint(side, (count, 1), generator=draw) - size // 2 for side in (height, width)]
    rows, columns = (
        (torch.arange(side) >= start) & (torch.arange(side) < start + size)
        for side, start in zip((height, width), first, strict=True)
    )
    return (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)


@dataclass(frozen=True)
class Cutout(Mechanism):
    """Attributes:
    size: pixels a side.
    """

    size: int

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        gone = cut(batch.inputs.shape, self.size, draw).to(batch.inputs.device)
        black = self.given.inputs.offset  # what a pixel of 0 is normalised to
        return replace(batch, inputs=torch.where(gone, black, batch.inputs))
