"""Passes of samples through a network, a batch at a time."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of
from memdyn.probes.answers import Answering


def logits_of(
    network: nn.Module, samples: Samples, batch: int, view: Callable[[Tensor], Tensor] | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """(logits [b, K], labels [b]) in eval mode, in the order of the samples; of a queried model what it answers.

    Args:
        view: what is done to samples as stored before they are normalised; None: nothing.
    """
    network.eval()
    layout = layout_of(network)
    bare = network.network if isinstance(network, Answering) else network
    parts = (
        bare(samples.normalise(view(values) if view else values, layout)) for values in samples.samples.split(batch)
    )
    if isinstance(network, Answering):
        parts = network.answer(torch.cat(list(parts))).split(batch)  # at once: draws must not depend on the batch
    yield from zip(parts, samples.labels.split(batch), strict=True)
