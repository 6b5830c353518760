"""Samples on the device as one tensor, turned into network inputs a batch at a time."""

from dataclasses import dataclass

import numpy as np
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
    def of_pool(cls, pool: Pool, rows: slice | np.ndarray, device: torch.device) -> "Samples":
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

    def ready(self, layout: torch.memory_format) -> "ReadySamples":
        """The same as network inputs, once and for all: four times the memory of images, and no work a batch."""
        values = self.normalise(self.samples, layout)
        if values.is_contiguous():
            return ReadySamples(values, self.labels, is_last=False)
        return ReadySamples(values.permute(0, 2, 3, 1), self.labels, is_last=True)

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Samples as stored, and labels, of `rows` on the same device (`[rows]` would be 10 times slower)."""
        return self.samples.index_select(0, rows), self.labels.index_select(0, rows)


@dataclass(frozen=True)
class ReadySamples:
    """Network inputs and labels on one device.

    Attributes:
        values: float32, contiguous, so that rows are taken by copying them: [n, ...], or [n, H, W, C] of images in
            channels_last (`is_last`), of which torch would else make contiguous ones.
        labels: int64 [n].
    """

    values: Tensor
    labels: Tensor
    is_last: bool

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What `Samples.take` and then `Samples.normalise` give, to the bit and the stride."""
        values = self.values.index_select(0, rows)
        return values.permute(0, 3, 1, 2) if self.is_last else values, self.labels.index_select(0, rows)
