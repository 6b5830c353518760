"""Effect sizes on synthetic worlds with known d': the most vulnerable, IN variances of their own, correlated models."""

import numpy as np
import pytest
from scipy import stats

from memdyn.dynamics.binormal import tpr_quantiles
from memdyn.dynamics.dprime import effect_sizes, smooth_auc, smooth_rates
from memdyn.dynamics.pairs import pair_values

ALPHA = 0.001


def world(
    d_prime: np.ndarray,
    pairs: int,
    nu0: float,
    rng: np.random.Generator,
    *,
    ratio: np.ndarray | float = 1.0,
    draw=None,
    within: float = 0.0,
    shared: float = 0.0,
):
    """IN and OUT margins [pairs, n]; OUT variances are scaled inverse chi-square with nu0 degrees and s0 = 1.5.

    Args:
        ratio: s_in / s_out; d' is in units of their root mean square.
        draw: standardised noise (rng, shape); normal if None.
        within: minus the correlation of a pair's IN and OUT margin.
        shared: standard deviation of what a model moves all its margins by, in those of the samples.
    """
    n = len(d_prime)
    s_out = 1.5 * np.sqrt(nu0 / rng.chisquare(nu0, n))
    base = rng.normal(3, 2, n)
    noise = draw or (lambda rng, shape: rng.normal(size=shape))
    own_in, own_out = noise(rng, (pairs, n)), noise(rng, (pairs, n))
    common = np.sqrt(within) * rng.normal(size=(pairs, n))
    models = shared * rng.normal(size=(2, pairs, 1))
    inside = np.sqrt(1 - within - shared**2) * own_in + common + models[0]
    outside = np.sqrt(1 - within - shared**2) * own_out - common + models[1]
    rms = s_out * np.sqrt((1 + np.square(ratio)) / 2)
    return base + rms * d_prime + ratio * s_out * inside, base + s_out * outside


def true_tpr(d_prime: np.ndarray, ratio: np.ndarray | float) -> np.ndarray:
    root = np.sqrt((1 + np.square(ratio)) / 2)
    return stats.norm.cdf((root * d_prime - stats.norm.isf(ALPHA)) / ratio)


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
    # what a normal prior of the true mean and variance allows, at a known sigma
    best = 1 / (1 / 0.25 + pairs / 2)
    assert error < 1.15 * best + 0.002
    assert np.mean(np.abs(effects.mean - truth) < 1.96 * effects.sd) == pytest.approx(0.95, abs=0.02)
    low, high = effects.limits(0.95)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("pairs", "bias", "top_covered"), [(8, 0.5, 0.87), (16, 0.3, 0.9), (32, 0.2, 0.91)])
def test_the_most_vulnerable_are_not_pulled_to_the_others(pairs, bias, top_covered, capsys):
    """d' ~ Gamma(.5, 1.2), 4,000 samples, 5 worlds; the true top 5 % and those with the largest estimates.

    Samples that are chosen by the truth are covered less than 95 % by any right prior, those chosen by the estimate are
    not. A normal prior has a bias of -.74 / -.44 / -.26 and covers .67 / .78 / .86 of the true top 5 %.
    """
    rows = []
    for seed in range(5):
        rng = np.random.default_rng([4, pairs, seed])
        truth = rng.gamma(0.5, 1.2, 4000)
        effects = effect_sizes(*world(truth, pairs, 11.0, rng))
        low, high = effects.limits(0.95)
        covered, error = (low <= truth) & (truth <= high), effects.mean - truth
        top, chosen = np.argsort(truth)[-200:], np.argsort(effects.mean)[-200:]
        first = np.argsort(effects.mean)[-40:]
        picks = (slice(None), top, chosen, first)
        rows.append([*(covered[pick].mean() for pick in picks), error[top].mean(), error[chosen].mean()])
    every, of_top, of_chosen, of_first, top_bias, chosen_bias = np.mean(rows, axis=0)
    with capsys.disabled():
        print(
            f"\nM = {2 * pairs}: covered {every:.3f}; true top 5 % {of_top:.3f}, bias {top_bias:+.2f}; top 5 % by "
            f"estimate {of_chosen:.3f}, bias {chosen_bias:+.2f}; top 1 % by estimate {of_first:.3f}"
        )
    assert 0.94 < every < 0.98 and of_top > top_covered and top_bias > -bias
    assert of_chosen > 0.92 and of_first > 0.89 and abs(chosen_bias) < 0.1


@pytest.mark.parametrize("ratio", [1.0, 0.75, 1.3, "with d'", "by itself"])
@pytest.mark.parametrize("pairs", [8, 32])
def test_tpr_of_margins_with_variances_of_their_own(pairs, ratio, capsys):
    """TPR at .1 %, of all samples and of the top 5 % by estimate; 3 worlds of 4,000.

    With one standard deviation for IN and OUT, limits cover .39 / .09 where s_in = .75 s_out, .52 / .32 where the ratio
    falls with d' as in trained networks.
    """
    rows = []
    for seed in range(3):
        rng = np.random.default_rng([5, pairs, seed])
        truth = rng.gamma(0.5, 1.2, 4000)
        r = {
            "with d'": np.exp(-0.08 - 0.4 * np.arcsinh(truth) + 0.2 * rng.normal(size=4000)),
            "by itself": 0.85 * np.exp(0.25 * rng.normal(size=4000)),
        }.get(ratio, ratio)
        effects = effect_sizes(*world(truth, pairs, 11.0, rng, ratio=r))
        tpr, expected = smooth_rates(effects, ALPHA), true_tpr(truth, r)
        posterior = effects.posterior.widened(effects.shared_error)
        low, high = tpr_quantiles(posterior, effects.ratio, ALPHA, (0.025, 0.975))
        covered, chosen = (low <= expected) & (expected <= high), np.argsort(tpr)[-200:]
        auc = smooth_auc(effects).mean() - stats.norm.cdf(truth / np.sqrt(2)).mean()
        rows.append(
            [covered.mean(), covered[chosen].mean(), tpr.mean() / expected.mean(),
             tpr[chosen].mean() / expected[chosen].mean(), auc]
        )  # fmt: skip
    every, of_chosen, mean, mean_chosen, auc = np.mean(rows, axis=0)
    with capsys.disabled():
        print(
            f"\nM = {2 * pairs}, s_in / s_out {ratio}: covered {every:.3f}, top {of_chosen:.3f}; "
            f"mean TPR over the true {mean:.2f}, top {mean_chosen:.2f}"
        )
    assert every > 0.92 and of_chosen > 0.89
    assert mean == pytest.approx(1, abs=0.15) and mean_chosen == pytest.approx(1, abs=0.1)
    assert abs(auc) < 0.01


NOISES = {
    "normal": None,
    "heavy": lambda rng, shape: rng.standard_t(5, shape) / np.sqrt(5 / 3),
    "skewed": lambda rng, shape: (rng.gamma(4, size=shape) - 4) / 2,
    "ties": lambda rng, shape: np.round(2 * rng.normal(size=shape)) / 2,
}


@pytest.mark.parametrize("noise", NOISES)
def test_null_world_does_not_invent_leakage_at_small_fpr(noise, capsys):
    """Mean of 6 worlds, with the two models of a pair correlated as real ones are."""
    found = []
    for seed in range(6):
        rng = np.random.default_rng([6, seed])
        effects = effect_sizes(*world(np.zeros(2_000), 8, 10.0, rng, draw=NOISES[noise], within=0.25))
        rates = smooth_rates(effects, ALPHA)
        raw = stats.norm.cdf(stats.norm.ppf(ALPHA) + effects.raw)
        found.append([rates.mean(), raw.mean(), smooth_auc(effects).mean(), np.abs(effects.mean).mean()])
    mean, raw, auc, size = np.mean(found, axis=0)
    with capsys.disabled():
        print(f"\n{noise}: mean TPR at .1 %: {mean:.5f}, of raw d' {raw:.4f}; mean |d'| {size:.3f}")
    assert raw > 0.002, "what the shrinkage is for"
    assert mean == pytest.approx(ALPHA, rel=0.25)
    assert auc == pytest.approx(0.5, abs=0.01) and size < 0.05


def test_correlated_pairs_are_noisier_than_independent_ones():
    """Var(difference) = 2 (1 - rho) / P: without it, a correlation of -.3 passes for a spread of d'."""
    for within, most in ((0.0, 0.08), (0.3, 0.1)):
        spread = [
            effect_sizes(*world(np.zeros(4000), 8, 10.0, np.random.default_rng([7, seed]), within=within)).prior_sd
            for seed in range(6)
        ]
        assert np.mean(spread) < most
    rng = np.random.default_rng(8)
    truth = rng.normal(0.5, 0.5, 4000)
    low, high = effect_sizes(*world(truth, 8, 10.0, rng, within=0.3)).limits(0.95)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)


def test_what_models_share_enters_the_limits(capsys):
    """A model that moves all its margins moves all d': of 200 worlds without effect, 95 % have 0 within."""
    covered = []
    for seed in range(200):
        rng = np.random.default_rng([9, seed])
        low, high = effect_sizes(*world(np.zeros(200), 8, 10.0, rng, shared=0.4)).limits(0.95)
        covered.append(np.mean((low <= 0) & (high >= 0)))
    with capsys.disabled():
        print(f"\ncovered, models that move all their margins: {np.mean(covered):.3f}")
    assert 0.92 < np.mean(covered) < 0.99


def test_posterior_means_keep_the_order_of_the_estimates():
    """The prior alone never changes it; the ratio of standard deviations hardly does."""
    rng = np.random.default_rng(10)
    truth = rng.gamma(0.5, 1.2, 2000)
    effects = effect_sizes(*world(truth, 8, 11.0, rng))
    assert stats.spearmanr(effects.raw, effects.mean)[0] > 0.9999
    falling = np.exp(-0.3 * np.arcsinh(truth))
    effects = effect_sizes(*world(truth, 8, 11.0, rng, ratio=falling))
    assert stats.spearmanr(effects.raw, effects.mean)[0] > 0.998


def test_the_same_margins_give_the_same_numbers():
    margins = world(np.random.default_rng(11).gamma(0.5, 1.2, 300), 8, 11.0, np.random.default_rng(11))
    first, again = effect_sizes(*margins), effect_sizes(*margins)
    np.testing.assert_array_equal(first.mean, again.mean)
    moved = effect_sizes(*(7 + 3 * values for values in margins))
    np.testing.assert_allclose(moved.mean, first.mean, rtol=1e-6, atol=1e-9)


def test_constant_margins_have_no_effect():
    effects = effect_sizes(np.ones((4, 3)), np.ones((4, 3)))
    assert np.abs(effects.mean).max() < 1e-12 and np.all(np.isfinite(effects.sd))
    assert np.array_equal(effects.raw, np.zeros(3))
    np.testing.assert_allclose(smooth_rates(effects, ALPHA), ALPHA, rtol=0.1)


@pytest.mark.parametrize(("pairs", "n"), [(2, 1), (2, 40), (3, 2), (8, 1)])
def test_few_pairs_or_samples(pairs, n):
    effects = effect_sizes(*world(np.full(n, 2.0), pairs, 10.0, np.random.default_rng([12, pairs, n])))
    low, high = effects.limits(0.95)
    assert np.all(np.isfinite([effects.mean, effects.sd, low, high, smooth_rates(effects, ALPHA)]))
    assert np.all((low <= effects.mean) & (effects.mean <= high)) and np.all(high - low > 0.1)


def test_one_pair_is_refused():
    with pytest.raises(ValueError, match="at least 4 models, got 2"):
        effect_sizes(np.ones((1, 3)), np.ones((1, 3)))


def test_pair_values_separate_in_and_out():
    mask = np.array([[True, False], [False, True], [True, True], [False, False]])
    inside, outside = pair_values(np.arange(8).reshape(4, 2), mask)
    assert inside.tolist() == [[0, 3], [4, 5]] and outside.tolist() == [[2, 1], [6, 7]]
    with pytest.raises(ValueError, match="complementary"):
        pair_values(np.zeros((2, 2)), np.ones((2, 2), dtype=bool))
    with pytest.raises(ValueError, match="M even"):
        pair_values(np.zeros((3, 2)), np.ones((3, 2), dtype=bool))
