"""RandAugment (Cubuk et al. 2020, arXiv 1909.13719) with the 14 operations and the scale of torchvision's.

All that is drawn comes from the mechanism's generator, for each sample by itself; samples that drew the same operation
go through it together. It works on 8-bit images of 1 or 3 channels; what an operation shifts in is black.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as V

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.pixels import WHITE, pixels_of, with_pixels

LARGEST = 30  # magnitude
Operation = Callable[[Tensor], Tensor]

_shift = partial(V.affine, angle=0.0, scale=1.0)


def operations(magnitude: int, sign: int, height: int, width: int) -> list[Operation]:
    """The 14 operations at a magnitude from 0 to 30, uint8 images [n, C, H, W] in and out.

    Args:
        sign: 1 or -1, the direction of those that have two.
    """
    part = magnitude / LARGEST
    shear = math.degrees(math.atan(sign * 0.3 * part))
    right, down = (int(sign * part * 150 / 331 * side) for side in (width, height))
    factor = 1 + sign * 0.9 * part
    corner = [0, 0]
    return [
        lambda images: images,
        lambda images: _shift(images, translate=[0, 0], shear=[shear, 0.0], center=corner),
        lambda images: _shift(images, translate=[0, 0], shear=[0.0, shear], center=corner),
        lambda images: _shift(images, translate=[right, 0], shear=[0.0, 0.0]),
        lambda images: _shift(images, translate=[0, down], shear=[0.0, 0.0]),
        lambda images: V.rotate(images, sign * 30.0 * part),
        lambda images: V.adjust_brightness(images, factor),
        lambda images: V.adjust_saturation(images, factor),
        lambda images: V.adjust_contrast(images, factor),
        lambda images: V.adjust_sharpness(images, factor),
        lambda images: V.posterize(images, 8 - round(4 * part)),
        lambda images: V.solarize(images, WHITE * (1 - part)),
        V.autocontrast,
        V.equalize,
    ]


N_OPERATIONS = len(operations(0, 1, 1, 1))


def augmented(images: Tensor, rounds: int, magnitude: int, draw: torch.Generator) -> Tensor:
    """Each image after `rounds` operations, each drawn from all alike and, where it has a direction, with either.

    Args:
        images: uint8 [B, C, H, W].
        draw: on the CPU.
    """
    height, width = images.shape[2:]
    both = [operation for sign in (1, -1) for operation in operations(magnitude, sign, height, width)]
    for _ in range(rounds):
        drawn = torch.randint(len(both), (len(images),), generator=draw)
        after = images.clone()
        for choice in drawn.unique().tolist():
            rows = (drawn == choice).nonzero().squeeze(1).to(images.device)
            after[rows] = both[choice](images[rows])
        images = after
    return images


@dataclass(frozen=True)
class RandAugment(Mechanism):
    """Attributes:
    operations: how many in a row.
    magnitude: 0 to 30.
    """

    operations: int
    magnitude: int

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        samples = self.given.inputs
        images = pixels_of(batch.inputs, samples).mul(WHITE).round().clamp(0, WHITE).to(torch.uint8)
        changed = augmented(images, self.operations, self.magnitude, draw)
        return with_pixels(batch, changed.float() / WHITE, samples)
