"""The adversarial distance (Del Grosso et al. 2022): how far a sample lies from being misclassified, by the weights."""

from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.probes.level_distance import level_distance
from memdyn.probes.unreached import beyond_all
from memdyn.stats.levels import GAP

NORM = "l2"


def adversarial_distance(network: nn.Module, samples: Samples, members: Tensor, batch: int) -> dict[str, Tensor]:
    """The level distance at the level `gap`, which is 0 of z_y - max_{c != y} z_c, finite; `members` do not matter.

    Returns:
        adversarial_distance: float32 [n], L2, of pixels in [0, 1] or of standardised features; minus the distance to
            the right label of samples that are misclassified. Where the search found no way, it lies beyond all that
            were found of this model, by the gap.
    """
    found = level_distance(network, samples, members, batch, known=0, levels=[GAP], norms=[NORM])
    distances, gap = (found[name][:, 0] for name in (f"level_distance_{NORM}", "level_excess"))
    return {"adversarial_distance": beyond_all(distances, gap.abs())}
