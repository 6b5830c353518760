"""Answers to augmented queries: each image as it is, mirrored, moved (Carlini et al. 2022, section VI.C) and turned.

Turns and moves are the queries of Choquette-Choo et al. 2021, section 4.1.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from memdyn.compute.pixels import Move, moved
from memdyn.compute.rotations import turned
from memdyn.compute.samples import Samples
from memdyn.probes.outputs import signals
from memdyn.probes.passes import logits_of


@torch.inference_mode()
def views(
    network: nn.Module, samples: Samples, members: Tensor, batch: int, *, flip: bool, shift: int, rotation: float = 0
) -> dict[str, Tensor]:
    """Margin and gap of every view of each sample, in eval mode; `members` do not matter.

    Args:
        flip: whether each view is taken of the mirrored image too.
        shift: pixels that the image is moved by, left, right, up and down, zeros coming in; 0: it is not moved.
        rotation: degrees that the image is turned by, left and right, zeros coming in; 0: it is not turned.

    Returns:
        margin_views, gap_views: float32 [n, V], in the order of `view_list`; see `memdyn.probes.outputs.signals`.

    Raises:
        ValueError: for rows of a table.
    """
    if samples.samples.ndim != 4:
        raise ValueError("views are of images, and these samples are rows of a table; use attacks that read no views")
    found: dict[str, list[Tensor]] = {"margin": [], "gap": []}
    for view in view_list(flip, shift, rotation):
        batches = [signals(logits, labels) for logits, labels in logits_of(network, samples, batch, view)]
        for name, views_of in found.items():
            views_of.append(torch.cat([given[name] for given in batches]))
    return {f"{name}_views": torch.stack(views_of, dim=1) for name, views_of in found.items()}


View = Callable[[Tensor], Tensor]
"""Images uint8 [B, C, H, W] -> the same, changed."""


def view_list(flip: bool, shift: int, rotation: float) -> list[View]:
    """What is done to an image in each view: first nothing, then shifts, then turns; then the same mirrored."""
    shifts = [(0, 0)] + [(0, -shift), (0, shift), (-shift, 0), (shift, 0)] * bool(shift)
    turns = [rotation, -rotation] * bool(rotation)
    views: list[View] = []
    for mirrored in [False, True] if flip else [False]:
        views += [partial(moved, move=Move(down, right, mirrored)) for down, right in shifts]
        views += [partial(_turned, degrees=degrees, mirrored=mirrored) for degrees in turns]
    return views


def _turned(images: Tensor, degrees: float, mirrored: bool) -> Tensor:
    return moved(turned(images, degrees), Move(0, 0, mirrored))
