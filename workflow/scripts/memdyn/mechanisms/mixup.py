"""Mixup (Zhang et al. 2018, arXiv 1710.09412): samples and targets of pairs, mixed by one share a batch."""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from scipy.special import betaincinv
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism


def share_of(alpha: float | Literal["inf"], draw: torch.Generator) -> float:
    """Lambda ~ Beta(alpha, alpha), by its quantile function: one draw gives shares for all alphas that go together."""
    quantile = torch.rand((), generator=draw, dtype=torch.float64).item()
    return 0.5 if alpha == "inf" else float(betaincinv(alpha, alpha, quantile))


def mix(values: Tensor, partners: Tensor, share: float) -> Tensor:
    """share * values + (1 - share) * those of the partners, along the first axis."""
    return share * values + (1 - share) * values.index_select(0, partners)


@dataclass(frozen=True)
class Mixup(Mechanism):
    """Mixes what the mechanisms before it made of inputs and targets; the log's accuracy is that of a pair's first.

    Attributes:
        alpha: of the Beta distribution; "inf": the share is always 0.5.
    """

    alpha: float | Literal["inf"]

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        share = share_of(self.alpha, draw)
        partners = torch.randperm(len(batch.rows), generator=draw).to(batch.rows.device)
        targets = mix(batch.soft_targets(self.given.n_classes), partners, share)
        return replace(batch, inputs=mix(batch.inputs, partners, share), targets=targets)
