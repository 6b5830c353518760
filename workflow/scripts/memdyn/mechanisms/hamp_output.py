"""HAMP's output rule (Chen & Pattabiraman 2024, NDSS, section IV): every answer looks like that to a random image."""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Mechanism
from memdyn.models.layout import layout_of

_AT_ONCE = 500  # images; fixed, so that the last bits do not depend on how many are scored at once


@dataclass(frozen=True)
class RandomImagesValues(Mechanism):
    """Each class keeps its rank; the values are those of the network's output for an image of random pixels."""

    def output(self, logits: Tensor, draw: torch.Generator) -> Tensor:
        network, inputs = self.given.network, self.given.inputs
        pieces = [
            network(inputs.normalise(random_samples(inputs, count, draw), layout_of(network)))
            for count in _split(len(logits))
        ]
        return with_values_of(logits, torch.cat(pieces))


def with_values_of(logits: Tensor, others: Tensor) -> Tensor:
    """The values of each row of `others` [n, K] in the order of `logits` [n, K]; of equals the first is below."""
    order = logits.argsort(dim=1, stable=True)
    return torch.empty_like(logits).scatter(1, order, others.sort(1).values)


def random_samples(inputs: Samples, count: int, draw: torch.Generator) -> Tensor:
    """Samples as stored: images of uniform pixels; rows of normal features with the mean and variance of the table."""
    shape = (count, *inputs.samples.shape[1:])
    if inputs.samples.dtype == torch.uint8:
        return torch.randint(0, 256, shape, generator=draw, dtype=torch.uint8).to(inputs.samples.device)
    normal = torch.randn(shape, generator=draw).to(inputs.samples)
    return (normal - inputs.offset) / inputs.scale


def _split(count: int) -> list[int]:
    return [min(_AT_ONCE, count - first) for first in range(0, count, _AT_ONCE)]
