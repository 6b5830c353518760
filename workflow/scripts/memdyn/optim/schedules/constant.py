"""The learning rate stays."""

from memdyn.optim.schedules.span import Factor, Span


def constant(span: Span) -> Factor:
    """1."""
    return lambda step: 1.0
