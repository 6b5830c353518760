"""A user's own attack, from a Python file outside the package."""

from typing import Any

from memdyn.attacks.base import Attack
from memdyn.attacks.reads import Reads
from memdyn.own.load import call_target


def custom(target: str, options: dict[str, Any], called: str | None = None) -> Attack:
    """Call `Name(**options)` of `target` = "path/to/file.py:Name".

    Args:
        called: its label, which the attack itself does not need.

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, raises an error, or the result is no attack, saying what it lacks.
    """
    attack = call_target(target, **options)
    if not isinstance(attack, Attack):
        parts = ("prepare", "score_prepared")
        missing = [part for part in parts if not callable(getattr(attack, part, None))]
        raise ValueError(
            f"{target} must be a class derived from memdyn.attacks.base.Attack; {type(attack).__name__} is not"
            + (f", and has no {' nor '.join(missing)}" if missing else "")
        )
    if not attack.reads or not all(isinstance(read, Reads) for read in attack.reads):
        raise ValueError(f"{target}: `reads` must be a tuple of Reads(...), got {attack.reads!r}")
    return attack
