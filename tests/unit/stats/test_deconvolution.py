"""The free-form prior of effect sizes: against noncentral t and plain numerical integration, and on known laws."""

import numpy as np
import pytest
from scipy import stats

from memdyn.stats.deconvolution import deconvolve, log_likelihood

DOF, NOISE = 40.0, 0.3


def statistics(rng: np.random.Generator, effects: np.ndarray, noise: float = NOISE, dof: float = DOF) -> np.ndarray:
    """t [n] of these effects."""
    return (effects + noise * rng.normal(size=len(effects))) / np.sqrt(rng.chisquare(dof, len(effects)) / dof)


def fitted(t: np.ndarray, noise: float = NOISE, dof: float = DOF):
    return deconvolve(t, dof, noise, t.mean(), max(0.0, t.var() - noise**2))


@pytest.mark.parametrize(("dof", "noise"), [(2.5, 0.9), (20, 0.35), (140, 0.18)])
def test_likelihood_is_that_of_the_noncentral_t(dof, noise):
    t, effects = np.array([-1.0, 0.0, 0.2, 1.5, 4.0, 12.0]), np.linspace(-3, 14, 60)
    exact = np.array([stats.nct.logpdf(x / noise, dof, effects / noise) for x in t])
    seen = exact > exact.max(axis=1, keepdims=True) - 12  # beyond, scipy's density has no digits left
    exact -= exact.max(axis=1, keepdims=True)
    found = log_likelihood(t, effects, dof, noise)
    assert np.abs(found - exact)[seen].max() < 1 / (12 * dof) + 1e-3


def test_posteriors_against_numerical_integration():
    """Bayes' rule with the prior's cells as they are, the scale integrated out on a fine grid."""
    rng = np.random.default_rng(1)
    t = statistics(rng, rng.gamma(0.5, 1.2, 800))
    posterior = fitted(t)
    scale = np.linspace(0.4, 1.8, 4001)
    law = stats.chi.pdf(scale * np.sqrt(DOF), DOF)
    mean, sd, low, high = (
        posterior.expect(posterior.values),
        posterior.deviation(),
        posterior.quantile(0.025),
        posterior.quantile(0.975),
    )
    for i in (*np.argsort(t)[[0, 400, 700]], t.argmax()):
        # density of t = (effect + noise Z) / scale, given each effect
        density = stats.norm.pdf(t[i] * scale[:, None], posterior.values, NOISE) * scale[:, None]
        weights = (law @ density) * posterior.prior
        weights /= weights.sum()
        expected = weights @ posterior.values
        cumulative = np.concatenate([[0], weights.cumsum()])
        assert mean[i] == pytest.approx(expected, abs=0.01 * NOISE)
        assert sd[i] == pytest.approx(np.sqrt(weights @ (posterior.values - expected) ** 2), rel=0.02)
        for found, p in ((low[i], 0.025), (high[i], 0.975)):
            assert found == pytest.approx(np.interp(p, cumulative, posterior.edges), abs=0.05 * NOISE)


def test_the_prior_is_some_em_steps_away_from_the_normal_law():
    """A plain loop over the samples finds the same, but for the last smoothing."""
    rng = np.random.default_rng(2)
    t = statistics(rng, np.where(rng.random(300) < 0.8, 0.0, 3.0))
    posterior = fitted(t)
    edges, values = posterior.edges, posterior.values
    likelihood = np.exp(log_likelihood(t, values, DOF, NOISE))
    prior = np.diff(stats.norm.cdf(edges, t.mean(), np.sqrt(t.var() - NOISE**2)))
    prior = prior / prior.sum() + 1 / (len(t) * len(values))
    prior /= prior.sum()
    for _ in range(20):
        shares = likelihood * prior
        prior = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
    assert np.abs(np.cumsum(prior) - np.cumsum(posterior.prior)).max() < 0.06
    assert prior[values < 1].sum() == pytest.approx(posterior.prior[values < 1].sum(), abs=0.01)


LAWS = {
    "normal": lambda rng, n: rng.normal(1, 0.7, n),
    "narrow": lambda rng, n: rng.normal(0.5, 0.15, n),
    "skewed": lambda rng, n: rng.gamma(0.5, 1.2, n),
    "spike": lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.exponential(2, n)),
    "bimodal": lambda rng, n: np.where(rng.random(n) < 0.7, rng.normal(0, 0.2, n), rng.normal(4, 0.5, n)),
    "heavy": lambda rng, n: 0.5 + 0.6 * rng.standard_t(3, n),
    "negative": lambda rng, n: rng.normal(-0.3, 0.4, n),
}


@pytest.mark.parametrize("law", LAWS)
def test_as_good_as_the_normal_prior_where_that_is_right_and_better_elsewhere(law, capsys):
    rng = np.random.default_rng(3)
    effects = LAWS[law](rng, 4000)
    t = statistics(rng, effects)
    posterior = fitted(t)
    mean, low, high = posterior.expect(posterior.values), posterior.quantile(0.025), posterior.quantile(0.975)
    variance = max(0.0, t.var() - NOISE**2)
    linear = t.mean() + variance / (variance + NOISE**2) * (t - t.mean())
    error, before = (np.sqrt(np.mean((x - effects) ** 2)) for x in (mean, linear))
    covered = (low <= effects) & (effects <= high)
    chosen = np.argsort(t)[-200:]
    with capsys.disabled():
        print(
            f"\n{law}: RMSE {error:.3f} (linear {before:.3f}), covered {covered.mean():.3f}, "
            f"of the top 5 % by estimate {covered[chosen].mean():.3f} (bias {(mean - effects)[chosen].mean():+.3f})"
        )
    assert error < 1.01 * before and (law not in ("skewed", "spike", "bimodal") or error < 0.9 * before)
    assert 0.93 < covered.mean() < 0.99 and covered[chosen].mean() > 0.9
    assert abs((mean - effects)[chosen].mean()) < 0.25 * NOISE


def test_without_effects_all_are_drawn_together():
    t = statistics(np.random.default_rng(4), np.zeros(4000))
    posterior = fitted(t)
    assert np.abs(posterior.expect(posterior.values)).mean() < 0.03 * NOISE
    assert np.quantile(posterior.deviation(), 0.9) < 0.2 * NOISE


def test_few_far_outliers_are_kept():
    """A normal prior that is fitted to 4,000 samples does not know of 4 that are far away."""
    effects = np.zeros(4000)
    effects[:4] = 6
    t = statistics(np.random.default_rng(5), effects)
    posterior = fitted(t)
    mean = posterior.expect(posterior.values)
    assert np.abs(mean[:4] - t[:4]).max() < 2 * NOISE and np.abs(mean[4:]).mean() < 0.15 * NOISE


def test_means_and_limits_grow_with_the_statistic_and_nothing_is_random():
    rng = np.random.default_rng(6)
    t = np.sort(statistics(rng, rng.gamma(0.5, 1.2, 500)))
    posterior = fitted(t)
    for value in (posterior.expect(posterior.values), posterior.quantile(0.025), posterior.quantile(0.975)):
        assert np.all(np.diff(value) > -1e-9)
    again = fitted(t)
    np.testing.assert_array_equal(posterior.weights, again.weights)


def test_average_and_widened():
    rng = np.random.default_rng(7)
    t = statistics(rng, rng.gamma(0.5, 1.2, 500))
    posterior = fitted(t)
    assert posterior.average() @ posterior.values == pytest.approx(posterior.expect(posterior.values).mean())
    wide = posterior.widened(2.0)
    middle = np.abs(t) < 1
    np.testing.assert_allclose(wide.expect(wide.values)[middle], posterior.expect(posterior.values)[middle], atol=0.02)
    np.testing.assert_allclose(wide.deviation()[middle], np.hypot(posterior.deviation(), 2.0)[middle], rtol=0.02)
    assert np.all(wide.quantile(0.975) - wide.quantile(0.025) > posterior.quantile(0.975) - posterior.quantile(0.025))
    assert posterior.widened(0.0) is posterior


@pytest.mark.parametrize("t", [np.array([1.0]), np.zeros(5), np.array([0.0, 1e6]), np.r_[np.zeros(50), -1e9]])
def test_odd_inputs_stay_finite(t):
    posterior = deconvolve(t, 1e4, 0.3, float(t.mean()), float(t.var()))
    for value in (posterior.expect(posterior.values), posterior.deviation(), posterior.quantile(0.025)):
        assert np.all(np.isfinite(value))
    far = np.abs(t) > 1e5
    np.testing.assert_allclose(posterior.expect(posterior.values)[far], t[far], rtol=0.2)
