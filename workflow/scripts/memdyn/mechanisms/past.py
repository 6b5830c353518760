"""PAST, privacy-aware sparsity tuning (Hu et al. 2024): in a second phase, weights that leak are shrunk most.

The penalty is weight * sum_i s_i |theta_i|, s_i proportional to |d(L_reserved - L_members) / d theta_i|, the privacy
sensitivity at the end of the first phase, and of mean 1 in each module. That normalisation, the sign of the gap (which
the absolute value forgets) and that s is taken once are our choice.
"""

from collections import defaultdict
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Batch, Mechanism, Trainee
from memdyn.mechanisms.queries import batches_of


class Past(Mechanism):
    """Args: weight: of the penalty; start: share of the epochs that the first phase takes."""

    def __init__(self, weight: float, start: float) -> None:
        self.weight, self.start = weight, start
        self.state = {"sensitivity": {}}

    def network(self, network: nn.Module) -> nn.Module:
        self._network = network
        return network

    def after_epoch(self, trainee: Trainee, epoch: int) -> dict[str, float]:
        if epoch == ceil(self.start * trainee.epochs):
            others = self.given.part("spare")
            mine = gradients(self._network, self.given.inputs, trainee.members)
            theirs = gradients(self._network, others, torch.arange(len(others)))
            self.state = {"sensitivity": normalised({name: (theirs[name] - mine[name]).abs() for name in mine})}
        return {"penalty": self._penalty().item() if self.state["sensitivity"] else 0.0}

    def penalty(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor | None:
        return self._penalty() if self.state["sensitivity"] else None

    def _penalty(self) -> Tensor:
        weights = dict(self._network.named_parameters())
        parts = [(s * weights[name].abs()).sum() for name, s in self.state["sensitivity"].items()]
        return self.weight * torch.stack(parts).sum()


def gradients(network: nn.Module, inputs: Samples, rows: Tensor) -> dict[str, Tensor]:
    """d(mean cross-entropy) / d theta over these rows in eval mode, by parameter; the mode is left as it was."""
    mode = network.training
    network.eval()
    weights = {name: value for name, value in network.named_parameters() if value.requires_grad}
    total = [torch.zeros_like(value) for value in weights.values()]
    for samples, labels in batches_of(network, inputs, rows):
        loss = F.cross_entropy(network(samples).float(), labels, reduction="sum") / len(rows)
        parts = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
        total = [sum_ if part is None else sum_ + part for sum_, part in zip(total, parts, strict=True)]
    network.train(mode)
    return dict(zip(weights, total, strict=True))


def normalised(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """With mean 1 over the parameters of each module; 0 in one where all are 0."""
    modules = defaultdict(list)
    for name in values:
        modules[name.rpartition(".")[0]].append(name)
    found = {}
    for names in modules.values():
        mean = torch.cat([values[name].flatten() for name in names]).mean()
        found |= {name: values[name] / mean if mean > 0 else torch.zeros_like(values[name]) for name in names}
    return {name: found[name] for name in values}
