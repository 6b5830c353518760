"""How far a sample lies from another label, by labels alone (Choquette-Choo et al. 2021; Li & Zhang 2021)."""

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.probes.boundary_search import nearest_of_another_label
from memdyn.probes.margins import Margins
from memdyn.probes.unreached import beyond_all


@torch.no_grad()
def boundary_distance(
    network: nn.Module, samples: Samples, members: Tensor, batch: int, *, query_budget: int
) -> dict[str, Tensor]:
    """The L2 distance of each sample to another label, in eval mode; nothing but predicted labels is looked at.

    Each search starts from the nearest of the other samples that the model gives another label. `members` do not
    matter.

    Args:
        batch: samples that are searched, and points that are asked about, at once.
        query_budget: labels that are asked for a sample, at most, after its own.

    Returns:
        boundary_distance: float32 [n], of pixels in [0, 1] or of standardised features: an upper bound of the distance
            to the boundary; 0 of samples that are misclassified, and beyond all others of this model where it gives
            no sample another label.
    """
    margins, labels = Margins.of(network, samples), samples.labels
    predicted = torch.cat([margins.logits(inputs).argmax(1) for _, inputs, _ in margins.batches(batch)])
    found = torch.zeros(len(samples), device=labels.device)
    for rows in (predicted == labels).nonzero().squeeze(1).split(batch):
        start, apart = _nearest_differing(margins, predicted, rows, batch)
        found[rows] = torch.inf
        rows, start = rows[apart.isfinite()], start[apart.isfinite()]
        if not len(rows):
            continue
        own = labels[rows]
        found[rows] = nearest_of_another_label(
            lambda points, asked, own=own: margins.logits(points).argmax(1) != own[asked],
            margins.inputs(rows),
            margins.inputs(start),
            margins.box,
            query_budget,
            batch,
        )
    return {"boundary_distance": beyond_all(found, torch.zeros_like(found))}


def _nearest_differing(margins: Margins, predicted: Tensor, rows: Tensor, batch: int) -> tuple[Tensor, Tensor]:
    """(places, distances) [r] of the nearest samples of another prediction; infinitely far where there is none."""
    here = margins.inputs(rows).flatten(1)
    place, nearest = rows.clone(), torch.full_like(here[:, 0], torch.inf)
    for start in range(0, len(predicted), batch):
        others = slice(start, start + batch)
        apart = torch.cdist(here, margins.inputs(others).flatten(1))
        apart[predicted[rows][:, None] == predicted[None, others]] = torch.inf
        least, which = apart.min(1)
        nearer = least < nearest
        place[nearer], nearest[nearer] = start + which[nearer], least[nearer]
    return place, nearest
