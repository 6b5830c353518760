"""HAMP, the half that trains (Chen & Pattabiraman 2024, NDSS, section IV): labels of high entropy, and a penalty."""

from dataclasses import dataclass
from functools import cache
from math import log

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.confidence_penalty import entropy

_HALVINGS = 60  # of [1/K, 1]: to the last bits of a double


@dataclass(frozen=True)
class Hamp(Mechanism):
    """Minimises KL(q || p) - alpha H(p), averaged over the batch.

    q has the probability `confidence(gamma, K)` at the sample's class and the same at all others; of soft targets it is
    the mixture of these.
    """

    gamma: float
    alpha: float

    def objective(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        n_classes = logits.shape[1]
        top = confidence(self.gamma, n_classes)
        rest = (1 - top) / (n_classes - 1)
        q = rest + (top - rest) * batch.soft_targets(n_classes)
        divergence = (torch.xlogy(q, q) - q * logits.log_softmax(1)).sum(1)
        return (divergence - self.alpha * entropy(logits)).mean()


@cache
def confidence(gamma: float, n_classes: int) -> float:
    """The largest probability of one class, the others being alike, of which the entropy is at least gamma log K."""
    low, high = 1 / n_classes, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rest = (1 - middle) / (n_classes - 1)
        enough = -middle * log(middle) - (1 - middle) * log(rest) >= gamma * log(n_classes) if rest else gamma <= 0
        low, high = (middle, high) if enough else (low, middle)
    return low
