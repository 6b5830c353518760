"""A user's own data set: a function in a file outside the package."""

from collections.abc import Mapping, Sequence
from typing import Any

from memdyn.data.raw import RawData, raw_data
from memdyn.own.load import call_target

KEYS = frozenset({"images", "labels", "ids", "class_names"})


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Call `function(files, **options)` and check what it returns.

    Args:
        options: `target`, "path/to/file.py:function", and `options`, its keyword arguments.
        files: handed to the function.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such function, an error in it, or the result is not a dict as `raw_data` takes it.
    """
    target = options["target"]
    result = call_target(target, list(files), **options["options"])
    if not isinstance(result, Mapping) or not {"images", "labels"} <= set(result) <= KEYS:
        got = f"a dict with {sorted(result)}" if isinstance(result, Mapping) else type(result).__name__
        raise ValueError(
            f"{target}: returned {got}; expected a dict with images and labels, and at most ids and class_names too"
        )
    return raw_data(**result, source=target)
