"""MMD regularization (Li, Li & Ribeiro 2021, CODASPY): the outputs of members are made like those of a validation set.

After an epoch in which the accuracy on members is ahead by a threshold, a pass over them minimises the squared maximum
mean discrepancy between the outputs of members and of reserved samples of the same classes. The authors use it with
mixup, which is a mechanism of its own here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Mechanism, Trainee
from memdyn.mechanisms.queries import probabilities
from memdyn.models.layout import layout_of

_SIGMA = 1.0


def squared_mmd(one: Tensor, other: Tensor) -> Tensor:
    """Of samples [n, K] and [m, K], by the kernel exp(-||a - b||^2 / (2 sigma^2)), sigma = 1; each with itself too."""
    kernels = [
        torch.exp(-_distances(a, b) / (2 * _SIGMA**2)).mean() for a, b in ((one, one), (other, other), (one, other))
    ]
    return kernels[0] + kernels[1] - 2 * kernels[2]


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Squared, [n, m]; by differences, whose gradient is 0 where they are: roots would have none."""
    return (one.unsqueeze(1) - other.unsqueeze(0)).square().sum(2)


def alike(labels: Tensor, others: Tensor, draw: torch.Generator) -> Tensor:
    """A row of `others` of the same class for each of `labels`, drawn with replacement: int64 [n], all on the CPU.

    Raises:
        ValueError: for a class that is not among the others.
    """
    counts = torch.bincount(others, minlength=int(labels.max()) + 1)
    if not counts[labels].all():
        missing = sorted(set(labels[counts[labels] == 0].tolist()))
        raise ValueError(f"mmd: the reserved part has no sample of the classes {missing}; make pool.parts.spare larger")
    first = counts.cumsum(0) - counts
    chosen = (torch.rand(len(labels), generator=draw, dtype=torch.float64) * counts[labels]).long()
    return others.argsort(stable=True)[first[labels] + chosen]


@dataclass(frozen=True)
class Mmd(Mechanism):
    """The pass goes with the epoch's last learning rate, over members as they are stored.

    Attributes:
        weight: lambda.
        gap: least difference of the accuracies, members' less validation's.
        batch_size: of the pass, of members; as many reserved samples go with them, without gradients.
    """

    weight: float
    gap: float
    batch_size: int

    def after_epoch(self, trainee: Trainee, epoch: int) -> dict[str, float]:
        inputs, others = self.given.inputs, self.given.part("spare")
        everyone = torch.arange(len(others))
        gap = _accuracy(trainee, inputs, trainee.members) - _accuracy(trainee, others, everyone)
        if gap < self.gap:
            return {"gap": gap, "discrepancy": float("nan")}
        trainee.network.train()
        order = trainee.members[torch.randperm(len(trainee.members), generator=trainee.draw)]
        labels, theirs = inputs.labels.cpu(), others.labels.cpu()
        found = [
            self._step(trainee, rows, alike(labels[rows], theirs, trainee.draw))
            for rows in order.split(self.batch_size)
        ]
        return {"gap": gap, "discrepancy": torch.stack(found).mean().item()}

    def _step(self, trainee: Trainee, rows: Tensor, partners: Tensor) -> Tensor:
        """One step; the discrepancy before it. Both sets pass together, so that batch normalisation sees them alike."""
        layout, seen = layout_of(trainee.network), []
        sets = ((self.given.inputs, rows), (self.given.part("spare"), partners))
        both = torch.cat([each.normalise(each.take(some.to(each.labels.device))[0], layout) for each, some in sets])

        def closure() -> Tensor:
            trainee.optimizer.zero_grad()
            mine, theirs = trainee.network(both).float().softmax(1).split(len(rows))
            discrepancy = squared_mmd(mine, theirs.detach())
            seen.append(discrepancy.detach())
            loss = self.weight * discrepancy
            loss.backward()
            return loss

        trainee.optimizer.step(closure)
        return seen[0]


def _accuracy(trainee: Trainee, inputs: Samples, rows: Tensor) -> float:
    labels = inputs.labels[rows.to(inputs.labels.device)]
    return (probabilities(trainee.network, inputs, rows).argmax(1) == labels).double().mean().item()
