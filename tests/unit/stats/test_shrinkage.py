"""The prior of the variances maximises its marginal likelihood; far tails of Student's t."""

import numpy as np
import pytest
from scipy import integrate, stats

from memdyn.stats import shrinkage, student
from memdyn.stats.shrinkage import MAX_NU, MIN_VARIANCE, Prior, fit_prior
from memdyn.stats.student import exact_log_survival, log_survival
from slow_attacks import prior_likelihood, slow_prior


def draw(seed, n, dof, nu, scale=1.0):
    """Sums of squares [1, n] under the model itself; nu = inf: all variances equal."""
    rng = np.random.default_rng(seed)
    variance = scale * (nu / rng.chisquare(nu, n) if np.isfinite(nu) else np.ones(n))
    return (variance * rng.chisquare(dof, n))[None]


@pytest.mark.parametrize("dof", [1, 2, 7, 63])
@pytest.mark.parametrize("nu", [0.7, 3.0, 20.0])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_is_the_maximum(dof, nu, scale):
    squares = draw(dof, 1000, dof, nu, scale)
    prior = fit_prior(squares, dof)
    expected = slow_prior(squares[0] / dof, dof)
    np.testing.assert_allclose([prior.nu[0], prior.variance[0]], expected, rtol=1e-8)


@pytest.mark.parametrize("kind", ["normal", "two kinds", "heavy", "outlier"])
@pytest.mark.parametrize("dof", [1, 3, 15])
def test_is_a_maximum_where_the_model_is_wrong(kind, dof):
    rng = np.random.default_rng(dof)
    squares = draw(0, 2000, dof, np.inf)
    squares *= {
        "normal": 1.0,
        "two kinds": np.where(rng.random(2000) < 0.1, 1e4, 1.0),
        "heavy": np.exp(3 * rng.normal(size=2000)),
        "outlier": np.where(np.arange(2000) == 0, 1e12, 1.0),
    }[kind]
    prior = fit_prior(squares, dof)
    nu, variance = prior.nu[0], prior.variance[0]
    best = prior_likelihood(nu, variance, squares[0] / dof, dof)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert prior_likelihood(nu, variance * factor, squares[0] / dof, dof) < best
        if nu * factor <= MAX_NU:
            assert prior_likelihood(nu * factor, variance, squares[0] / dof, dof) < best + 1e-6


def test_recovers_the_truth():
    prior = fit_prior(draw(0, 200_000, 7, 5.0, 2.0), 7)
    assert prior.nu[0] == pytest.approx(5, rel=0.03)
    assert prior.variance[0] == pytest.approx(2, rel=0.01)


def test_equal_variances_are_pooled():
    for dof in (1, 5, 31):
        values = [fit_prior(draw(seed, 500, dof, np.inf), dof) for seed in range(20)]
        assert sum(prior.nu[0] > 0.99 * MAX_NU for prior in values) >= 5  # the maximum is at infinity half of the time
        assert np.mean([prior.variance[0] for prior in values]) == pytest.approx(1, rel=0.05)


def test_folds_are_fitted_apart_and_the_start_is_forgotten():
    squares = np.concatenate([draw(0, 3000, 6, 3.0), draw(1, 3000, 6, 30.0, 5.0), draw(2, 3000, 6, np.inf)])
    together = fit_prior(squares, 6)
    alone = [fit_prior(row[None], 6) for row in squares]
    np.testing.assert_allclose(together.nu, [prior.nu[0] for prior in alone], rtol=1e-9)
    np.testing.assert_allclose(together.variance, [prior.variance[0] for prior in alone], rtol=1e-9)
    for nu, variance in ((0.1, 1e-3), (1.0, 100.0), (1e4, 1.0)):
        other = fit_prior(squares, 6, Prior(np.array([nu]), np.array([variance])))
        np.testing.assert_allclose(other.nu, together.nu, rtol=1e-8)
        np.testing.assert_allclose(other.variance, together.variance, rtol=1e-8)


@pytest.mark.parametrize("dof", [1, 3, 30])
@pytest.mark.parametrize("kind", ["normal", "two kinds", "heavy", "outlier", "lattice"])
def test_taylor_series_of_the_sums_lead_to_the_same_maximum_in_fewer_sums(kind, dof, monkeypatch):
    rng = np.random.default_rng(dof)
    squares = (
        rng.chisquare(dof, (3, 2000))
        * {
            "normal": rng.chisquare(9, (3, 2000)) / 9,
            "two kinds": np.where(rng.random(2000) < 0.1, 1e4, 1.0),
            "heavy": np.exp(3 * rng.normal(size=2000)),
            "outlier": np.where(np.arange(2000) == 0, 1e12, 1.0),
            "lattice": 1.0,
        }[kind]
    )
    if kind == "lattice":
        squares = np.maximum(np.round(squares), dof * MIN_VARIANCE)
    taken = []
    sums = shrinkage._sums
    monkeypatch.setattr(shrinkage, "_sums", lambda *given: taken.append(given) or sums(*given))
    plain, count = fit_prior(squares, dof), len(taken)
    monkeypatch.setattr(shrinkage, "MANY", 0)
    series = fit_prior(squares, dof)
    assert len(taken) - count < count or kind == "lattice"  # where a maximum at the border is sought step by step
    np.testing.assert_allclose(series.nu, plain.nu, rtol=1e-7)  # where nu is in the thousands it is almost flat
    np.testing.assert_allclose(series.variance, plain.variance, rtol=1e-9)


def test_shifted_sums_are_those_of_another_tau():
    squares = draw(0, 500, 5, 3.0)
    sums = shrinkage._sums(squares, np.array([2.0]), 4)
    for by in (-0.05, 0.03):
        expected = shrinkage._sums(squares, np.array([2.0 * np.exp(by)]), 2)
        np.testing.assert_allclose(shrinkage._shifted(sums, np.array([by])), expected, rtol=0, atol=abs(by) ** 4)


def test_no_variance_at_all():
    prior = fit_prior(np.full((1, 100), 4 * MIN_VARIANCE), 4)
    assert np.isfinite(prior.nu).all()
    assert 0 < prior.variance[0] < 1e-11


@pytest.mark.parametrize("dof", [2.0, 3.3, 18.7, 100.0, 1e3, 1e4])
def test_log_survival(dof):
    z = np.concatenate([np.linspace(-15, 15, 3001), -np.geomspace(15, 1e5, 200), np.geomspace(15, 1e5, 200)])
    fast = log_survival(z[None], np.array([[dof]]))[0]
    expected = stats.t.logsf(z, dof)
    normal_range = (expected > -600) & (expected != 0)
    np.testing.assert_allclose(fast[normal_range], expected[normal_range], rtol=1e-9, atol=1e-10)
    assert np.isfinite(fast).all()
    assert (np.diff(fast[np.argsort(z)]) <= 0).all()


def test_log_survival_of_many_laws():
    z, dof = np.random.default_rng(0).normal(size=(3, 50)), np.array([[2.5], [8.0], [300.0]])
    np.testing.assert_allclose(log_survival(z, dof), stats.t.logsf(z, dof), atol=1e-10)
    np.testing.assert_allclose(log_survival(z, dof[:1]), stats.t.logsf(z, 2.5), atol=1e-10)


@pytest.mark.parametrize(("dof", "z"), [(1e4, 45.0), (1e4, 300.0), (500.0, 300.0)])
def test_beyond_underflow(dof, z):
    assert stats.t.sf(z, dof) == 0
    log_density = stats.t.logpdf(z, dof)
    unit = (dof + z * z) / ((dof + 1) * z)  # the density falls by e over it
    tail = integrate.quad(lambda u: np.exp(stats.t.logpdf(z + u * unit, dof) - log_density), 0, np.inf, epsrel=1e-12)[0]
    expected = log_density + np.log(tail * unit)
    assert exact_log_survival(np.array([z]), dof)[0] == pytest.approx(expected, rel=1e-11)
    assert log_survival(np.array([[z]]), np.array([[dof]]))[0, 0] == pytest.approx(expected, rel=1e-11)


def test_log_survival_of_a_row_in_pieces(monkeypatch):
    z = np.random.default_rng(0).normal(scale=5, size=(2, 100))
    whole = log_survival(z, np.array([[3.0], [40.0]]))
    monkeypatch.setattr(student, "CHUNK", 7)
    np.testing.assert_array_equal(log_survival(z, np.array([[3.0], [40.0]])), whole)
