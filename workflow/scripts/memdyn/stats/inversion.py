"""Intervals by inverting a test: the values of a parameter under which what was observed is no surprise.

A ratio of two noisy numbers, or any parameter that noise attenuates, has no standard error where the denominator may be
0: an interval from one is far too short there, or too long, and reaches beyond the parameter's range. The difference
between the observed number and the one that a value of the parameter makes expected has one (Fieller 1954).
"""

import numpy as np

STEPS = 201  # values at which a range is tried; between them it is interpolated


def accepted(values: np.ndarray, excess: np.ndarray, error: np.ndarray, quantile: float) -> tuple[float, float]:
    """The limits of the values that are not rejected, within their range.

    Args:
        values: [J], increasing; the first and the last are the ends of the range.
        excess: [J], the observed number minus that expected under each value; it falls with the value.
        error: [J], standard errors of the excess.
        quantile: how many of them are too many.

    Returns:
        low, high: an end of the range where nothing on that side is rejected, or all is; NaN without a known error.
    """
    if not (np.isfinite(excess) & np.isfinite(error)).all():
        return np.nan, np.nan
    low = _first(values, quantile * error - excess)
    high = -_first(-values[::-1], (quantile * error + excess)[::-1])
    return low, high


def _first(values: np.ndarray, slack: np.ndarray) -> float:
    """Where the slack is 0 or more for the first time; the last value where it never is."""
    inside = np.flatnonzero(slack >= 0)
    if not len(inside):
        return float(values[-1])
    k = inside[0]
    return float(values[0] if not k else np.interp(0, slack[k - 1 : k + 1], values[k - 1 : k + 1]))


def ratio_limits(
    numerator: float, denominator: float, covariance: np.ndarray, quantile: float, ends: tuple[float, float]
) -> tuple[float, float]:
    """Fieller's limits of numerator / denominator, within a range.

    Args:
        numerator, denominator: estimates; the denominator's expectation is positive.
        covariance: [2, 2], of their errors.
        quantile: see `accepted`.
        ends: of the range.
    """
    values = np.linspace(*ends, STEPS)
    variance = covariance[0, 0] - 2 * values * covariance[0, 1] + values**2 * covariance[1, 1]
    return accepted(values, numerator - values * denominator, np.sqrt(np.maximum(variance, 0)), quantile)
