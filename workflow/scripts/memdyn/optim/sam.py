"""Sharpness-aware minimisation over SGD (Foret et al. 2021, arXiv 2010.01412, algorithm 1)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import SGD

TINY = 1e-12  # keeps the ascent step finite where the gradient is zero


def sam(model: nn.Module, *, lr: float, rho: float, momentum: float, nesterov: bool, weight_decay: float) -> "SAM":
    """SAM of radius `rho` over torch's SGD."""
    return SAM(model, rho, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True)


class SAM(SGD):
    """SGD with the gradient taken at w + rho g / |g|, g the gradient at w and |.| the norm over all parameters.

    The weights come back from a kept copy, so SGD steps from exactly w. Batch normalisation updates its running
    statistics in the first pass only, since the second sees other weights; dropout draws anew in the second pass.
    All state is SGD's; rho lies in the parameter group.
    """

    def __init__(self, model: nn.Module, rho: float, **sgd_options: float | bool):
        super().__init__(model.parameters(), **sgd_options)
        self._model = model
        self.param_groups[0]["rho"] = rho

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """One update; the closure runs twice. Returns the loss at w, before the ascent step."""
        with torch.enable_grad():
            loss = closure()
        kept = self._ascend()
        with torch.enable_grad(), frozen_running_statistics(self._model):
            closure()
        for parameter, value in kept:
            parameter.copy_(value)
        super().step()
        return loss

    def _ascend(self) -> list[tuple[Tensor, Tensor]]:
        """Move to w + rho g / |g|; returns each moved parameter with a copy of its former value."""
        (group,) = self.param_groups
        moved = [parameter for parameter in group["params"] if parameter.grad is not None]
        kept = [(parameter, parameter.clone()) for parameter in moved]
        gradients = [parameter.grad for parameter in moved]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_add_(moved, torch._foreach_mul(gradients, group["rho"] / (norm + TINY)))
        return kept


@contextmanager
def frozen_running_statistics(model: nn.Module) -> Iterator[None]:
    """Normalise with the batch's statistics as in training, but leave the running ones as they are."""
    tracking = [module for module in model.modules() if getattr(module, "track_running_stats", False)]
    for module in tracking:
        module.track_running_stats = False
    try:
        yield
    finally:
        for module in tracking:
            module.track_running_stats = True
