"""Crops, flips and moves of a whole batch on its device, as one gather.

The draws come from a CPU generator, so the same seed gives the same images on every device. Draw once for an epoch
(`draw`) and take slices for its batches (`apply`), or do both at once (`augment`). Keep images uint8 until after the
augmentation: it moves a quarter of the memory of float32.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


def augment(images: Tensor, crop: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Randomly cropped and flipped images, each with its own draws.

    Args:
        images: [B, C, H, W], any dtype, on any device.
        crop: pad by so many zeros on each side and crop back at a uniformly drawn place; 0: none.
        flip: mirror left and right with probability 1/2.
        generator: on the CPU; untouched where there is nothing to do.

    Returns:
        [B, C, H, W], contiguous, of the same dtype and on the same device; `images` itself where there is nothing
        to do.
    """
    if not crop and not flip:
        return images
    return apply(images, draw(len(images), crop, flip, generator).to(images.device), crop)


def draw(n_samples: int, crop: int, flip: bool, generator: torch.Generator) -> Tensor:
    """What to do with each sample, int64 [n_samples, 3] on the CPU.

    Columns: first row and first column of the crop in the padded image, both in 0 ... 2 * crop (`crop` leaves the
    image in place), and 1 for a mirrored image. The crops do not depend on `flip`.
    """
    offsets = torch.randint(2 * crop + 1, (n_samples, 2), generator=generator)
    mirrored = torch.randint(2, (n_samples, 1), generator=generator)
    return torch.cat([offsets, mirrored if flip else torch.zeros_like(mirrored)], dim=1)


@dataclass(frozen=True)
class Move:
    """What is done to all images alike: by how many pixels they go down and right, and then whether mirrored."""

    down: int
    right: int
    mirrored: bool


def moved(images: Tensor, move: Move) -> Tensor:
    """Images [B, C, H, W] after a move, zeros coming in; `images` itself where there is nothing to do."""
    if move == Move(0, 0, False):
        return images
    margin = max(abs(move.down), abs(move.right))
    draws = [margin - move.down, margin - move.right, int(move.mirrored)]
    return apply(images, torch.tensor([draws], device=images.device).expand(len(images), 3), margin)


def apply(images: Tensor, draws: Tensor, crop: int) -> Tensor:
    """Crop and flip as drawn.

    Args:
        images: [B, C, H, W].
        draws: int64 [B, 3] of `draw`, on the images' device.
        crop: the padding that the draws were made for.

    Returns:
        [B, C, H, W], contiguous: each image is first cropped, then mirrored.
    """
    n_images, channels, height, width = images.shape
    padded = functional.pad(images, (crop,) * 4)
    top, left, mirrored = draws.unsqueeze(2).unbind(1)  # [B, 1] each
    columns = torch.arange(width, device=images.device)
    columns = torch.where(mirrored == 1, columns.flip(0), columns) + left
    rows = (torch.arange(height, device=images.device) + top) * padded.shape[3]
    pixels = (rows.unsqueeze(2) + columns.unsqueeze(1)).view(n_images, 1, -1).expand(-1, channels, -1)
    return padded.reshape(n_images, channels, -1).gather(2, pixels).view(images.shape)
