"""From the config's plain options to the factor of the learning rate at each step.

Warm-up is linear: step s of W has (s + 1) / W of the schedule's first factor, so the last one reaches it. The
schedule proper takes the steps after the warm-up; milestones count from the start of training.
"""

from collections.abc import Mapping
from typing import Any

from memdyn.optim.schedules import REGISTRY
from memdyn.optim.schedules.span import Factor, Span
from memdyn.registry import resolve


def lr_factor(options: Mapping[str, Any], epochs: int, steps_per_epoch: int) -> Factor:
    """The function step -> factor of the configured learning rate, for steps 0 ... epochs * steps_per_epoch - 1.

    Args:
        options: `name` of an entry of `memdyn.optim.schedules.REGISTRY`, `warmup_epochs`, and the schedule's own.
        epochs: length of the whole training.
        steps_per_epoch: optimizer steps of an epoch.

    Raises:
        KeyError: for an unknown name.
        ValueError: where the warm-up leaves no step.
    """
    keywords = dict(options)
    make, warmup = resolve(REGISTRY, keywords.pop("name")), round(keywords.pop("warmup_epochs") * steps_per_epoch)
    n_steps = epochs * steps_per_epoch - warmup
    if n_steps < 1:
        raise ValueError(f"warmup_epochs: {options['warmup_epochs']} leaves nothing of {epochs} epochs")
    schedule = make(Span(n_steps, steps_per_epoch, warmup), **keywords)
    return lambda step: schedule(step - warmup) if step >= warmup else schedule(0) * (step + 1) / warmup
