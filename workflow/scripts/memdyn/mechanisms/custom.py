"""A user's own mechanism, from a Python file outside the package."""

from typing import Any

from memdyn.mechanisms.base import Mechanism
from memdyn.own.load import call_target


def custom(*, target: str, options: dict[str, Any], **planned: Any) -> Mechanism:
    """Call `Name(**options)` of `target` = "path/to/file.py:Name".

    Args:
        planned: what of the config is for the plan alone: slots, teacher, part of the pool.

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, raises an error, or the result is no mechanism.
    """
    mechanism = call_target(target, **options)
    if not isinstance(mechanism, Mechanism):
        raise ValueError(
            f"{target} must return a memdyn.mechanisms.base.Mechanism, returned {type(mechanism).__name__}"
        )
    return mechanism
