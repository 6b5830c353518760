"""Turns of a whole batch of images about their centres, on their device."""

from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as V


def turned(images: Tensor, degrees: float) -> Tensor:
    """Images uint8 [B, C, H, W] turned to the left by so many degrees, zeros coming in; themselves at 0.

    Pixels between pixels are interpolated bilinearly, and rounded.
    """
    return V.rotate(images, degrees, InterpolationMode.BILINEAR) if degrees else images
