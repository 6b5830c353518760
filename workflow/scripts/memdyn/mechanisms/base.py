"""What a regularizer or defence may do to a training: the hooks that `memdyn.training.loop` calls.

A mechanism overrides the hooks that it needs; the others leave everything as it was and are never called. All that it
draws comes from the generator that a hook is given, so that a resumed training has the same bits; what it learns from
one epoch to the next is its `state`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from memdyn.compute.samples import Samples

HOOKS = (
    "network",
    "members",
    "steps",
    "batches",
    "batch",
    "objective",
    "penalty",
    "backward",
    "update",
    "after_epoch",
    "stop",
    "output",
)


@dataclass(frozen=True)
class Batch:
    """The samples of one step.

    Attributes:
        inputs: [B, ...] as the network takes them: augmented, normalised, on the device.
        targets: float32 [B, K], probabilities that the network is to learn; None while they are just the labels.
        labels: int64 [B]; the accuracy in the log is that of these.
        rows: int64 [B], which of the scored samples these are.
    """

    inputs: Tensor
    targets: Tensor | None
    labels: Tensor
    rows: Tensor

    def soft_targets(self, n_classes: int) -> Tensor:
        """The targets, or the labels one-hot: float32 [B, K]."""
        return F.one_hot(self.labels, n_classes).float() if self.targets is None else self.targets


@dataclass(frozen=True)
class Given:
    """What a mechanism may use besides the batches.

    Attributes:
        n_classes: number of logits.
        inputs: the scored samples, with what their pixels are scaled by.
        teachers: the networks of the mechanism's teachers, in their order: those of the same model, in eval mode,
            without gradients.
        part: name of a reserved part of the pool (`spare`) -> its samples.
        network: where queries are answered (`output`): the finished network, in eval mode; else None.
        draw: a purpose -> a generator whose seed is of the purpose and the model alone, the same in every run: for what
            a student and its teachers must agree on, and what must not change from epoch to epoch.
    """

    n_classes: int
    inputs: Samples
    teachers: tuple[nn.Module, ...]
    part: Callable[[str], Samples]
    network: nn.Module | None = None
    draw: Callable[[str], torch.Generator] | None = None


@dataclass(frozen=True)
class Trainee:
    """One model's training between two epochs.

    Attributes:
        network: as it is trained, in training mode.
        optimizer: for steps beside those of the epochs.
        members: int64 [n], the rows of the scored samples that the model trains on, on the CPU.
        epochs: of the whole training.
        draw: the mechanism's generator of this epoch.
    """

    network: nn.Module
    optimizer: Optimizer
    members: Tensor
    epochs: int
    draw: torch.Generator


class Mechanism:
    """A mechanism that does nothing: the base of all others, each made anew for each model, by its options.

    Attributes:
        given: set before the first hook is called.
        state: what is saved with every epoch and set again when a killed training goes on: a dict with texts as keys,
            of tensors, numbers, texts, truth values, and lists and dicts of them. Put what the hooks change there, and
            nowhere else.
        own_seeds: of "init" (initial weights) and "order" (of the members in each epoch), those that are to be drawn
            anew, and not as in the run without the mechanism: a student that begins as its teacher did is none.
    """

    own_seeds: ClassVar[frozenset[str]] = frozenset()
    given: Given
    state: Mapping[str, Any] = MappingProxyType({})

    def network(self, network: nn.Module) -> nn.Module:
        """Once, before training: the network to be trained, around or in the place of the one that is given.

        That one's weights are saved and scored, so it must keep its parameters and buffers under their names.
        """
        return network

    def members(self, members: Tensor) -> Tensor:
        """Once, before training: the rows of the scored samples that are trained on, instead of the members.

        Args:
            members: int64 [n], ascending, on the CPU.
        """
        return members

    def steps(self, members: int, size: int) -> int:
        """Once, before training: the steps of an epoch, which the schedule counts on.

        Args:
            members: how many samples the model trains on.
            size: the configured size of a batch.
        """
        return ceil(members / size)

    def batches(self, members: Tensor, size: int, draw: torch.Generator) -> list[Tensor] | None:
        """Once an epoch: the rows of each of its batches, instead of all members in a random order.

        Args:
            members: int64 [n], ascending, on the CPU.
            size: the configured size of a batch.

        Returns:
            int64 [B] a batch, on the CPU; as many as `steps` says. An empty one is a step as well: with a gradient of
            zero, to which noise, momentum and weight decay may add.
        """
        return None

    def batch(self, batch: Batch, epoch: int, draw: torch.Generator) -> Batch:
        """Once a step: other inputs, targets or labels. `draw` is on the CPU, so alike on all devices."""
        return batch

    def objective(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor | None:
        """In the place of the cross-entropy with the targets: one number.

        Pure, as `penalty` is: it draws nothing and changes nothing, for some optimizers ask twice in a step.

        Args:
            logits: float32 [B, K].
        """
        return None

    def penalty(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor | None:
        """Added to the objective: one number. Pure."""
        return None

    def backward(self, logits: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Each pass: leaves the gradient of each weight in its `grad`; returns the loss.

        Args:
            logits: float32 [B, K], of at least one sample, with their graph.
            loss: logits -> what the step minimises, one number: objective and penalties.
        """
        value = loss(logits)
        value.backward()
        return value

    def update(self, optimizer: Optimizer, network: nn.Module) -> Optimizer:
        """Once, before training: what turns gradients into steps, with the optimizer's parameter groups."""
        return optimizer

    def after_epoch(self, trainee: Trainee, epoch: int) -> dict[str, float]:
        """After an epoch's last step; returns columns of the training log, where they are called `<name>.<column>`."""
        return {}

    def stop(self) -> int | None:
        """After an epoch's `after_epoch`: whether training ends here; then no hook is called any more.

        Returns:
            the epoch whose weights the network now has, which stand for this and all later epochs; None: it goes on.
        """
        return None

    def output(self, logits: Tensor, draw: torch.Generator) -> Tensor:
        """At query time: what an attacker sees instead of the logits, finite and of the same shape.

        Args:
            logits: [n, K] of all samples that a probe asks of, in one view; without gradients.
            draw: goes on from view to view; its seed is of the mechanism's name, the model and the checkpoint.
        """
        return logits
