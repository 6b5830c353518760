"""A user's own net, from a Python file outside the package."""

import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from torch import nn


def custom(input_shape: tuple[int, ...], n_classes: int, *, target: str, options: dict[str, Any]) -> nn.Module:
    """Call `Name(input_shape, n_classes, **options)` of `target` = "path/to/file.py:Name".

    A relative path starts at the working directory.

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, or the result is no module.
    """
    model = load_target(target)(input_shape, n_classes, **options)
    if not isinstance(model, nn.Module):
        raise ValueError(f"{target} must return a torch.nn.Module, returned {type(model).__name__}")
    return model


def load_target(target: str) -> Callable[..., Any]:
    """The object `Name` of "path/to/file.py:Name". Raises as `custom` does."""
    file_name, _, attribute = target.rpartition(":")
    path = Path(file_name).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"file {file_name!r} of the custom target {target!r} does not exist ({path})")
    # dataclasses and pickle look a class's module up by name
    name = f"memdyn_custom_{sha256(str(path).encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, attribute):
        raise ValueError(f"{path} has no {attribute!r} (custom target {target!r})")
    return getattr(module, attribute)
