"""Which axis of stored images is which. Nothing is guessed: what fits two layouts needs the key `shape`."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CHANNELS = (1, 3)
NARROW = 4  # so short an axis is rather channels than a side of an image
PIXELS = "uint8, 0 to 255"


def as_images(values: NDArray, shape: Sequence[int] | None, source: str) -> NDArray:
    """Stored images as [n, C, H, W].

    Without `shape`: [n, H, W] are grey, unless one of the axes may be channels (3 or shorter, or 4 beside a square
    number, which may be all pixels of an image); [n, C, H, W] and [n, H, W, C] are told apart by C, which is 1 or 3,
    where the other of the two axes is not. With it: [n, C, H, W], [n, H, W, C], [n, H, W] of one channel, and the same
    with pixels in one axis, [n, C, H * W] and [n, H * W, C]; or all in one, channels first.

    Raises:
        ValueError: naming the source, and the `shape` to give where several layouts are possible.
    """
    if shape is not None:
        return _of_shape(values, tuple(shape), source)
    stored = values.shape[1:]
    if values.ndim == 3 and not _may_be_planes(stored):
        return values[:, None]
    first, last = (values.ndim == 4 and values.shape[axis] in CHANNELS for axis in (1, 3))
    sides = stored[1:] if first else stored[:-1]
    if first == last or 1 in sides:
        raise ValueError(f"{source}: {unknown_layout(values.shape)}")
    return values if first else values.transpose(0, 3, 1, 2)


def unknown_layout(shape: Sequence[int]) -> str:
    """What to tell a user whose images have this shape, [n, ...]."""
    possible = " or ".join(f"`shape: {list(found)}`" for found in _possible(tuple(shape[1:])))
    hint = possible or "`shape: [channels, height, width]`"
    return (
        f"cannot tell channels in shape {tuple(shape)}; give {hint}. Without `shape`, allowed: [n, height, width], or "
        "1 or 3 channels as either the second or the last axis"
    )


def pixel_problem(dtype: np.dtype) -> str | None:
    """What is wrong with images of this type; None for bytes."""
    if dtype == np.uint8:
        return None
    mend = {
        "f": "of values 0 to 1 make (255 * x).round().astype(np.uint8), of values 0 to 255 x.round().astype(np.uint8)",
        "b": "make x.astype(np.uint8) * 255",
        "iu": "of values 0 to 255 make x.astype(np.uint8), of 16 bits (x / 257).round().astype(np.uint8)",
    }
    mends = [f": {said}" for kinds, said in mend.items() if dtype.kind in kinds]
    return f"images are {dtype}; allowed: {PIXELS}{''.join(mends)}"


def looks_channels_last(shape: Sequence[int]) -> bool:
    """Whether what should be [n, C, H, W] is rather [n, H, W, C]."""
    return shape[3] in CHANNELS and shape[1] > NARROW


def _of_shape(values: NDArray, shape: tuple[int, ...], source: str) -> NDArray:
    channels, height, width = shape
    stored = values.shape[1:]
    if math.prod(stored) != math.prod(shape):
        raise ValueError(
            f"{source}: {math.prod(stored)} values an image, but shape {list(shape)} needs {math.prod(shape)}"
        )
    pixels = height * width
    channels_first = {shape, (channels, pixels), (channels * pixels,)} | ({(height, width)} if channels == 1 else set())
    if stored in channels_first:
        return values.reshape(-1, *shape)
    if stored in {(height, width, channels), (pixels, channels)}:
        return values.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)
    raise ValueError(
        f"{source}: images of shape {stored} are not {list(shape)} with channels first or last; allowed: "
        f"{[channels, height, width]}, {[height, width, channels]}, {[channels, pixels]}, {[pixels, channels]}, or "
        f"{[channels * pixels]} with channels first"
    )


def _may_be_planes(stored: tuple[int, ...]) -> bool:
    """Whether [H, W] may as well be channels and all pixels."""
    short, long = sorted(stored)
    return short < NARROW or (short == NARROW and _square(short, long) is not None)


def _possible(stored: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Shapes [C, H, W] that images stored so may have."""
    found = []
    if len(stored) == 1:
        found = [_square(channels, stored[0] // channels) for channels in CHANNELS if stored[0] % channels == 0]
    if len(stored) == 2:
        found = [_square(*pair) for pair in (stored, stored[::-1]) if pair[0] <= NARROW]
        found = [shape for shape in found if shape] or [(1, *stored)]
    if len(stored) == 3:
        found = [stored, (stored[2], *stored[:2])]
    return [shape for shape in found if shape]


def _square(channels: int, pixels: int) -> tuple[int, int, int] | None:
    side = math.isqrt(pixels)
    return (channels, side, side) if side * side == pixels and side > NARROW else None
