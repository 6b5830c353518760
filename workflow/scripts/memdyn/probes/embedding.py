"""The embedding of a sample, what a network's classifier reads, by its norms."""

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of

NORMS = (1.0, 2.0, 4.0, torch.inf)


@torch.inference_mode()
def embedding(network: nn.Module, samples: Samples, members: Tensor, batch: int) -> dict[str, Tensor]:
    """||E(x)||_p of each sample (LpLA, arXiv 2506.05743), E the input of the last layer, in eval mode.

    The last layer is the nn.Linear whose output the network returns. `members` do not matter.

    Returns:
        embedding_norms: float32 [n, 4], of p = 1, 2, 4 and infinity.

    Raises:
        ValueError: for a network that does not end in an nn.Linear which reads one vector a sample.
    """
    network.eval()
    layout = layout_of(network)
    classifier = _classifier(network, samples.normalise(samples.samples[:1], layout))
    seen: list[Tensor] = []
    handle = classifier.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        found = []
        for values in samples.samples.split(batch):
            network(samples.normalise(values, layout))
            found.append(_norms(seen.pop()))
    finally:
        handle.remove()
    return {"embedding_norms": torch.cat(found)}


def _norms(vectors: Tensor) -> Tensor:
    """float32 [b, 4] of [b, d]; in float64, where fourth powers do not overflow."""
    return torch.stack([torch.linalg.vector_norm(vectors.double(), p, dim=1) for p in NORMS], dim=1).float()


def _classifier(network: nn.Module, sample: Tensor) -> nn.Linear:
    """The layer that returns what the network returns, of which there is one."""
    outputs: list[tuple[nn.Linear, Tensor, int]] = []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    handles = [
        layer.register_forward_hook(lambda own, given, output: outputs.append((own, output, given[0].ndim)))
        for layer in layers
    ]
    try:
        answer = network(sample)
    finally:
        for handle in handles:
            handle.remove()
    last = [layer for layer, output, dimensions in outputs if output is answer and dimensions == 2]
    if len(last) != 1 or sum(layer is last[0] for layer, *_ in outputs) != 1:
        raise ValueError(
            f"embedding of {type(network).__name__}: it does not end in an nn.Linear that reads one vector a sample, "
            "once a pass; allowed: such nets, or attacks that do not read embedding_norms"
        )
    return last[0]
