"""Answers to augmented queries (Carlini et al. 2022, section VI.C): each image as it is, mirrored, and moved."""

import torch
from torch import Tensor, nn

from memdyn.compute.pixels import Move, moved
from memdyn.compute.samples import Samples
from memdyn.probes.outputs import signals
from memdyn.probes.passes import logits_of


@torch.inference_mode()
def views(
    network: nn.Module, samples: Samples, members: Tensor, batch: int, *, flip: bool, shift: int
) -> dict[str, Tensor]:
    """Margin and gap of every view of each sample, in eval mode; `members` do not matter.

    Args:
        flip: whether each view is taken of the mirrored image too.
        shift: pixels that the image is moved by, left, right, up and down, zeros coming in; 0: it is not moved.

    Returns:
        margin_views, gap_views: float32 [n, V], in the order of `moves`; see `memdyn.probes.outputs.signals`.

    Raises:
        ValueError: for rows of a table.
    """
    if samples.samples.ndim != 4:
        raise ValueError("views are of images, and these samples are rows of a table; use attacks that read no views")
    found: dict[str, list[Tensor]] = {"margin": [], "gap": []}
    for move in moves(flip, shift):
        answers = logits_of(network, samples, batch, lambda images, move=move: moved(images, move))
        batches = [signals(logits, labels) for logits, labels in answers]
        for name, views_of in found.items():
            views_of.append(torch.cat([given[name] for given in batches]))
    return {f"{name}_views": torch.stack(views_of, dim=1) for name, views_of in found.items()}


def moves(flip: bool, shift: int) -> list[Move]:
    """What is done to an image in each view: first nothing, then the shifts; then the same mirrored."""
    shifts = [(0, 0)] + [(0, -shift), (0, shift), (-shift, 0), (shift, 0)] * bool(shift)
    return [Move(down, right, mirrored) for mirrored in ([False, True] if flip else [False]) for down, right in shifts]
