"""Arithmetic and weights of the built-in nets, counted without building them and without torch.

For what has to be told before any model exists (`memdyn.operations.effort`). Each net is counted layer by layer beside
the builder of the same name; a test holds both equal.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_CNN_STAGES = {2: (1, 1), 4: (2, 2), 8: (2, 2, 2, 2)}
_GROUPS = 16  # of group normalisation
_VGG_STAGES = ((1,), (2,), (4, 4), (8, 8), (8, 8))


@dataclass(frozen=True)
class Size:
    """Of a layer or a net.

    Attributes:
        flops: of one sample's pass forward: 2 a multiply-add of convolutions and fully connected layers. The rest
            (normalisation, activations, pooling) is little arithmetic and not counted.
        bytes: of all parameters and buffers, as in a checkpoint.
        iteration: flops of a Newton-Schulz iteration on all matrices but the classifier's (`memdyn.optim.muon`).
        values: of one sample that each mean of a normalisation is taken over, in a layer; None: it normalises nothing.
    """

    flops: int
    bytes: int
    iteration: int = 0
    values: int | None = None


def size_of(model: Mapping[str, Any], input_shape: tuple[int, ...], n_classes: int) -> Size | None:
    """The size of a net; None for those that are not built here (torchvision, custom).

    Args:
        model: `name` and all options, as for `memdyn.models.build.build_model`.
        input_shape: (C, H, W) for images, (F,) for tables.
        n_classes: number of logits.
    """
    keywords = dict(model)
    layers_of = _LAYERS.get(keywords.pop("name"))
    if layers_of is None:
        return None
    layers = list(layers_of(input_shape, n_classes, **keywords))
    return Size(
        sum(layer.flops for layer in layers),
        sum(layer.bytes for layer in layers),
        sum(layer.iteration for layer in layers[:-1]),
        min((layer.values for layer in layers if layer.values), default=None),
    )


def _conv(n_in: int, n_out: int, pixels: int, kernel: int = 3, *, bias: bool = False) -> Size:
    """A convolution that makes `pixels` pixels of `n_out` channels."""
    weights = n_in * n_out * kernel**2
    return Size(2 * weights * pixels, 4 * (weights + n_out * bias), _iteration(n_out, n_in * kernel**2))


def _dense(n_in: int, n_out: int) -> Size:
    return Size(2 * n_in * n_out, 4 * (n_in + 1) * n_out, _iteration(n_out, n_in))


def _iteration(n_out: int, n_in: int) -> int:
    """X X^T, its square, and that times X; a single row is not orthogonalised."""
    short, long = sorted((n_out, n_in))
    return 4 * short**2 * long + 2 * short**3 if n_out > 1 else 0


def _norm(norm: str, channels: int, pixels: int) -> Size:
    """Scale and shift; batch normalisation also keeps mean, variance and the number of batches."""
    stored = {"none": 0, "group": 8 * channels, "batch": 16 * channels + 8}[norm]
    values = {"none": None, "group": pixels * channels // math.gcd(channels, _GROUPS), "batch": pixels}[norm]
    return Size(0, stored, values=values)


def _halved(side: int) -> int:
    """Strides and pooling round up."""
    return -(-side // 2)


def _head(widths: list[int]) -> Iterator[Size]:
    yield from (_dense(n_in, n_out) for n_in, n_out in pairwise(widths))


def _logistic(shape: tuple[int, ...], n_classes: int) -> Iterator[Size]:
    yield _dense(math.prod(shape), n_classes)


def _mlp(shape: tuple[int, ...], n_classes: int, *, hidden: list[int], activation: str) -> Iterator[Size]:
    yield from _head([math.prod(shape), *hidden, n_classes])


def _cnn(
    shape: tuple[int, ...], n_classes: int, *, layers: int, width: int, strided: bool, hidden: int, norm: str
) -> Iterator[Size]:
    channels, height, side = shape
    for stage, n_convolutions in enumerate(_CNN_STAGES[layers]):
        for position in range(n_convolutions):
            if strided and position == 0:
                height, side = _halved(height), _halved(side)
            yield _conv(channels, width * 2**stage, height * side, bias=norm == "none")
            channels = width * 2**stage
            yield _norm(norm, channels, height * side)
        if not strided:
            height, side = _halved(height), _halved(side)
    yield from _head([channels * height * side, *([hidden] if hidden else []), n_classes])


def _vgg(shape: tuple[int, ...], n_classes: int, *, width: int, hidden: list[int], norm: str) -> Iterator[Size]:
    channels, height, side = shape
    for stage in _VGG_STAGES:
        for factor in stage:
            yield _conv(channels, factor * width, height * side, bias=norm == "none")
            channels = factor * width
            yield _norm(norm, channels, height * side)
        height, side = _halved(height), _halved(side)
    yield from _head([channels * height * side, *hidden, n_classes])


def _resnet18(shape: tuple[int, ...], n_classes: int, *, width: int, norm: str) -> Iterator[Size]:
    channels, height, side = shape
    yield _conv(channels, width, height * side)
    yield _norm(norm, width, height * side)
    channels = width
    for stage in range(4):
        for position in range(2):
            out = width * 2**stage
            if stage > 0 and position == 0:
                height, side = _halved(height), _halved(side)
                yield _conv(channels, out, height * side, 1)
                yield _norm(norm, out, height * side)
            for n_in in (channels, out):
                yield _conv(n_in, out, height * side)
                yield _norm(norm, out, height * side)
            channels = out
    yield _dense(channels, n_classes)


def _wrn(shape: tuple[int, ...], n_classes: int, *, depth: int, width: int, norm: str) -> Iterator[Size]:
    channels, height, side = shape
    yield _conv(channels, 16, height * side)
    channels = 16
    for stage in range(3):
        for position in range((depth - 4) // 6):
            out = 16 * width * 2**stage
            yield _norm(norm, channels, height * side)
            if stage > 0 and position == 0:
                height, side = _halved(height), _halved(side)
            if channels != out:
                yield _conv(channels, out, height * side, 1)
            yield _conv(channels, out, height * side)
            yield _norm(norm, out, height * side)
            yield _conv(out, out, height * side)
            channels = out
    yield _norm(norm, channels, height * side)
    yield _dense(channels, n_classes)


_LAYERS: dict[str, Callable[..., Iterator[Size]]] = {
    "logistic": _logistic,
    "mlp": _mlp,
    "cnn": _cnn,
    "resnet18": _resnet18,
    "wrn": _wrn,
    "vgg": _vgg,
}
