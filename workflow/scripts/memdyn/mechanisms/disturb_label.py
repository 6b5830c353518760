"""DisturbLabel (Xie et al. 2016, arXiv 1605.00055): at each step, some samples learn a class that is drawn."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from memdyn.mechanisms.base import Batch, Mechanism


def disturb(targets: Tensor, alpha: float, draw: torch.Generator) -> Tensor:
    """Targets [B, K], each replaced with chance alpha by one of all K classes alike.

    So a label stays with P = 1 - alpha (K - 1) / K, and becomes each of the others with alpha / K.

    Args:
        draw: on the CPU; as many numbers are drawn whatever alpha is.
    """
    count, n_classes = targets.shape
    chosen = torch.rand(count, 1, generator=draw) < alpha
    drawn = torch.randint(n_classes, (count,), generator=draw)
    return torch.where(chosen.to(targets.device), F.one_hot(drawn, n_classes).float().to(targets.device), targets)


@dataclass(frozen=True)
class DisturbLabel(Mechanism):
    """The log's accuracy stays that of the true labels.

    Attributes:
        alpha: chance that a sample's class is drawn.
    """

    alpha: float

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        return replace(batch, targets=disturb(batch.soft_targets(self.given.n_classes), self.alpha, draw))
