"""Effect sizes on synthetic worlds with known d'."""

import numpy as np
import pytest
from scipy import stats

from memdyn.dynamics.dprime import (
    effect_sizes,
    sample_statistics,
    smooth_auc,
    smooth_rates,
)
from memdyn.dynamics.pairs import pair_values


def world(d_prime: np.ndarray, pairs: int, nu0: float, rng: np.random.Generator):
    """IN and OUT margins [pairs, n] whose sigma^2 are scaled inverse chi-square with nu0 degrees and s0 = 1.5."""
    n = len(d_prime)
    sigma = 1.5 * np.sqrt(nu0 / rng.chisquare(nu0, n))
    base = rng.normal(3, 2, n)
    inside = base + sigma * (d_prime + rng.normal(size=(pairs, n)))
    return inside, base + sigma * rng.normal(size=(pairs, n))


@pytest.mark.parametrize(("pairs", "nu0"), [(4, 8.0), (8, 8.0), (16, 30.0)])
def test_d_prime_is_recovered_and_shrinkage_helps(pairs, nu0):
    rng = np.random.default_rng(pairs)
    truth = rng.normal(0.6, 0.5, 6_000)
    inside, outside = world(truth, pairs, nu0, rng)
    effects = effect_sizes(inside, outside)

    unshrunken = (inside.mean(0) - outside.mean(0)) / np.sqrt((inside.var(0, ddof=1) + outside.var(0, ddof=1)) / 2)
    assert np.mean(effects.raw) == pytest.approx(0.6, abs=0.03), "unbiased under the prior"
    if pairs > 4:
        assert effects.variance_prior.nu[0] == pytest.approx(nu0, rel=0.2)
        assert effects.variance_prior.variance[0] == pytest.approx(1.5**2, rel=0.05)
    assert effects.prior_sd == pytest.approx(0.5, abs=0.06)
    error, error_raw, error_naive = (np.mean((x - truth) ** 2) for x in (effects.mean, effects.raw, unshrunken))
    assert error < error_raw < error_naive
    assert np.mean(np.abs(effects.mean - truth) < 1.96 * effects.sd) == pytest.approx(0.95, abs=0.02)


def test_null_world_does_not_invent_leakage_at_small_fpr():
    rng = np.random.default_rng(3)
    effects = effect_sizes(*world(np.zeros(4_000), 8, 10.0, rng))
    assert stats.norm.cdf(stats.norm.ppf(0.001) + effects.raw).mean() > 0.002, "what the shrinkage is for"
    assert smooth_rates(effects, 0.001).mean() == pytest.approx(0.001, rel=0.25)
    assert smooth_auc(effects).mean() == pytest.approx(0.5, abs=0.01)


def test_constant_margins_have_no_effect():
    effects = effect_sizes(np.ones((4, 3)), np.ones((4, 3)))
    assert np.array_equal(effects.mean, np.zeros(3)) and np.all(np.isfinite(effects.sd))


def test_one_pair_is_refused():
    with pytest.raises(ValueError, match="at least 2 pairs"):
        effect_sizes(np.ones((1, 3)), np.ones((1, 3)))


def test_pair_values_separate_in_and_out():
    mask = np.array([[True, False], [False, True], [True, True], [False, False]])
    inside, outside = pair_values(np.arange(8).reshape(4, 2), mask)
    assert inside.tolist() == [[0, 3], [4, 5]] and outside.tolist() == [[2, 1], [6, 7]]
    with pytest.raises(ValueError, match="complementary"):
        pair_values(np.zeros((2, 2)), np.ones((2, 2), dtype=bool))
    with pytest.raises(ValueError, match="M even"):
        pair_values(np.zeros((3, 2)), np.ones((3, 2), dtype=bool))


def test_sample_statistics():
    rng = np.random.default_rng(5)
    half = rng.random((4, 30)) < 0.5
    mask = np.stack([half, ~half], axis=1).reshape(8, 30)
    margins = (rng.normal(size=(8, 30)) + 2 * mask).astype(np.float32)
    table = sample_statistics(margins, mask, epoch=7)
    assert list(table.columns) == ["epoch", "sample", "d_prime", "p_value"]
    assert (table["epoch"] == 7).all() and table["d_prime"].mean() > 1
    inside, outside = pair_values(margins.astype(np.float64), mask)
    np.testing.assert_allclose(table["p_value"], stats.ttest_rel(inside, outside).pvalue, rtol=1e-9)
