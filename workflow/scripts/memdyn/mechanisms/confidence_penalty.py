"""Confidence penalty: the entropy of the outputs is rewarded (Pereyra et al. 2017, ICLR workshop, eq. 2)."""

from dataclasses import dataclass

from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism


def entropy(logits: Tensor) -> Tensor:
    """-sum_c p_c log p_c of each row of logits [B, K], in nats: [B]."""
    log_p = logits.log_softmax(1)
    return -(log_p.exp() * log_p).sum(1)


@dataclass(frozen=True)
class ConfidencePenalty(Mechanism):
    """Adds -beta times the mean entropy of the outputs."""

    beta: float

    def penalty(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        return -self.beta * entropy(logits).mean()
