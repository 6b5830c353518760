"""Label smoothing: q = (1 - alpha) onehot + alpha / K (Szegedy et al. 2016, arXiv 1512.00567)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism


def smooth(targets: Tensor, alpha: float) -> Tensor:
    """(1 - alpha) targets + alpha / K, of probabilities [B, K]."""
    return (1 - alpha) * targets + alpha / targets.shape[1]


@dataclass(frozen=True)
class LabelSmoothing(Mechanism):
    """Smooths whatever targets the mechanisms before it made; smoothing and mixing may be exchanged.

    Attributes:
        alpha: share of the targets that goes to all classes alike.
    """

    alpha: float

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        return replace(batch, targets=smooth(batch.soft_targets(self.given.n_classes), self.alpha))
