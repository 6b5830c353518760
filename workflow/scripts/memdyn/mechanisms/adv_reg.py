"""Adversarial regularization (Nasr et al. 2018, CCS): the net learns against a classifier of members and others.

At each step a membership classifier h(p, y) takes one or more steps to tell the batch from reserved samples; then the
net minimises its loss plus weight times the mean of log h(f(x), y) over the batch (their equation 9 and algorithm 1).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from memdyn.mechanisms.base import Batch, Mechanism
from memdyn.mechanisms.queries import probabilities
from memdyn.mechanisms.truth import likeliest


class Membership(nn.Module):
    """h(p, y): a logit for each pair of outputs [B, K] and labels [B]; the authors' shape, with layers of one width."""

    def __init__(self, n_classes: int, width: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        self.outputs = nn.Sequential(nn.Linear(n_classes, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.labels = nn.Sequential(nn.Linear(n_classes, width), nn.ReLU())
        self.joint = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, p: Tensor, labels: Tensor) -> Tensor:
        known = self.labels(F.one_hot(labels, self.n_classes).to(p.dtype))
        return self.joint(torch.cat([self.outputs(p), known], 1)).squeeze(1)


class AdvReg(Mechanism):
    """The classifier sees outputs in eval mode, as an attacker would; it and its optimizer are the state.

    Args:
        weight: lambda; steps: of the classifier for one of the net; lr: of its Adam; width: of its layers.
    """

    def __init__(self, weight: float, steps: int, lr: float, width: int) -> None:
        self.weight, self.steps, self.lr, self.width = weight, steps, lr, width

    def network(self, network: nn.Module) -> nn.Module:
        self._network = network
        device = self.given.inputs.labels.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.given.draw("adv_reg").initial_seed())
            self.classifier = Membership(self.given.n_classes, self.width).to(device)
        self.optimizer = torch.optim.Adam(self.classifier.parameters(), lr=self.lr)
        return network

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        others = self.given.part("spare")
        mode = self._network.training
        self._network.eval()
        with torch.no_grad():
            mine = self._network(batch.inputs).float().softmax(1)
        self._network.train(mode)
        for _ in range(self.steps):
            rows = torch.randint(len(others), (len(batch.labels),), generator=draw)
            theirs = probabilities(self._network, others, rows)
            loss = membership_loss(
                self.classifier(mine, likeliest(batch)),
                self.classifier(theirs, others.labels[rows.to(others.labels.device)]),
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return batch

    def penalty(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        fixed = {name: value.detach() for name, value in self.classifier.named_parameters()}
        seen = functional_call(self.classifier, fixed, (logits.softmax(1), likeliest(batch)))
        return self.weight * F.logsigmoid(seen).mean()

    @property
    def state(self) -> Mapping[str, Any]:
        return {"classifier": self.classifier.state_dict(), "optimizer": self.optimizer.state_dict()}

    @state.setter
    def state(self, saved: Mapping[str, Any]) -> None:
        self.classifier.load_state_dict(saved["classifier"])
        self.optimizer.load_state_dict(saved["optimizer"])


def membership_loss(members: Tensor, others: Tensor) -> Tensor:
    """-(mean log h over members + mean log(1 - h) over others) / 2, of the logits of h [n] and [m]."""
    return -(F.logsigmoid(members).mean() + F.logsigmoid(-others).mean()) / 2
