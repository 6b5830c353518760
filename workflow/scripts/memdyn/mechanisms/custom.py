"""A user's own mechanism, from a Python file outside the package."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from memdyn.mechanisms import LOSS
from memdyn.mechanisms.base import HOOKS, Batch, Mechanism
from memdyn.own.load import call_target, load_target


def custom(*, target: str, options: dict[str, Any], trains: bool = True, **planned: Any) -> Mechanism:
    """`Name(**options)` of "path/to/file.py:Name"; or a plain loss, `Name(logits, labels, epoch, **options)`.

    Args:
        trains: whether it may override hooks of training.
        planned: what of the config is for the plan alone: slots, teacher, part of the pool.

    Raises:
        FileNotFoundError: where the file does not exist.
        ValueError: where it has no such name, raises an error, or the result is no mechanism, or one with a part in
            training that is said to have none.
    """
    called = load_target(target)
    if inspect.isfunction(called) and tuple(inspect.signature(called).parameters)[: len(LOSS)] == LOSS:
        mechanism: Mechanism = Loss(target, partial(called, **options))
    else:
        mechanism = _made(target, options)
    odd = [
        hook for hook in HOOKS if hook != "output" and getattr(type(mechanism), hook) is not getattr(Mechanism, hook)
    ]
    if odd and not trains:
        raise ValueError(f"{target} has a part in training ({', '.join(odd)}); take `trains: false` away")
    return mechanism


def _made(target: str, options: dict[str, Any]) -> Mechanism:
    mechanism = call_target(target, **options)
    if not isinstance(mechanism, Mechanism):
        raise ValueError(
            f"{target} must return a memdyn.mechanisms.base.Mechanism, returned {type(mechanism).__name__}; a plain "
            f"loss takes ({', '.join(LOSS)}) first"
        )
    return mechanism


class Loss(Mechanism):
    """A function of logits [B, K], labels [B] and epoch, in the place of the cross-entropy."""

    def __init__(self, target: str, compute: Callable[[Tensor, Tensor, int], Tensor]) -> None:
        self.target, self.compute = target, compute

    def objective(self, logits: Tensor, batch: Batch, epoch: int) -> Tensor:
        if batch.targets is not None:
            raise ValueError(
                f"{self.target} is a loss of labels, and another mechanism made soft targets; write it as a Mechanism "
                "whose `objective` reads batch.targets"
            )
        return self.compute(logits, batch.labels, epoch)
