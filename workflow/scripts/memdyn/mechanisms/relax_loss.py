"""RelaxLoss: the members' mean loss is held at a target instead of being minimised (Chen et al. 2022, ICLR, alg. 1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.truth import cross_entropies, likeliest


@dataclass(frozen=True)
class RelaxLoss(Mechanism):
    """The batch's mean cross-entropy L is moved to alpha.

    In even epochs the loss is |L - alpha|: gradient ascent where L < alpha. In odd epochs it is L where L > alpha, else
    the posterior of correct samples is flattened, see `flattened`.

    Attributes:
        upper: the largest posterior of the true class that a flattened target may have.
    """

    alpha: float
    upper: float

    def objective(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        losses = cross_entropies(logits, batch)
        mean = losses.mean()
        if epoch % 2 == 0:
            return (mean - self.alpha).abs()
        # both are reckoned: to ask which is wanted would wait for the device at every step
        return torch.where(mean > self.alpha, mean, (flattened(logits, likeliest(batch), self.upper) - losses).mean())


def flattened(logits: Tensor, labels: Tensor, upper: float) -> Tensor:
    """CE(q, p) of the samples that are classified wrongly, 0 of the others: [B].

    q_y = min(p_y, upper), all other classes share the rest alike. The gradient goes through q too, as in the authors'
    code.
    """
    log_p = logits.log_softmax(1)
    true = labels.unsqueeze(1)
    kept = log_p.gather(1, true).exp().clamp(0, upper)
    q = ((1 - kept) / (logits.shape[1] - 1)).expand_as(log_p).scatter(1, true, kept)
    return (logits.argmax(1) != labels) * -(q * log_p).sum(1)
