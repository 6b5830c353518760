"""Mechanisms as a user's own file has them: two that people use, and small ones that show what a hook is given."""

from dataclasses import replace
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from memdyn.mechanisms.base import Mechanism
from memdyn.models.layout import layout_of


class LabelSmoothing(Mechanism):
    """q = (1 - alpha) onehot + alpha / K (Szegedy et al. 2016)."""

    def __init__(self, alpha):
        self.alpha = alpha

    def objective(self, logits, batch, epoch):
        targets = batch.soft_targets(logits.shape[1])
        smooth = (1 - self.alpha) * targets + self.alpha / logits.shape[1]
        return -(smooth * logits.log_softmax(1)).sum(1).mean()


class Distillation(Mechanism):
    """-sum q log p, q = softmax(teacher / T), the student at T = 1 (Hinton et al. 2015, without the hard term)."""

    own_seeds = frozenset({"init", "order"})

    def __init__(self, temperature=1.0):
        self.temperature = temperature

    def batch(self, batch, epoch, draw):
        (teacher,) = self.given.teachers
        with torch.no_grad():
            return replace(batch, targets=(teacher(batch.inputs) / self.temperature).softmax(1))


class Mixup(Mechanism):
    """Inputs and targets of two samples, mixed by one share a batch (Zhang et al. 2018)."""

    def __init__(self, low=0.5):
        self.low = low

    def batch(self, batch, epoch, draw):
        share = self.low + (1 - self.low) * torch.rand((), generator=draw)
        other = torch.randperm(len(batch.rows), generator=draw)
        targets = batch.soft_targets(self.given.n_classes)
        return replace(
            batch,
            inputs=share * batch.inputs + (1 - share) * batch.inputs[other],
            targets=share * targets + (1 - share) * targets[other],
        )


class Noise(Mechanism):
    """Gaussian noise on the inputs."""

    def __init__(self, scale=0.1):
        self.scale = scale

    def batch(self, batch, epoch, draw):
        return replace(batch, inputs=batch.inputs + self.scale * torch.randn(batch.inputs.shape, generator=draw))


class Damp(Mechanism):
    """Smaller inputs and softer targets."""

    def batch(self, batch, epoch, draw):
        return replace(batch, inputs=batch.inputs.clamp(-0.5, 0.5), targets=None)


class LogitPenalty(Mechanism):
    def __init__(self, weight):
        self.weight = weight

    def penalty(self, logits, batch, epoch):
        return self.weight * logits.square().mean()


class Poisson(Mechanism):
    """Each member is in each batch with the same chance, and one of them surely."""

    def batches(self, members, size, draw):
        steps = -(-len(members) // size)
        chosen = torch.rand(steps, len(members), generator=draw) < size / len(members)
        chosen[:, 0] |= ~chosen.any(1)
        return [members[row] for row in chosen]


class Dropout(Mechanism):
    """Drops inputs, around the network."""

    def __init__(self, share=0.2):
        self.share = share

    def network(self, network):
        return nn.Sequential(nn.Dropout(self.share), network)


class SignSteps(Mechanism):
    """Signs in the place of gradients."""

    def update(self, optimizer, network):
        step = optimizer.step

        def signed(closure):
            def closed():
                loss = closure()
                for weights in network.parameters():
                    if weights.grad is not None:
                        weights.grad.sign_()
                return loss

            return step(closed)

        optimizer.step = signed
        return optimizer


class MovingTarget(Mechanism):
    """Its penalty pulls the mean of the logits to what it was in the epochs before: it has a state that moves."""

    def __init__(self, weight=1.0):
        self.weight = weight
        self.state = {"mean": torch.zeros(3), "epochs": 0, "seen": [0.0]}

    def penalty(self, logits, batch, epoch):
        return self.weight * (logits.mean(0) - self.state["mean"]).square().sum()

    def after_epoch(self, trainee, epoch):
        noise = torch.randn(3, generator=trainee.draw)
        weights = next(trainee.network.parameters())
        mean = 0.5 * self.state["mean"] + 0.1 * noise + weights.detach().mean()
        self.state = {"mean": mean, "epochs": epoch, "seen": [*self.state["seen"], float(mean[0])]}
        return {"first": self.state["seen"][-1], "epochs": self.state["epochs"]}


class Reads(Mechanism):
    """A penalty that counts the reserved samples."""

    def __init__(self, part="spare"):
        self.part = part

    def penalty(self, logits, batch, epoch):
        reserved = self.given.part(self.part)
        return logits.square().mean() * len(reserved)


class Records(Mechanism):
    """Notes every hook that is called."""

    calls: ClassVar[list] = []

    def _note(self, hook, *more):
        self.calls.append((hook, *more))

    def network(self, network):
        self._note("network")
        return network

    def batches(self, members, size, draw):
        self._note("batches", len(members), size)
        return None

    def batch(self, batch, epoch, draw):
        self._note("batch", epoch)
        return batch

    def objective(self, logits, batch, epoch):
        self._note("objective", epoch)
        return F.cross_entropy(logits, batch.labels)

    def penalty(self, logits, batch, epoch):
        self._note("penalty", epoch)
        return None

    def update(self, optimizer, network):
        self._note("update")
        return optimizer

    def after_epoch(self, trainee, epoch):
        self._note("after_epoch", epoch)
        return {}


class Nothing(Mechanism):
    """Overrides no hook of training."""

    def output(self, logits, draw):
        return logits


def compute_loss(logits, labels, epoch, power=1.0):
    """A plain loss that changes with the epoch."""
    return F.cross_entropy(logits, labels) ** power / epoch


def smoothing(alpha):
    """A function that makes a mechanism."""
    return LabelSmoothing(alpha)


# what is no mechanism, or does what none may


class NoMechanism:
    pass


class Misspelt(Mechanism):
    def penalties(self, logits, batch, epoch):
        return logits.square().mean()


class TwoNumbers(Mechanism):
    def objective(self, logits, batch, epoch):
        return F.cross_entropy(logits, batch.labels, reduction="none")


class OneBatch(Mechanism):
    def batches(self, members, size, draw):
        return [members]


class EmptyBatch(Mechanism):
    def batches(self, members, size, draw):
        return [members, members[:0], members]


class Replaces(Mechanism):
    """Puts another layer into the network that is saved."""

    def network(self, network):
        network.extra = nn.Linear(2, 2)
        return network


class OddState(Nothing):
    state: ClassVar[dict] = {"kept": [{"inner": object()}]}


# output rules


class ClassMean(Mechanism):
    """Answers with the mean probabilities of all scored samples that the network puts into the same class."""

    def output(self, logits, draw):
        inputs, network = self.given.inputs, self.given.network
        p = network(inputs.normalise(inputs.samples, layout_of(network))).softmax(1)
        label = F.one_hot(p.argmax(1), p.shape[1]).float()
        # where no scored sample is of the class, the mean of none is its one-hot label
        means = (label.T @ p + 1e-6 * torch.eye(p.shape[1])) / (label.sum(0) + 1e-6).unsqueeze(1)
        return means.clamp(min=1e-30).log()[logits.argmax(1)]


class Infinite(Mechanism):
    def output(self, logits, draw):
        return logits / 0


class Misshapen(Mechanism):
    def output(self, logits, draw):
        return logits.amax(1)


# other members than the mask's


class Others(Mechanism):
    """Trains on the scored samples that are no members."""

    def members(self, members):
        everyone = torch.ones(len(self.given.inputs), dtype=torch.bool)
        everyone[members] = False
        return everyone.nonzero().squeeze(1)


class Elsewhere(Mechanism):
    """Trains on as many scored samples, drawn without a look at who is a member."""

    def members(self, members):
        order = torch.randperm(len(self.given.inputs), generator=self.given.draw("elsewhere"))
        return order[: len(members)].sort().values


class Nobody(Mechanism):
    def members(self, members):
        return members[:0]


class Strangers(Mechanism):
    def members(self, members):
        return members + 40
