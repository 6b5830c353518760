"""RMSprop."""

from torch import nn
from torch.optim import RMSprop


def rmsprop(
    model: nn.Module, *, lr: float, alpha: float, eps: float, momentum: float, centered: bool, weight_decay: float
) -> RMSprop:
    """torch's RMSprop (Tieleman & Hinton 2012); it has no fused form."""
    return RMSprop(
        model.parameters(),
        lr=lr,
        alpha=alpha,
        eps=eps,
        momentum=momentum,
        centered=centered,
        weight_decay=weight_decay,
    )
