"""Learning-rate schedules as pure functions of the step: resuming a run needs no state of theirs. Torch-free.

Warm-up is linear: step s of W has (s + 1) / W of the schedule's first factor, so the last one reaches it. The
schedule proper takes the steps after the warm-up; milestones count from the start of training.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

Factor = Callable[[int], float]


def lr_factor(options: Mapping[str, Any], epochs: int, steps_per_epoch: int) -> Factor:
    """The function step -> factor of the configured learning rate, for steps 0 ... epochs * steps_per_epoch - 1.

    Args:
        options: `name` of an entry of SCHEDULES, `warmup_epochs`, and the schedule's own options.
        epochs: length of the whole training.
        steps_per_epoch: optimizer steps of an epoch.

    Raises:
        KeyError: for an unknown name.
        ValueError: where the warm-up leaves no step.
    """
    keywords = dict(options)
    name, warmup = keywords.pop("name"), round(keywords.pop("warmup_epochs") * steps_per_epoch)
    if name not in SCHEDULES:
        raise KeyError(f"schedule {name!r} is not known; known: {', '.join(SCHEDULES)}")
    n_steps = epochs * steps_per_epoch - warmup
    if n_steps < 1:
        raise ValueError(f"warmup_epochs: {options['warmup_epochs']} leaves nothing of {epochs} epochs")
    if name == "step":
        keywords["milestones"] = [epoch * steps_per_epoch - warmup for epoch in keywords["milestones"]]
    schedule = SCHEDULES[name](n_steps, **keywords)
    return lambda step: schedule(step - warmup) if step >= warmup else schedule(0) * (step + 1) / warmup


def constant(n_steps: int) -> Factor:
    """1."""
    return lambda step: 1.0


def multi_step(n_steps: int, *, milestones: list[int], gamma: float) -> Factor:
    """gamma to the power of the milestones (in steps) that are reached."""
    return lambda step: gamma ** sum(step >= milestone for milestone in milestones)


def cosine(n_steps: int, *, final: float) -> Factor:
    """Half a cosine from 1 at step 0 to `final` at step n_steps, one after the last (Loshchilov & Hutter 2017)."""
    return lambda step: half_cosine(1.0, final, step / n_steps)


def one_cycle(n_steps: int, *, peak: float, start: float, final: float) -> Factor:
    """Half cosines from `start` to 1 and on to `final` at the last step; 1 is reached after the share `peak`.

    As torch's OneCycleLR (Smith & Topin 2018, arXiv 1708.07120): the peak is step peak * n_steps - 1.
    """
    last = n_steps - 1
    summit = min(max(peak * n_steps - 1, 0.0), last)

    def factor(step: int) -> float:
        if step < summit:
            return half_cosine(start, 1.0, step / summit)
        return half_cosine(1.0, final, (step - summit) / (last - summit)) if last > summit else 1.0

    return factor


def half_cosine(first: float, last: float, progress: float) -> float:
    """From `first` at progress 0 to `last` at progress 1."""
    return last + (first - last) * (1 + math.cos(math.pi * progress)) / 2


SCHEDULES: dict[str, Callable[..., Factor]] = {
    "constant": constant,
    "step": multi_step,
    "cosine": cosine,
    "one_cycle": one_cycle,
}
