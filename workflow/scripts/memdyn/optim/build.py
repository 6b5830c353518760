"""From the config's plain options to an optimizer, and its learning rates during training."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from memdyn.optim import REGISTRY
from memdyn.registry import resolve


def build_optimizer(options: Mapping[str, Any], model: nn.Module) -> Optimizer:
    """The optimizer that `options` describe, for all parameters of `model` that need gradients.

    Every optimizer is used as `loss = optimizer.step(closure)`. The closure zeroes the gradients, runs the forward
    and backward pass and returns the loss; SAM calls it twice, and `step` returns what the first call returned.
    `state_dict()` holds all there is: training goes on bit-identically after `load_state_dict` in a fresh object.

    Move the model to its device and memory format first.

    Args:
        options: `name` of an entry of `memdyn.optim.REGISTRY`, and the keyword arguments of its builder.

    Raises:
        KeyError: for an unknown name.
    """
    keywords = dict(options)
    optimizer = resolve(REGISTRY, keywords.pop("name"))(model, **keywords)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    optimizer.register_load_state_dict_post_hook(_restore_layout)
    return optimizer


def scale_lr(optimizer: Optimizer, factor: float) -> None:
    """Set the learning rate of each parameter group to `factor` times its configured one."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def _restore_layout(optimizer: Optimizer) -> None:
    """Lay loaded buffers out in memory as their parameters are.

    torch's fused kernels pair the elements of parameter and buffer by their place in memory, whatever the strides
    say; a channels_last buffer that came back from a file as contiguous would silently be read in the wrong order.
    """
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if torch.is_tensor(value) and value.shape == parameter.shape and value.stride() != parameter.stride():
                state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
