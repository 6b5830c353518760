"""Intervals of per-sample rates: against the literature's formulas, and their exact coverage."""

import numpy as np
import pytest
from scipy import stats

from memdyn.stats.intervals import clopper_pearson, paired_advantage

RATES = np.linspace(0.005, 0.995, 199)


def coverage(limits, n, rate):
    weights = stats.binom.pmf(np.arange(n + 1), n, rate)
    return weights[(limits[0] <= rate) & (rate <= limits[1])].sum()


@pytest.mark.parametrize("n", [1, 4, 16, 64])
def test_agrees_with_scipy(n):
    low, high = clopper_pearson(np.arange(n + 1), n, 0.95)
    for k in range(n + 1):
        expected = stats.binomtest(k, n).proportion_ci(0.95, "exact")
        assert (low[k], high[k]) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))


@pytest.mark.parametrize("n", [4, 16, 32, 128])
def test_coverage_of_rates(n):
    k = np.arange(n + 1)
    exact = [coverage(clopper_pearson(k, n, 0.95), n, rate) for rate in RATES]
    assert min(exact) >= 0.95


def test_a_design_effect_leaves_fewer_trials():
    k = np.array([0, 3, 8])
    np.testing.assert_allclose(clopper_pearson(k, 8, 0.95, 2.0), clopper_pearson(k / 2, 4, 0.95))
    low, high = clopper_pearson(k, 8, 0.95, np.array([1.0, 20.0, 20.0]))
    assert low[0] == 0 and high[2] == 1 and 0 < low[1] < 3 / 8 < high[1] < 1
    assert np.isnan(clopper_pearson(k, 8, 0.95, np.nan)).all()
    assert np.isnan(paired_advantage(k, k, k, 8, 0.95, np.nan)).all()


def test_decisions_pooled_over_samples_are_no_trials():
    """Decisions of a model hang together: why pooled rates are jackknifed."""
    rng = np.random.default_rng(0)
    rates = stats.norm.cdf(-1 + 0.3 * rng.normal(size=(2000, 16)))  # of 16 models
    k = rng.binomial(200, rates).sum(axis=1)
    low, high = clopper_pearson(k, 16 * 200, 0.95)
    truth = stats.norm.cdf(-1 / np.sqrt(1 + 0.3**2))
    assert ((low <= truth) & (truth <= high)).mean() < 0.85


@pytest.mark.parametrize("n", [8, 16, 32])
def test_coverage_of_the_advantage(n):
    """Exact, over all trinomial outcomes, from equal to strongly different rates."""
    only_in, only_out = (x.ravel() for x in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    possible = only_in + only_out <= n
    only_in, only_out = only_in[possible], only_out[possible]
    low, high = paired_advantage(only_in, only_out, np.zeros_like(only_in), n, 0.95)
    outcomes = np.stack([only_in, only_out, n - only_in - only_out], axis=-1)
    covered = []
    for p_in in np.linspace(0.05, 0.75, 15):
        for p_out in np.linspace(0.05, 0.95 - p_in, 6):
            weights = stats.multinomial.pmf(outcomes, n, [p_in, p_out, 1 - p_in - p_out])
            truth = p_in - p_out
            covered.append(weights[(low <= truth) & (truth <= high)].sum())
    assert min(covered) > 0.92
    assert 0.94 < np.mean(covered) < 0.99


def test_advantage_uses_the_pairing():
    # The same rates: both models of a pair always agree, or never do.
    agree = paired_advantage(8, 8, 8, 16, 0.95)
    differ = paired_advantage(8, 8, 0, 16, 0.95)
    assert agree[1] - agree[0] < (differ[1] - differ[0]) / 2
    assert agree[0] < 0 < agree[1]


def test_advantage_stays_in_range_and_is_never_empty():
    low, high = paired_advantage(np.array([16, 0]), np.array([0, 16]), np.array([0, 0]), 16, 0.95)
    assert high[0] <= 1 and low[1] >= -1
    assert (high - low > 0.05).all()
