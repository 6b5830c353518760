"""Margins as functions of a network's input, which has the units that distances in it are measured in."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of
from memdyn.probes.level_search import Box

_LEVELS = 255  # of a stored pixel, which stands for 1
_AT_ONCE = {"cpu": 100, "cuda": 1000}  # samples, at most: a way back holds all activations, and a CPU gains nothing


@dataclass(frozen=True)
class Margins:
    """A network in eval mode, asked about inputs before they are normalised.

    Attributes:
        samples: images, whose pixels are measured in [0, 1], or features as they are, standardised.
    """

    network: nn.Module
    samples: Samples

    @classmethod
    def of(cls, network: nn.Module, samples: Samples) -> "Margins":
        """Of a network in any mode, which is in eval mode from now on."""
        return cls(network.eval(), samples)

    @property
    def is_image(self) -> bool:
        return self.samples.samples.ndim == 4

    @property
    def box(self) -> Box:
        """What values an input may have; features may have any."""
        return (0.0, 1.0) if self.is_image else None

    def inputs(self, rows: slice = slice(None)) -> Tensor:
        """float32 [n, ...], the samples in these units."""
        values = self.samples.samples[rows].float()
        return values / _LEVELS if self.is_image else values

    def batches(self, size: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """(rows, inputs, labels), in the order of the samples, of `size` at most."""
        size = min(size, _AT_ONCE[self.samples.samples.device.type])
        for start in range(0, len(self.samples), size):
            rows = slice(start, start + size)
            yield rows, self.inputs(rows), self.samples.labels[rows]

    def logits(self, inputs: Tensor) -> Tensor:
        """[b, K]."""
        stored = inputs * _LEVELS if self.is_image else inputs
        return self.network(self.samples.normalise(stored, layout_of(self.network)))

    def margin(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """float64 [b]: z_y - logsumexp_{c != y} z_c, the logit of the true class's probability."""
        return _true_less(self.logits(inputs), labels, lambda others: others.logsumexp(1))

    def gap(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """float64 [b]: z_y - max_{c != y} z_c, above 0 where the prediction is right."""
        return _true_less(self.logits(inputs), labels, lambda others: others.amax(1))


def _true_less(logits: Tensor, labels: Tensor, best_of: Callable[[Tensor], Tensor]) -> Tensor:
    z, true = logits.double(), labels.unsqueeze(1)
    return z.gather(1, true).squeeze(1) - best_of(z.scatter(1, true, -torch.inf))
