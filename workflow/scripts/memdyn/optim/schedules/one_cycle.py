"""Up to a peak and down again."""

from memdyn.optim.schedules.span import Factor, Span, half_cosine


def one_cycle(span: Span, *, peak: float, start: float, final: float) -> Factor:
    """Half cosines from `start` to 1 and on to `final` at the last step; 1 is reached after the share `peak`.

    As torch's OneCycleLR (Smith & Topin 2018, arXiv 1708.07120): the peak is step peak * n_steps - 1.
    """
    last = span.n_steps - 1
    summit = min(max(peak * span.n_steps - 1, 0.0), last)

    def factor(step: int) -> float:
        if step < summit:
            return half_cosine(start, 1.0, step / summit)
        return half_cosine(1.0, final, (step - summit) / (last - summit)) if last > summit else 1.0

    return factor
