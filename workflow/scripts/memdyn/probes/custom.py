"""A user's own probe, from a Python file outside the package."""

from typing import Any

import torch
from torch import Tensor, nn

from memdyn.compute.samples import Samples
from memdyn.own.load import call_target


def custom(
    network: nn.Module,
    samples: Samples,
    members: Tensor,
    batch: int,
    *,
    target: str,
    options: dict[str, Any],
    signal: str,
) -> dict[str, Tensor]:
    """Call `Name(network, samples, members, batch, **options)` of `target` = "path/to/file.py:Name".

    Returns:
        signal: the tensor [n, ...] that it returns, float16 or float32 as it is, other types as float32.

    Raises:
        ValueError: where it raises an error, or returns anything but one tensor with a row a sample.
    """
    found = call_target(target, network, samples, members, batch, **options)
    if not isinstance(found, Tensor) or found.ndim < 1 or len(found) != len(samples):
        got = f"a tensor of shape {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"{target}: returned {got}; allowed: a tensor [{len(samples)}, ...], a row a sample")
    found = found.detach()
    return {signal: found if found.dtype == torch.float16 else found.float()}
