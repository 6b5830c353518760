"""A user's own net, from a Python file outside the package."""

from typing import Any

from torch import nn

from memdyn.own.load import call_target


def custom(input_shape: tuple[int, ...], n_classes: int, *, target: str, options: dict[str, Any]) -> nn.Module:
    """Call `Name(input_shape, n_classes, **options)` of `target` = "path/to/file.py:Name".

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, raises an error, or the result is no module.
    """
    model = call_target(target, input_shape, n_classes, **options)
    if not isinstance(model, nn.Module):
        raise ValueError(f"{target} must return a torch.nn.Module, returned {type(model).__name__}")
    return model
