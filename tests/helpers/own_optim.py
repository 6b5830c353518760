"""An optimizer and a schedule as a user's own file has them."""

import torch
from torch.optim import Optimizer


class HeavyBall(Optimizer):
    """Momentum, written out."""

    def __init__(self, model, lr=0.05, momentum=0.9):
        super().__init__(model.parameters(), {"lr": lr, "momentum": momentum})

    def step(self, closure):
        loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                for weights in group["params"]:
                    if weights.grad is None:
                        continue
                    state = self.state[weights]
                    velocity = state.setdefault("velocity", torch.zeros_like(weights))
                    velocity.mul_(group["momentum"]).add_(weights.grad)
                    weights.sub_(group["lr"] * velocity)
        return loss


def falling(n_steps, final=0.0):
    """A straight line from 1 to `final`."""
    return lambda step: 1 + (final - 1) * step / max(1, n_steps - 1)


def rising_below_zero(n_steps):
    return lambda step: step - 1.0


def no_schedule(n_steps):
    return 1.0


def no_optimizer(model):
    return model


def without_rate(model):
    return Optimizer(model.parameters(), {"rate": 1.0})
