"""Limits by inverting a test: against the closed form and a loop, at the ends of the range, and their coverage."""

import numpy as np
import pytest
from scipy import stats

from memdyn.stats.inversion import accepted, ratio_limits


def fieller(a, b, covariance, t):
    """The roots of (a - r b)^2 = t^2 var(a - r b)."""
    quadratic = [
        b**2 - t**2 * covariance[1, 1],
        -2 * (a * b - t**2 * covariance[0, 1]),
        a**2 - t**2 * covariance[0, 0],
    ]
    return sorted(np.roots(quadratic).real)


@pytest.mark.parametrize(("a", "b", "shared"), [(0.3, 0.8, 0.0), (0.2, 0.5, 0.001), (-0.1, 0.4, -0.0005)])
def test_ratio_limits_are_fiellers(a, b, shared):
    covariance = np.array([[0.002, shared], [shared, 0.001]])
    assert ratio_limits(a, b, covariance, 2.1, (-1, 1)) == pytest.approx(fieller(a, b, covariance, 2.1), abs=1e-3)


def test_limits_are_the_values_that_a_loop_accepts():
    values = np.linspace(0, 1, 1001)
    excess, error = 0.4 - values**2, 0.05 + 0.1 * values
    inside = [v for v, x, e in zip(values, excess, error, strict=True) if abs(x) <= 2 * e]
    assert accepted(values, excess, error, 2) == pytest.approx((inside[0], inside[-1]), abs=1e-3)


def test_limits_stay_in_the_range():
    values = np.linspace(0, 1, 21)
    steep = np.full(21, 0.01)
    assert accepted(values, 1.5 - values, steep, 2) == (1, 1), "more than all: all"
    assert accepted(values, -0.5 - values, steep, 2) == (0, 0)
    assert accepted(values, 0.95 - values, np.full(21, 0.1), 2) == pytest.approx((0.75, 1))
    assert accepted(values, 0.01 * (0.5 - values), steep, 2) == (0, 1), "nothing is known"
    assert np.isnan(accepted(values, 0.5 - values, np.full(21, np.nan), 2)).all()


@pytest.mark.parametrize("denominator", [0.05, 0.2, 0.8])
def test_limits_of_a_ratio_cover_whatever_the_denominator(denominator):
    """The plain interval of the ratio does not: its error is taken at a divisor that may be near 0."""
    rng = np.random.default_rng(0)
    true, covariance, replications = 0.4, np.diag([0.05**2, 0.04**2]), 2000
    draws = rng.multivariate_normal([true * denominator, denominator], covariance, replications)
    t = stats.norm.ppf(0.975)
    limits = np.array([ratio_limits(a, b, covariance, t, (-1, 1)) for a, b in draws])
    covered = np.mean((limits[:, 0] <= true) & (true <= limits[:, 1]))
    assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / replications)
    assert (np.abs(limits) <= 1).all()
