"""Asking finished or unfinished networks for their outputs."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of

_AT_ONCE = 500  # samples; fixed, so that the last bits do not depend on how many others use


def batches_of(network: nn.Module, inputs: Samples, rows: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """(network inputs, labels) of these rows, in their order."""
    layout = layout_of(network)
    for some in rows.to(inputs.labels.device).split(_AT_ONCE):
        samples, labels = inputs.take(some)
        yield inputs.normalise(samples, layout), labels


@torch.no_grad()
def probabilities(network: nn.Module, inputs: Samples, rows: Tensor, temperature: float = 1.0) -> Tensor:
    """softmax(logits / temperature) of these rows in eval mode, float32 [n, K]; the mode is left as it was."""
    mode = network.training
    network.eval()
    found = [(network(each).float() / temperature).softmax(1) for each, _ in batches_of(network, inputs, rows)]
    network.train(mode)
    return torch.cat(found)


class Passes:
    """The numbers 0 to count - 1 again and again, each time in another random order."""

    def __init__(self, count: int, draw: torch.Generator) -> None:
        self.count, self.draw = count, draw
        self._left = torch.empty(0, dtype=torch.int64)

    def take(self, size: int) -> Tensor:
        """The next ones: int64 [size], on the CPU."""
        while len(self._left) < size:
            self._left = torch.cat([self._left, torch.randperm(self.count, generator=self.draw)])
        taken, self._left = self._left[:size], self._left[size:]
        return taken
