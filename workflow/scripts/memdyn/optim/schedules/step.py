"""The learning rate falls at milestones."""

from memdyn.optim.schedules.span import Factor, Span


def multi_step(span: Span, *, milestones: list[int], gamma: float) -> Factor:
    """gamma to the power of the milestones that are reached; they are epochs from the start of the training."""
    steps = [epoch * span.steps_per_epoch - span.warmup for epoch in milestones]
    return lambda step: gamma ** sum(step >= milestone for milestone in steps)
