"""Stochastic gradient descent."""

from torch import nn
from torch.optim import SGD


def sgd(model: nn.Module, *, lr: float, momentum: float, nesterov: bool, weight_decay: float) -> SGD:
    """torch's SGD in its fused form: one pass over each parameter."""
    return SGD(model.parameters(), lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay, fused=True)
