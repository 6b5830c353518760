"""Convex-concave loss (Liu et al. 2024, ICML): a concave term widens the spread of the members' losses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.truth import cross_entropies

# increasing convex functions of the true class's probability, whose negative is concave in the loss
TERMS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"exponential": torch.exp, "quadratic": lambda p: p + p.square() / 2}
)


@dataclass(frozen=True)
class ConvexConcave(Mechanism):
    """beta mean(alpha l - (1 - alpha) g(p)), l the cross-entropy, p = exp(-l), g(p) = e^p or p + p^2 / 2."""

    alpha: float
    beta: float
    concave: str

    def objective(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        losses = cross_entropies(logits, batch)
        terms = self.alpha * losses - (1 - self.alpha) * TERMS[self.concave](torch.exp(-losses))
        return self.beta * terms.mean()
