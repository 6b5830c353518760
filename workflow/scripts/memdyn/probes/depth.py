"""Prediction depth: in which of its blocks a network has settled what it will predict."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of


@torch.inference_mode()
def prediction_depth(
    network: nn.Module, samples: Samples, members: Tensor, batch: int, *, neighbours: int
) -> dict[str, Tensor]:
    """The smallest layer from which on all probes give the network's final prediction (Baldock et al. 2021, sec. 2.1).

    A probe is the class of most of the `neighbours` nearest reference samples, by Euclidean distance of the layer's
    activations; of equally frequent classes the first. References are the network's own training members with their
    training labels, as in the paper; the sample itself is left out, or a member would vote for itself in every layer.
    Layer 0 is the input, layer l the output of block l (see `blocks`); all in eval mode.

    Memory: one layer's activations of all members, in float32.

    Args:
        members: bool [n], more than `neighbours`.

    Returns:
        prediction_depth: float32 [n], 0 to the number of blocks + 1; that many where even the last block's probe
        disagrees and only the classifier settles it.

    Raises:
        ValueError: for a network that has no blocks to probe, with the reason.
    """
    network.eval()
    layers = [None, *blocks(network)]
    everyone = torch.arange(len(samples), device=samples.samples.device)
    final = torch.cat([network(values).argmax(1) for values in _batches(network, samples, everyone, batch)])
    depth = torch.full_like(final, len(layers))
    agreeing = everyone
    # from the last layer backwards, only those that agreed so far: the others' depth is known
    for place in reversed(range(len(layers))):
        votes = _probe(network, layers[place], samples, members, agreeing, batch, neighbours)
        agreeing = agreeing[votes == final[agreeing]]
        depth[agreeing] = place
    return {"prediction_depth": depth.float()}


def blocks(network: nn.Module) -> list[nn.Module]:
    """The modules whose outputs end a block, from input to output, without the classifier.

    A network's blocks are its children; an nn.Sequential with several weight layers stands for its own children, and so
    does a module around a single one. In an nn.Sequential what has no parameters (activation, pooling) belongs to the
    block before it; elsewhere it is passed over, since one such module may serve many blocks.

    Raises:
        ValueError: for a network without child modules.
    """
    parts = list(_parts(network))
    if not parts:
        raise ValueError(_refusal(network, "it has no modules inside that could be probed"))
    ends: list[nn.Module] = []
    for part in parts:
        if next(part.parameters(), None) is not None:
            ends.append(part)
        elif ends:
            ends[-1] = part
    return ends[:-1]


def _parts(network: nn.Module) -> Iterator[nn.Module]:
    children = list(network.children())
    for child in children:
        weights = sum(parameter.ndim > 1 for parameter in child.parameters())
        has_parts = next(child.children(), None) is not None
        if has_parts and (len(children) == 1 or (isinstance(child, nn.Sequential) and weights > 1)):
            yield from _parts(child)
        elif isinstance(network, nn.Sequential) or next(child.parameters(), None) is not None:
            yield child


def _probe(
    network: nn.Module,
    layer: nn.Module | None,
    inputs: Samples,
    members: Tensor,
    samples: Tensor,
    batch: int,
    neighbours: int,
) -> Tensor:
    """int64: the probe's class of each of `samples` (indices)."""
    references = members.nonzero().squeeze(1)
    known = list(_activations(network, layer, inputs, references, batch))  # never copied: it may be gigabytes
    centre = sum(chunk.sum(0) for chunk in known) / len(references)
    for chunk in known:
        chunk -= centre  # distances are differences of products, which are smaller about the mean
    classes = F.one_hot(inputs.labels[references])
    votes = []
    found = _activations(network, layer, inputs, samples, batch)
    for rows, values in zip(samples.split(batch), found, strict=True):
        nearest = _nearest(known, values - centre, rows.unsqueeze(1) == references, neighbours)
        votes.append(classes[nearest].sum(1).argmax(1))
    return torch.cat(votes) if votes else samples


def _nearest(known: list[Tensor], values: Tensor, same: Tensor, neighbours: int) -> Tensor:
    """int64 [b, k]: the nearest of known [r, d], in chunks, to each of values [b, d], but for the `same` [b, r]."""
    # up to the value's own square, which changes no order
    distances = torch.cat([chunk.square().sum(1) - 2 * values @ chunk.T for chunk in known], dim=1)
    return distances.masked_fill_(same, torch.inf).topk(neighbours, largest=False).indices


def _batches(network: nn.Module, inputs: Samples, samples: Tensor, batch: int) -> Iterator[Tensor]:
    """Network inputs of `samples` (indices)."""
    layout = layout_of(network)
    for rows in samples.split(batch):
        yield inputs.normalise(inputs.take(rows)[0], layout)


def _activations(
    network: nn.Module, layer: nn.Module | None, inputs: Samples, samples: Tensor, batch: int
) -> Iterator[Tensor]:
    """float32 [b, d] of the layer (None: the input) for `samples` (indices), a batch at a time."""
    batches = _batches(network, inputs, samples, batch)
    if layer is None:
        yield from (values.flatten(1) for values in batches)
        return
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda *call: seen.append(_flat(network, call[-1])))
    try:
        for values in batches:
            seen.clear()
            network(values)
            if [len(found) for found in seen] != [len(values)]:
                raise ValueError(_refusal(network, f"a {type(layer).__name__} in it does not run once a pass"))
            yield seen[0]
    finally:
        handle.remove()


def _flat(network: nn.Module, activations: Tensor) -> Tensor:
    """[b, d], a copy: what comes after the layer may work in place."""
    if not isinstance(activations, Tensor) or activations.ndim < 2:
        raise ValueError(_refusal(network, "one of its modules does not return a tensor [batch, ...]"))
    return activations.flatten(1).float().clone()


def _refusal(network: nn.Module, reason: str) -> str:
    return (
        f"prediction depth of {type(network).__name__}: {reason}; allowed: child modules that run once, one after the "
        "other, or difficulty.measures without prediction_depth"
    )
