"""Numbers as the page prints them: with intervals, thousands separated, nothing as "nan"."""

import math
from datetime import timedelta

MISSING = "–"
MINUS = "−"


def number(value: float | None, digits: int = 3) -> str:
    """`0.703`, or a dash for a missing value."""
    if _missing(value):
        return MISSING
    text = f"{value:.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", MINUS)


def interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """`0.703 [0.698, 0.708]`; the value alone where there is no interval."""
    if _missing(low) or _missing(high):
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def signed_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """As `interval`, with signs, for differences: `+0.021 [−0.003, +0.045]`."""
    if _missing(value):
        return MISSING
    numbers = [f"{x:+.{digits}f}".replace("-", MINUS) for x in (value, low, high) if not _missing(x)]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]" if len(numbers) == 3 else numbers[0]


def percent(value: float | None, digits: int = 1) -> str:
    """A share as `12.3 %`."""
    return MISSING if _missing(value) else f"{100 * value:.{digits}f} %"


def percent_interval(value: float, low: float, high: float, digits: int = 1) -> str:
    """`19.2 % [17.3, 21.0]`; the share alone where there is no interval."""
    if _missing(value) or _missing(low) or _missing(high):
        return percent(value, digits)
    return f"{percent(value, digits)} [{number(100 * low, digits)}, {number(100 * high, digits)}]"


def count(value: float | None) -> str:
    """`101,770`."""
    return MISSING if _missing(value) else f"{int(value):,}"


def p_value(value: float | None) -> str:
    """Two significant digits, `< 0.001` below that."""
    if _missing(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def duration(seconds: float | None) -> str:
    """`1.71 s`, `3 min 12 s` or `2 h 5 min`."""
    if _missing(seconds):
        return MISSING
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(int(whole.total_seconds()), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def _missing(value: float | None) -> bool:
    return value is None or (math.isnan(value))
