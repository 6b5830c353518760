"""Between a batch's normalised inputs and its pixels: mechanisms on images are defined in [0, 1], where 0 is black."""

from dataclasses import replace

from torch import Tensor

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Batch

WHITE = 255.0  # the largest value of the stored images


def pixels_of(inputs: Tensor, samples: Samples) -> Tensor:
    """Normalised inputs [B, C, H, W] as pixels: float32, in [0, 1] as far as nothing was added to them."""
    return (inputs - samples.offset) / (samples.scale * WHITE)


def inputs_of(pixels: Tensor, samples: Samples) -> Tensor:
    """The reverse: pixels in [0, 1] as the network takes them, in the same memory layout."""
    return pixels * (samples.scale * WHITE) + samples.offset


def with_pixels(batch: Batch, pixels: Tensor, samples: Samples) -> Batch:
    """The batch with other images."""
    return replace(batch, inputs=inputs_of(pixels, samples))
