"""Early stopping by validation (Prechelt 1998): training ends where the loss on other samples no longer falls.

These are the pool's reserved part: never members, nor samples that are scored. Until the end the weights are those of
the training as it goes; from the end on, which is at the last epoch at the latest, they are those of the best epoch.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Mechanism, Trainee
from memdyn.models.layout import layout_of

BATCH = 512  # samples a pass; no gradients are kept


class EarlyStopping(Mechanism):
    """Attributes:
    patience: epochs without a smaller loss, after which training ends.
    state: `best`: the epoch of the smallest loss (0: none yet), its `loss` and `weights`; `stopped`.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.state: dict[str, Any] = {"best": 0, "loss": 0.0, "weights": {}, "stopped": False}

    def after_epoch(self, trainee: Trainee, epoch: int) -> dict[str, float]:
        loss = mean_loss(trainee.network, self.given.part("spare"))
        best = self.state
        if not best["best"] or loss < best["loss"]:
            self.state = {"best": epoch, "loss": loss, "weights": copied(trainee.network), "stopped": False}
        if epoch - self.state["best"] >= self.patience or epoch == trainee.epochs:
            trainee.network.load_state_dict(self.state["weights"])
            self.state = self.state | {"stopped": True, "weights": {}}
        return {"loss": loss, "weights_of": self.state["best"] if self.state["stopped"] else epoch}

    def stop(self) -> int | None:
        return self.state["best"] if self.state["stopped"] else None


def mean_loss(network: nn.Module, samples: Samples) -> float:
    """The cross-entropy of a net in eval mode."""
    network.eval()
    layout, losses = layout_of(network), []
    with torch.no_grad():
        for values, labels in zip(samples.samples.split(BATCH), samples.labels.split(BATCH), strict=True):
            logits = network(samples.normalise(values, layout)).float()
            losses.append(F.cross_entropy(logits, labels, reduction="none"))
    return torch.cat(losses).double().mean().item()


def copied(network: nn.Module) -> dict[str, Tensor]:
    """The weights as they are now."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
