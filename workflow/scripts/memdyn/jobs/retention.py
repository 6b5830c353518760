"""Which folders of weights are to be deleted once they are scored: a mark in the folder says so, and outlives kills."""

from pathlib import Path

MARK = "delete-once-scored"


def mark(weights: Path, temporary: bool) -> None:
    """Marks a folder of weights, or takes the mark away."""
    if temporary:
        (weights / MARK).touch()
    else:
        (weights / MARK).unlink(missing_ok=True)


def is_temporary(weights: Path) -> bool:
    """Whether the last job that scored the weights was told not to keep them."""
    return (weights / MARK).exists()
