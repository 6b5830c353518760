"""Samples on the device as one tensor, turned into network inputs a batch at a time."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from memdyn.data.pool import Pool


@dataclass(frozen=True)
class Samples:
    """Samples and labels on one device.

    Attributes:
        samples: uint8 [n, C, H, W] images (four times smaller than floats; converted a batch at a time) or
            float32 [n, F] features.
        labels: int64 [n].
        scale, offset: per channel or feature, so that sample * scale + offset has mean 0 and variance 1.
    """

    samples: Tensor
    labels: Tensor
    scale: Tensor
    offset: Tensor

    @classmethod
    def of_pool(cls, pool: Pool, rows: slice, device: torch.device) -> "Samples":
        """The pool's rows, on the device."""
        is_image = pool.images.ndim == 4
        shape = (1, -1, 1, 1) if is_image else (1, -1)
        mean = torch.tensor(pool.mean, dtype=torch.float32).view(shape)
        std = torch.tensor(pool.std, dtype=torch.float32).view(shape)
        unit = 255.0 if is_image else 1.0
        samples = torch.tensor(pool.images[rows])  # a copy: the pool is a read-only memory map
        labels = torch.tensor(pool.labels[rows], dtype=torch.int64)
        return cls(samples.to(device), labels.to(device), (1 / (unit * std)).to(device), (-mean / std).to(device))

    def __len__(self) -> int:
        return len(self.samples)

    def normalise(self, samples: Tensor, layout: torch.memory_format) -> Tensor:
        """float32 network inputs; images in the `layout` that the network wants."""
        values = samples.to(torch.float32).mul(self.scale).add_(self.offset)  # twice as fast as addcmul
        return values.contiguous(memory_format=layout) if values.ndim == 4 else values

    @cached_property
    def ready(self) -> "Samples":
        """The same, normalised once and for all: four times the memory of images, and no work a batch."""
        return replace(self, samples=self.normalise(self.samples, torch.contiguous_format))

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Samples as stored, and labels, of `rows` on the same device (`[rows]` would be 10 times slower)."""
        return self.samples.index_select(0, rows), self.labels.index_select(0, rows)
