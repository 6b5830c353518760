"""The ratio of standard deviations and the binormal ROC: against draws, and on worlds with a known answer."""

import numpy as np
import pytest
from scipy import stats

from memdyn.dynamics.binormal import Ratio, expected_tpr, fit_ratio, score, tpr_quantiles
from memdyn.stats.deconvolution import deconvolve


def observed(rng, log_ratio, pairs, draw):
    """Estimates of log(s_in / s_out) from all pairs, and from their halves."""
    n = len(log_ratio)
    inside, outside = np.exp(log_ratio) * draw(rng, (pairs, n)), draw(rng, (pairs, n))
    half = pairs // 2
    parts = [slice(None), slice(half), slice(half, None)]
    whole, *halves = (np.log(inside[part].std(axis=0) / outside[part].std(axis=0)) for part in parts)
    return whole, np.array(halves)


def normal(rng, shape):
    return rng.normal(size=shape)


def heavy(rng, shape):
    return rng.standard_t(5, shape)


def skewed(rng, shape):
    return rng.gamma(2, size=shape)


def test_auc_needs_no_ratio_and_tpr_does():
    """A million draws from one sample's two laws."""
    rng = np.random.default_rng(0)
    d_prime, r = 2.0, 0.6
    s_out = 3.0
    sigma = s_out * np.sqrt((1 + r * r) / 2)
    outside, inside = s_out * rng.normal(size=10**6), d_prime * sigma + r * s_out * rng.normal(size=10**6)
    assert np.mean(inside > outside) == pytest.approx(stats.norm.cdf(d_prime / np.sqrt(2)), abs=0.002)
    counted = np.mean(inside > s_out * stats.norm.isf(0.01))
    assert stats.norm.cdf(score(d_prime, np.log(r), 0.01)) == pytest.approx(counted, abs=0.002)
    assert stats.norm.cdf(score(d_prime, 0.0, 0.01)) > counted + 0.01


@pytest.mark.parametrize("pairs", [8, 32])
def test_trend_and_spread_are_recovered(pairs):
    rng = np.random.default_rng(pairs)
    d_prime = rng.gamma(0.7, 1.5, 6000)
    truth = -0.1 - 0.4 * np.arcsinh(d_prime) + 0.25 * rng.normal(size=6000)
    whole, halves = observed(rng, truth, pairs, normal)
    ratio = fit_ratio(whole, halves, d_prime, 1.0)
    at = np.array([0.0, 1.0, 3.0])
    np.testing.assert_allclose(ratio.trend(at), -0.1 - 0.4 * np.arcsinh(at), atol=0.05)
    assert ratio.spread == pytest.approx(0.25, abs=0.06)
    error = ratio.at(d_prime) - truth
    assert np.sqrt(np.mean(error**2)) < 0.9 * min(0.25, np.std(whole - truth))
    assert ratio.error == pytest.approx(np.sqrt(np.mean(error**2)), rel=0.15)
    assert np.mean(np.abs(error) < 1.96 * ratio.error) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("draw", [normal, heavy, skewed], ids=["normal", "heavy", "skewed"])
def test_a_ratio_that_does_not_vary_stays_one(draw):
    """Of 20 worlds. Heavy tails make standard deviations noisier, which is no spread of the ratio."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng([1, seed])
        whole, halves = observed(rng, np.zeros(1000), 16, draw)
        found.append(fit_ratio(whole, halves, rng.gamma(0.5, 1.2, 1000), 1.0))
    assert np.mean([ratio.spread > 0.05 for ratio in found]) <= 0.15
    slopes = np.array([np.ptp(ratio.trend(np.array([0.0, 1.0, 3.0]))) for ratio in found])
    assert np.mean(slopes > 0.05) <= 0.2
    assert np.abs([ratio.trend(np.array(1.0)) for ratio in found]).mean() < 0.03


def test_no_trend_where_samples_do_not_differ():
    """The noise of d' alone goes along with that of the ratio where margins are skewed."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=500)
    ratio = fit_ratio(0.2 * noise, np.zeros((2, 500)), 1e-3 * noise, 0.0)
    assert np.ptp(ratio.trend(1e-3 * noise)) == 0


@pytest.mark.parametrize(("weight", "error"), [(1.0, 0.05), (0.6, 0.15)])
def test_posterior_of_tpr_against_draws(weight, error):
    """Draws of d' from each sample's posterior and of the ratio given d', where the code reads tables."""
    rng = np.random.default_rng(3)
    effects = rng.gamma(0.5, 1.5, 400)
    t = effects + 0.3 * rng.normal(size=400)
    posterior = deconvolve(t, 60.0, 0.3, t.mean(), t.var() - 0.09)
    own = 0.2 * rng.normal(size=400) * (weight < 1)
    ratio = Ratio(own, weight, error, np.array([-0.1, -0.3, 0.0]), (-1.0, 3.0), 0.2, 0.05)
    mean = expected_tpr(posterior, ratio, 0.001)
    low, high = tpr_quantiles(posterior, ratio, 0.001, (0.025, 0.975))
    for i in np.argsort(t)[[5, 200, 300, 390, 399]]:
        shares = posterior.weights[posterior.left[i]] * (1 - posterior.fraction[i])
        shares = shares + posterior.weights[posterior.right[i]] * posterior.fraction[i]
        cells = rng.choice(len(shares), 40_000, p=shares / shares.sum())
        d_prime = rng.uniform(posterior.edges[cells], posterior.edges[cells + 1])
        r = np.exp(own[i] + weight * (-0.1 - 0.3 * np.arcsinh(d_prime)) + error * rng.normal(size=len(cells)))
        tpr = stats.norm.cdf((np.sqrt((1 + r * r) / 2) * d_prime - stats.norm.isf(0.001)) / r)
        assert mean[i] == pytest.approx(tpr.mean(), rel=0.05, abs=2e-5)
        for found, expected in zip((low[i], high[i]), np.quantile(tpr, (0.025, 0.975)), strict=True):
            u, v = stats.norm.ppf(np.clip((found, expected), 1e-12, 1 - 1e-12))
            assert u == pytest.approx(v, abs=0.12 * max(1, stats.norm.ppf(tpr.clip(1e-12, 1 - 1e-12)).std()))
