"""Labels under differential privacy (Ghazi et al. 2021, NeurIPS): randomised response, with prior, and in two stages.

Each member's label is drawn once, before training, and never seen again; so the model is epsilon-DP in the labels,
whatever training does with samples and drawn labels.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.queries import probabilities

Method = Literal["response", "prior", "two_stage", "first_stage"]


def response(labels: Tensor, priors: Tensor, epsilon: float) -> Tensor:
    """Chances of each answer by RRWithPrior (algorithms 2 and 3): float64 [n, K].

    Randomised response among the k most likely classes, a label beyond them answering with any of these alike; k is
    that of the largest chance of a true answer, w_k = (sum of the k largest priors) / (1 + (k - 1) e^-epsilon). Of
    equal priors it is K, and this plain randomised response.

    Args:
        labels: int64 [n].
        priors: [n, K], each row with sum 1.
    """
    n_classes = priors.shape[1]
    most, order = priors.double().sort(dim=1, descending=True, stable=True)
    k = torch.arange(1, n_classes + 1, dtype=torch.float64, device=priors.device)
    odds = torch.tensor(-epsilon, dtype=torch.float64, device=priors.device).exp()  # of any other class to the true one
    # of equals the most classes: rounding must not make randomised response of all classes one of fewer
    gains = (most.cumsum(1) / (1 + (k - 1) * odds)).round(decimals=12)
    best = n_classes - gains.flip(1).argmax(1, keepdim=True)  # [n, 1]
    asked = (torch.arange(n_classes, device=priors.device) < best).to(torch.float64)
    asked = torch.zeros_like(most).scatter(1, order, asked)  # 1 where a class is among the k
    true = F.one_hot(labels, n_classes).double()
    is_asked = (asked * true).sum(1, keepdim=True)
    truthful = asked * (true + odds * (1 - true)) / (1 + (best - 1) * odds)
    return is_asked * truthful + (1 - is_asked) * asked / best


def drawn(chances: Tensor, uniform: Tensor) -> Tensor:
    """The class that each row's number falls to, int64 [n]: chances [n, K] and uniform [n], both float64."""
    return (chances.cumsum(1) / chances.sum(1, keepdim=True) <= uniform.unsqueeze(1)).sum(1)


@dataclass(frozen=True)
class LabelDp(Mechanism):
    """Trains on labels that were drawn once for each sample; the log's accuracy stays that of the true ones.

    Attributes:
        epsilon: of the whole training, in the labels.
        method: "response"; "prior": the shares of classes in the reserved part; "two_stage": a random half of the
            samples answers by randomised response and teaches the prior of the other half; "first_stage": the training
            on the former alone.
    """

    epsilon: float
    method: Method

    def members(self, members: Tensor) -> Tensor:
        return members[self._is_first[members]] if self.method == "first_stage" else members

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        labels = self.labels.index_select(0, batch.rows)
        return replace(batch, targets=F.one_hot(labels, self.given.n_classes).float())

    @cached_property
    def labels(self) -> Tensor:
        """The drawn label of each scored sample, the same in every run of the model with as much as a first stage."""
        inputs = self.given.inputs
        uniform = torch.rand(len(inputs), generator=self.given.draw("label dp"), dtype=torch.float64)
        return drawn(response(inputs.labels, self._priors(), self.epsilon), uniform.to(inputs.labels.device))

    @cached_property
    def _is_first(self) -> Tensor:
        """bool [n] on the CPU: half of the samples, drawn for the model and not for the run."""
        count = len(self.given.inputs)
        return torch.randperm(count, generator=self.given.draw("label dp stages")) < (count + 1) // 2

    def _priors(self) -> Tensor:
        inputs, n_classes = self.given.inputs, self.given.n_classes
        equal = torch.full((len(inputs), n_classes), 1 / n_classes, dtype=torch.float64, device=inputs.labels.device)
        if self.method == "prior":
            shares = torch.bincount(self.given.part("spare").labels, minlength=n_classes).double()
            return (shares / shares.sum()).expand_as(equal)
        if self.method == "two_stage":
            return torch.where(self._is_first.to(equal.device).unsqueeze(1), equal, self._taught())
        return equal

    def _taught(self) -> Tensor:
        """The first stage's probabilities of all samples, [n, K]."""
        (teacher,), inputs = self.given.teachers, self.given.inputs
        return probabilities(teacher, inputs, torch.arange(len(inputs))).double()
