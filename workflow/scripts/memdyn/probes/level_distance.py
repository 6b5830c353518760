"""How far a sample lies from where the network gives its label as much confidence as at a level: a signed distance.

Our own definition; "distance to confident" is its negative half. With the margin phi, p_y >= tau is phi >= logit(tau).
So for each level there is one number a sample, above 0 where phi is above the level, without ties or censoring.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.probes.level_search import Function, nearest_crossing
from memdyn.probes.margins import Margins
from memdyn.stats.levels import GAP, height_of


def level_distance(
    network: nn.Module,
    samples: Samples,
    members: Tensor,
    batch: int,
    *,
    known: int,
    levels: Sequence[str],
    norms: Sequence[str],
) -> dict[str, Tensor]:
    """The signed distance of each sample to each level, in eval mode and float32; pixels are measured in [0, 1].

    Args:
        members: bool [n]; only those of the first 2 * `known` samples matter: the attacker knows them.
        batch: samples that are searched at once, members and others as they lie.
        known: how many members the attacker knows, on average over models.
        levels: see `memdyn.stats.levels`.
        norms: "l2", "linf".

    Returns:
        level_distance_NORM: float32 [n, L]; infinite, with its sign, where no way was found.
        level_excess: float32 [n, L], the margin (of the level `gap` the gap) above the level.

    Raises:
        ValueError: for a quantile where no known sample is a member.
    """
    margins = Margins.of(network, samples)
    with torch.no_grad():
        values = torch.cat([margins.margin(inputs, labels) for _, inputs, labels in margins.batches(batch)])
    of_known = values[: 2 * known][members[: 2 * known]].cpu().numpy()
    heights = {level: height_of(level, of_known) for level in levels}
    found: dict[str, list[list[Tensor]]] = {}
    for _, inputs, labels in margins.batches(batch):
        here: dict[str, list[Tensor]] = {}
        for level, height in heights.items():
            above = _above(margins.gap if level == GAP else margins.margin, height, labels)
            for norm in norms:
                here.setdefault(f"level_distance_{norm}", []).append(nearest_crossing(above, inputs, norm, margins.box))
            with torch.no_grad():
                everyone = torch.arange(len(labels), device=labels.device)
                here.setdefault("level_excess", []).append(above(inputs, everyone).float())
        for name, parts in here.items():
            found.setdefault(name, []).append(torch.stack(parts, dim=1))
    return {name: torch.cat(parts) for name, parts in found.items()}


def _above(margin: Function, height: float, labels: Tensor) -> Function:
    """The margin above the height, as a function of inputs and their rows."""
    return lambda inputs, rows: margin(inputs, labels[rows]) - height
