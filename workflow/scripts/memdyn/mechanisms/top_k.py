"""The k largest probabilities alone (Shokri et al. 2017, IEEE S&P, section VIII)."""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.nn import functional as F

from memdyn.mechanisms.base import Mechanism


@dataclass(frozen=True)
class TopK(Mechanism):
    """Of the others only the sum is known, which an attacker spreads over them alike."""

    k: int

    def output(self, logits: Tensor, draw: torch.Generator) -> Tensor:
        n_classes = logits.shape[1]
        if self.k == 0:  # the label: any two values do
            return F.one_hot(logits.argmax(1), n_classes).to(logits.dtype)
        if self.k >= n_classes:
            return logits
        told = torch.zeros_like(logits, dtype=torch.bool).scatter(1, logits.topk(self.k, 1).indices, value=True)
        rest = logits.masked_fill(told, -torch.inf).logsumexp(1, keepdim=True) - log(n_classes - self.k)
        return torch.where(told, logits, rest)
