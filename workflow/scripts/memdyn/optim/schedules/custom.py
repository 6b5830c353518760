"""A user's own schedule, from a Python file outside the package."""

from math import isfinite
from typing import Any

from memdyn.optim.schedules.span import Factor, Span
from memdyn.own.load import call_target


def custom(span: Span, *, target: str, options: dict[str, Any]) -> Factor:
    """Call `Name(n_steps, **options)` of `target` = "path/to/file.py:Name", which returns step -> factor.

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, raises an error, or does not give finite factors of at least 0.
    """
    schedule = call_target(target, span.n_steps, **options)
    if not callable(schedule):
        raise ValueError(f"{target} must return a function step -> factor, returned {type(schedule).__name__}")

    def factor(step: int) -> float:
        value = float(schedule(step))
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"{target}: the factor of step {step} is {value}; allowed: finite numbers, 0 or more")
        return value

    return factor
