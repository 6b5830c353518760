"""A user's own optimizer, from a Python file outside the package."""

from typing import Any

from torch import nn
from torch.optim import Optimizer

from memdyn.own.load import call_target


def custom(model: nn.Module, *, target: str, options: dict[str, Any]) -> Optimizer:
    """Call `Name(model, **options)` of `target` = "path/to/file.py:Name".

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, raises an error, or the result is no optimizer with learning rates.
    """
    optimizer = call_target(target, model, **options)
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{target} must return a torch.optim.Optimizer, returned {type(optimizer).__name__}")
    if not all("lr" in group for group in optimizer.param_groups):
        raise ValueError(f"{target}: a parameter group has no `lr`, which the schedule scales; allowed: one in each")
    return optimizer
