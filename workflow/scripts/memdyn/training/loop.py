"""The training loop of one shadow model: data on the device, no waiting for the device inside an epoch.

Every epoch draws its order, augmentation and dropout from seeds of its own, so that resuming at an epoch needs
no state of random generators and gives the same bits.

Where mechanisms come in (`memdyn.mechanisms.base` says what each hook may do):

    members, steps, network      once
    optimizer, then update       once
    batches                      each epoch; else all members in a random order
        crop and flip, then batch    each step
        forward pass, objective (else the cross-entropy), penalty, backward: as often as the optimizer asks
    after_epoch, then stop       each epoch

A step without samples, which only `batches` can make, has zero gradients and is handed to the optimizer all the same.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from math import ceil, nan
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.device import seed_draws
from memdyn.compute.pixels import apply, draw
from memdyn.compute.samples import ReadySamples, Samples
from memdyn.mechanisms.base import Batch, Mechanism, Trainee
from memdyn.mechanisms.build import having
from memdyn.models.layout import layout_of
from memdyn.optim.build import build_optimizer, scale_lr
from memdyn.optim.schedules.build import lr_factor
from memdyn.training.parts import plain_state, shapes_of

# Batches are made from samples in larger pieces, of up to so many values (4 bytes each): fewer and larger operations.
PREPARED_VALUES = 200_000
# Samples of up to so many values in all are normalised once for all epochs, where nothing is done to them before.
READY_VALUES = 50_000_000


@dataclass(frozen=True)
class EpochLog:
    """What one epoch of one model leaves in the log.

    Attributes:
        loss, accuracy: means over the samples of the steps, as seen while training (augmented, weights moving). The
            loss is what was minimised; it is not finite where the model diverged.
        seconds: wall time of the epoch's steps.
        more: what mechanisms tell, by column.
    """

    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    seconds: float
    more: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of_none(cls) -> "EpochLog":
        """Of a model that cannot be trained: it failed in its first epoch, as one that diverges."""
        return cls(1, nan, nan, nan, 0.0)

    def row(self) -> dict[str, float]:
        row = asdict(self)
        more = row.pop("more")
        return row | more


@dataclass(frozen=True)
class LoopOptions:
    """What the loop needs of a recipe (the `train` section, resolved)."""

    epochs: int
    batch_size: int
    precision: str
    crop: int
    flip: bool
    optimizer: dict
    schedule: dict

    @classmethod
    def of_recipe(cls, recipe: dict) -> "LoopOptions":
        return cls(
            recipe["epochs"],
            recipe["batch_size"],
            recipe["precision"],
            recipe["augment"]["crop"],
            recipe["augment"]["flip"],
            recipe["optimizer"],
            recipe["schedule"],
        )

    @property
    def augmented(self) -> bool:
        return bool(self.crop or self.flip)


class Loop:
    """One model's training, an epoch a call.

    Args:
        bare: the network, whose weights are saved; a mechanism may put another around it, which is then trained.
        members: int64 [n], ascending.
        seed_of: (purpose, epoch) -> seed; purposes are order, augmentation, noise and the mechanisms' own.
        mechanisms: by name, in the order of application; only the hooks that they override are ever called.

    Raises:
        ValueError: where a mechanism changed the names or shapes of the weights, or chose no samples.
    """

    def __init__(
        self,
        bare: nn.Module,
        inputs: Samples,
        members: Tensor,
        options: LoopOptions,
        seed_of: Callable[[str, int], int],
        mechanisms: Mapping[str, Mechanism] = MappingProxyType({}),
    ) -> None:
        self.bare, self.inputs, self.options, self.seed_of = bare, inputs, options, seed_of
        self.members = _trained_on(members, len(inputs), mechanisms)
        self.mechanisms = mechanisms
        self.layout = layout_of(bare)
        counted = [each.steps(len(self.members), options.batch_size) for _, each in having(mechanisms, "steps")]
        self.steps = counted[0] if counted else ceil(len(self.members) / options.batch_size)
        self.factor = lr_factor(options.schedule, options.epochs, self.steps)
        self.network = bare
        before = shapes_of(bare.state_dict())
        for name, mechanism in having(mechanisms, "network"):
            self.network = mechanism.network(self.network)
            if shapes_of(bare.state_dict()) != before:
                raise ValueError(f"mechanism {name!r}: its `network` changed the names or shapes of the weights")
        self.optimizer = build_optimizer(options.optimizer, self.network)
        for _, mechanism in having(mechanisms, "update"):
            self.optimizer = mechanism.update(self.optimizer, self.network)
        self._precision = (
            partial(torch.autocast, inputs.samples.device.type, torch.bfloat16)
            if options.precision == "bfloat16"
            else nullcontext  # a disabled autocast takes its time too
        )
        self._samplers, self._changers, self._objectives, self._penalties, self._tellers = (
            having(mechanisms, hook) for hook in ("batches", "batch", "objective", "penalty", "after_epoch")
        )
        self._backward = next((each.backward for _, each in having(mechanisms, "backward")), _backward)
        self._stoppers = having(mechanisms, "stop")
        # who puts weights back does so after all others, whatever the order of the recipe
        self._tellers.sort(key=lambda teller: teller in self._stoppers)

    def run_epoch(self, epoch: int) -> EpochLog:
        """Trains epoch `epoch` (1, 2, ...)."""
        started = time.perf_counter()
        self.network.train()
        draws = {name: self._generator(f"mechanism {name}", epoch) for name in self.mechanisms}
        batches = self._rows_of_batches(epoch, draws)
        seed_draws(self.seed_of("noise", epoch))
        losses, predictions, labels = [], [], []
        for step, batch in enumerate(self._batches(batches, epoch)):
            scale_lr(self.optimizer, self.factor((epoch - 1) * self.steps + step))
            for name, mechanism in self._changers if len(batch.rows) else ():
                batch = mechanism.batch(batch, epoch, draws[name])
            loss, predicted = self._step(batch, epoch)
            losses.append(loss)
            predictions.append(predicted)
            labels.append(batch.labels)
        more = self._after_epoch(epoch, draws)
        # summed here and not above: small operations are dear, and reading a value would wait for the device
        seen = torch.cat(labels)
        totals = torch.stack(losses) * torch.tensor([len(each) for each in labels], device=seen.device)
        count = max(len(seen), 1)  # sampling may have drawn nobody in a whole epoch
        mean_loss = totals.double().sum().item() / count
        accuracy = (torch.cat(predictions) == seen).double().sum().item() / count
        if not self._is_finite():  # since the last step, of which no loss knows
            mean_loss = nan
        rate = self.optimizer.param_groups[0]["lr"]
        return EpochLog(epoch, mean_loss, accuracy, rate, time.perf_counter() - started, more)

    def _rows_of_batches(self, epoch: int, draws: Mapping[str, torch.Generator]) -> list[Tensor]:
        """The rows of the samples of each step."""
        size = self.options.batch_size
        for name, mechanism in self._samplers:
            batches = mechanism.batches(self.members, size, draws[name])
            if batches is not None:
                if len(batches) != self.steps:
                    raise ValueError(
                        f"mechanism {name!r}: `batches` must return {self.steps} batches, as the schedule counts on "
                        f"(another number is what `steps` says); it returned {len(batches)}"
                    )
                return batches
        order = self.members[torch.randperm(len(self.members), generator=self._generator("order", epoch))]
        return list(order.split(size))

    def _batches(self, batches: list[Tensor], epoch: int) -> Iterator[Batch]:
        """What each step is given, several batches prepared at once."""
        device = self.inputs.samples.device
        order, sizes = torch.cat(batches), [len(batch) for batch in batches]
        at_once = max(1, PREPARED_VALUES // (self.inputs.samples[0].numel() * self.options.batch_size))
        pieces = [sizes[first : first + at_once] for first in range(0, len(sizes), at_once)]
        lengths = [sum(piece) for piece in pieces]
        draws = self._draws(len(order), epoch).to(device).split(lengths)
        # one copy to the device an epoch
        for piece, rows, chunk_draws in zip(pieces, order.to(device).split(lengths), draws, strict=True):
            inputs, labels = self._ready.take(rows) if self._ready else self._prepare(rows, chunk_draws)
            for each, theirs, those in zip(inputs.split(piece), labels.split(piece), rows.split(piece), strict=True):
                yield Batch(each, None, theirs, those)

    @cached_property
    def _ready(self) -> ReadySamples | None:
        """The samples as the network takes them; None where they are changed before, or too many to keep."""
        is_kept = not self.options.augmented and self.inputs.samples.numel() <= READY_VALUES
        return self.inputs.ready(self.layout) if is_kept else None

    def _prepare(self, rows: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Network inputs and labels of some rows, cropped and flipped as drawn."""
        samples, labels = self.inputs.take(rows)
        if self.options.augmented:
            samples = apply(samples, draws, self.options.crop)
        return self.inputs.normalise(samples, self.layout), labels

    def _step(self, batch: Batch, epoch: int) -> tuple[Tensor, Tensor]:
        """One update; the loss and the predicted classes at the weights before it."""
        seen: list[Tensor] = []

        def closure() -> Tensor:
            self._forget_gradients()
            if not len(batch.rows):
                return self._no_loss(seen)
            with self._precision():
                logits = self.network(batch.inputs)
            loss = self._backward(logits.float(), lambda these: self._loss(these, batch, epoch))
            seen.append(logits.detach())
            return loss

        loss = self.optimizer.step(closure)
        # SAM calls the closure twice: the first call is at the weights themselves
        return loss.detach(), seen[0].argmax(1)

    def _no_loss(self, seen: list[Tensor]) -> Tensor:
        """Of a step without samples: gradients of zero, the loss 0, nothing seen."""
        for weights in self.network.parameters():
            weights.grad = torch.zeros_like(weights) if weights.requires_grad else None
        device = self.inputs.samples.device
        seen.append(torch.empty(0, 1, device=device))
        return torch.zeros((), device=device)

    def _forget_gradients(self) -> None:
        """As `optimizer.zero_grad()`, which would take longer to tell a profiler of it than to do it."""
        if getattr(self.optimizer.zero_grad, "__func__", None) is not torch.optim.Optimizer.zero_grad:
            self.optimizer.zero_grad(set_to_none=True)
            return
        for group in self.optimizer.param_groups:
            for weights in group["params"]:
                weights.grad = None

    def _loss(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        """What the step minimises: one number."""
        loss = None
        for name, mechanism in self._objectives:
            loss = _one_number(mechanism.objective(logits, batch, epoch), name, "objective")
        if loss is None:
            loss = F.cross_entropy(logits, batch.labels if batch.targets is None else batch.targets)
        for name, mechanism in self._penalties:
            penalty = _one_number(mechanism.penalty(logits, batch, epoch), name, "penalty")
            loss = loss if penalty is None else loss + penalty
        return loss

    def _after_epoch(self, epoch: int, draws: Mapping[str, torch.Generator]) -> dict[str, float]:
        """What the mechanisms tell of the epoch, by column of the log."""
        told: dict[str, float] = {}
        for name, mechanism in self._tellers:
            trainee = Trainee(self.network, self.optimizer, self.members, self.options.epochs, draws[name])
            columns = mechanism.after_epoch(trainee, epoch)
            told |= {f"{name}.{column}": float(value) for column, value in columns.items()}
            self.network.train()
        return told

    def stopped(self) -> int | None:
        """The epoch whose weights the network has, where a mechanism ended the training; None while it goes on."""
        return next((mechanism.stop() for _, mechanism in self._stoppers), None)

    def _is_finite(self) -> bool:
        """Whether all weights are; buffers may hold infinities on purpose, such as masks."""
        return bool(torch.stack([weights.isfinite().all() for weights in self.network.parameters()]).all())

    def _generator(self, purpose: str, epoch: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed_of(purpose, epoch))

    def _draws(self, count: int, epoch: int) -> Tensor:
        """What is done to each sample of the epoch, int64 [count, 3]; drawn on the CPU, so alike on all devices."""
        if not self.options.augmented:
            return torch.empty(count, 0)
        return draw(count, self.options.crop, self.options.flip, self._generator("augmentation", epoch))

    # what resuming needs

    def state(self) -> dict[str, Any]:
        """All that one epoch hands to the next, as named parts."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "mechanisms": {name: plain_state(each.state, name) for name, each in self.mechanisms.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from the named parts of `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, saved in state["mechanisms"].items():
            object.__setattr__(self.mechanisms[name], "state", saved)


def _backward(logits: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The plain pass back; as `Mechanism.backward`, which nobody overrides."""
    value = loss(logits)
    value.backward()
    return value


def _trained_on(members: Tensor, count: int, mechanisms: Mapping[str, Mechanism]) -> Tensor:
    """The rows that are trained on, of `count` scored samples."""
    for name, mechanism in having(mechanisms, "members"):
        members = mechanism.members(members)
        if members.ndim != 1 or not len(members) or members.min() < 0 or members.max() >= count:
            raise ValueError(
                f"mechanism {name!r}: its `members` must return rows of the {count} scored samples, one or more; it "
                f"returned a tensor {list(members.shape)}"
            )
    return members


def _one_number(value: Tensor | None, name: str, hook: str) -> Tensor | None:
    if value is not None and (not isinstance(value, Tensor) or value.ndim):
        what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"mechanism {name!r}: its `{hook}` must return one number (a tensor without axes), not {what}")
    return value
