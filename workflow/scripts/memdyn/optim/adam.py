"""Adam, and Adam with decoupled weight decay."""

from torch import nn
from torch.optim import Adam, AdamW


def adam(
    model: nn.Module, *, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, amsgrad: bool
) -> Adam:
    """torch's Adam (Kingma & Ba 2015) in its fused form."""
    return Adam(
        model.parameters(),
        lr=lr,
        betas=(beta1, beta2),
        eps=eps,
        weight_decay=weight_decay,
        amsgrad=amsgrad,
        fused=True,
    )


def adamw(model: nn.Module, *, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float) -> AdamW:
    """torch's AdamW (Loshchilov & Hutter 2019) in its fused form."""
    return AdamW(model.parameters(), lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, fused=True)
