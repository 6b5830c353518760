"""What a schedule covers, and the curve that several of them share."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Factor = Callable[[int], float]


@dataclass(frozen=True)
class Span:
    """The steps of a schedule: those of the training after its warm-up.

    Attributes:
        n_steps: how many there are.
        steps_per_epoch: optimizer steps of an epoch.
        warmup: steps before them.
    """

    n_steps: int
    steps_per_epoch: int
    warmup: int


def half_cosine(first: float, last: float, progress: float) -> float:
    """From `first` at progress 0 to `last` at progress 1."""
    return last + (first - last) * (1 + math.cos(math.pi * progress)) / 2
