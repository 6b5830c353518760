"""A user's own data set: a function in a file outside the package."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memdyn.data.raw import RawData, raw_data

KEYS = frozenset({"images", "labels", "ids", "class_names"})


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Call `function(files, **options)` and check what it returns.

    Args:
        options: `target`, "path/to/file.py:function", and `options`, its keyword arguments.
        files: handed to the function.

    Raises:
        ValueError: no such file or function, or the result is not a dict as `raw_data` takes it.
    """
    target = options["target"]
    result = _function(target)(list(files), **options["options"])
    if not isinstance(result, Mapping) or not {"images", "labels"} <= set(result) <= KEYS:
        got = f"a dict with {sorted(result)}" if isinstance(result, Mapping) else type(result).__name__
        raise ValueError(
            f"{target}: returned {got}; expected a dict with images and labels, and at most ids and class_names too"
        )
    return raw_data(**result, source=target)


def _function(target: str) -> Any:
    path, _, name = target.rpartition(":")
    if not Path(path).is_file():
        raise ValueError(f"{target}: no file {path}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        raise ValueError(f"{target}: {path} has no function {name}")
    return getattr(module, name)
