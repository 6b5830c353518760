"""Half a cosine down."""

from memdyn.optim.schedules.span import Factor, Span, half_cosine


def cosine(span: Span, *, final: float) -> Factor:
    """Half a cosine from 1 at step 0 to `final` at step n_steps, one after the last (Loshchilov & Hutter 2017)."""
    return lambda step: half_cosine(1.0, final, step / span.n_steps)
