"""Margins of augmented queries (Carlini et al. 2022, section VI.C): each image as it is, mirrored, and moved."""

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
    """The margin of every view of each sample, in eval mode; `members` do not matter.

    Args:
        flip: whether each view is taken of the mirrored image too.
        shift: pixels that the image is moved by, left, right, up and down, zeros coming in; 0: it is not moved.

    Returns:
        margin_views: float32 [n, V], in the order of `moves`.

    Raises:
        ValueError: for rows of a table.
    """
    if samples.samples.ndim != 4:
        raise ValueError("views are of images, and these samples are rows of a table; use attacks that read no views")
    found = [
        torch.cat(
            [
                signals(logits, labels)["margin"]
                for logits, labels in logits_of(network, samples, batch, lambda images, move=move: moved(images, move))
            ]
        )
        for move in moves(flip, shift)
    ]
    return {"margin_views": torch.stack(found, dim=1)}


def moves(flip: bool, shift: int) -> list[Move]:
    """What is done to an image in each view: first nothing, then the shifts; then the same mirrored."""
    shifts = [(0, 0)] + [(0, -shift), (0, shift), (-shift, 0), (shift, 0)] * bool(shift)
    return [Move(down, right, mirrored) for mirrored in ([False, True] if flip else [False]) for down, right in shifts]
