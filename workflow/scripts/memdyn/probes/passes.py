"""Passes of samples through a network, a batch at a time."""

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of


def logits_of(
    network: nn.Module, samples: Samples, batch: int, view: Callable[[Tensor], Tensor] | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """(logits [b, K], labels [b]) in eval mode, in the order of the samples.

    Args:
        view: what is done to samples as stored before they are normalised; None: nothing.
    """
    network.eval()
    layout = layout_of(network)
    for values, labels in zip(samples.samples.split(batch), samples.labels.split(batch), strict=True):
        yield network(samples.normalise(view(values) if view else values, layout)), labels
