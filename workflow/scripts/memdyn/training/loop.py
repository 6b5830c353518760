"""The training loop of one shadow model: data on the device, no waiting for the device inside an epoch.

Every epoch draws its order, augmentation and dropout from seeds of its own, so that resuming at an epoch needs
no state of random generators and gives the same bits.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from math import ceil, nan

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.device import seed_draws
from memdyn.compute.pixels import apply, draw
from memdyn.compute.samples import Samples
from memdyn.models.layout import layout_of
from memdyn.optim.build import scale_lr
from memdyn.optim.schedules import lr_factor

# Batches are made from samples in larger pieces, of up to so many values (4 bytes each): fewer and larger operations.
PREPARED_VALUES = 200_000


@dataclass(frozen=True)
class EpochLog:
    """What one epoch of one model leaves in the log.

    Attributes:
        loss, accuracy: means over the members, as seen while training (augmented, weights moving). The loss is not
            finite where the model diverged.
        seconds: wall time of the epoch's steps.
    """

    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    seconds: float

    def row(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class LoopOptions:
    """What the loop needs of a recipe (the `train` section, resolved)."""

    epochs: int
    batch_size: int
    precision: str
    crop: int
    flip: bool
    schedule: dict

    @classmethod
    def of_recipe(cls, recipe: dict) -> "LoopOptions":
        return cls(
            recipe["epochs"],
            recipe["batch_size"],
            recipe["precision"],
            recipe["augment"]["crop"],
            recipe["augment"]["flip"],
            recipe["schedule"],
        )

    @property
    def augmented(self) -> bool:
        return bool(self.crop or self.flip)


class Loop:
    """One model's training, an epoch a call.

    Args:
        seed_of: (purpose, epoch) -> seed; purposes are order, augmentation and noise.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        inputs: Samples,
        members: Tensor,
        options: LoopOptions,
        seed_of: Callable[[str, int], int],
    ) -> None:
        self.network, self.optimizer, self.inputs, self.members = network, optimizer, inputs, members
        self.options, self.seed_of = options, seed_of
        self.layout = layout_of(network)
        self.steps = ceil(len(members) / options.batch_size)
        self.factor = lr_factor(options.schedule, options.epochs, self.steps)

    def run_epoch(self, epoch: int) -> EpochLog:
        """Trains epoch `epoch` (1, 2, ...)."""
        started = time.perf_counter()
        self.network.train()
        order = self.members[torch.randperm(len(self.members), generator=self._generator("order", epoch))]
        draws = self._draws(len(order), epoch)
        seed_draws(self.seed_of("noise", epoch))
        losses, predictions, labels = [], [], []
        for step, (batch, batch_labels) in enumerate(self._batches(order, draws)):
            scale_lr(self.optimizer, self.factor((epoch - 1) * self.steps + step))
            loss, predicted = self._step(batch, batch_labels)
            losses.append(loss * len(batch))
            predictions.append(predicted)
            labels.append(batch_labels)
        # summed here and not above: small operations are dear, and reading a value would wait for the device
        mean_loss = torch.stack(losses).double().sum().item() / len(order)
        accuracy = (torch.cat(predictions) == torch.cat(labels)).double().mean().item()
        if not self._is_finite():  # since the last step, of which no loss knows
            mean_loss = nan
        rate = self.optimizer.param_groups[0]["lr"]
        return EpochLog(epoch, mean_loss, accuracy, rate, time.perf_counter() - started)

    def _is_finite(self) -> bool:
        """Whether all weights are; buffers may hold infinities on purpose, such as masks."""
        return bool(torch.stack([weights.isfinite().all() for weights in self.network.parameters()]).all())

    def _batches(self, order: Tensor, draws: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Network inputs and labels of each batch, several batches prepared at once."""
        size, device = self.options.batch_size, self.inputs.samples.device
        prepared = size * max(1, PREPARED_VALUES // (self.inputs.samples[0].numel() * size))
        # one copy to the device an epoch
        for rows, chunk_draws in zip(order.to(device).split(prepared), draws.to(device).split(prepared), strict=True):
            samples, labels = self.inputs.take(rows)
            if self.options.augmented:
                samples = apply(samples, chunk_draws, self.options.crop)
            yield from zip(self.inputs.normalise(samples, self.layout).split(size), labels.split(size), strict=True)

    def _step(self, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One update; the loss and the predicted classes at the weights before it."""
        seen: list[Tensor] = []

        def closure() -> Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast(batch.device.type, torch.bfloat16, enabled=self.options.precision == "bfloat16"):
                logits = self.network(batch)
            loss = F.cross_entropy(logits.float(), labels)
            loss.backward()
            seen.append(logits.detach())
            return loss

        loss = self.optimizer.step(closure)
        # SAM calls the closure twice: the first call is at the weights themselves
        return loss.detach(), seen[0].argmax(1)

    def _generator(self, purpose: str, epoch: int) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed_of(purpose, epoch))

    def _draws(self, count: int, epoch: int) -> Tensor:
        """What is done to each sample of the epoch, int64 [count, 3]; drawn on the CPU, so alike on all devices."""
        if not self.options.augmented:
            return torch.empty(count, 0)
        return draw(count, self.options.crop, self.options.flip, self._generator("augmentation", epoch))
