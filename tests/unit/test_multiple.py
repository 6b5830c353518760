"""Sign-flip and t tests, Benjamini-Hochberg, Holm: against enumeration and scipy."""

import itertools

import numpy as np
import pytest
from scipy import stats

from memdyn.stats.multiple import benjamini_hochberg, holm, paired_t, sign_flip


def enumerate_flips(differences, alternative):
    signs = np.array(list(itertools.product([1, -1], repeat=len(differences))))
    sums, observed = signs @ differences, differences.sum(axis=0)
    if alternative == "two-sided":
        sums, observed = np.abs(sums), np.abs(observed)
    return (sums >= observed - 1e-9).mean(axis=0)


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
@pytest.mark.parametrize("n_pairs", [1, 2, 5, 8, 11])
def test_sign_flip_is_exact(n_pairs, alternative):
    rng = np.random.default_rng(n_pairs)
    differences = np.concatenate(
        [rng.normal(0.3, 1, (n_pairs, 30)), rng.integers(-2, 3, (n_pairs, 30)), np.zeros((n_pairs, 1))], axis=1
    )
    p = sign_flip(differences, alternative, draws=0, seed=0)
    np.testing.assert_allclose(p, enumerate_flips(differences, alternative), atol=1e-12)


def test_smallest_p():
    assert sign_flip(np.ones((16, 1)), "greater", draws=0, seed=0)[0] == 2.0**-16
    assert sign_flip(np.ones((16, 1)), "two-sided", draws=0, seed=0)[0] == 2.0**-15


def test_many_pairs_are_drawn():
    rng = np.random.default_rng(0)
    differences = rng.normal(0.2, 1, (40, 50))
    drawn = sign_flip(differences, "greater", draws=4000, seed=1)
    np.testing.assert_allclose(drawn, paired_t(differences, "greater"), atol=0.03)
    assert sign_flip(np.ones((40, 1)), "greater", draws=99, seed=1)[0] == 0.01


@pytest.mark.parametrize("alternative", ["greater", "two-sided"])
def test_paired_t(alternative):
    differences = np.random.default_rng(2).normal(0.3, 1, (12, 40))
    expected = stats.ttest_1samp(differences, 0, alternative=alternative).pvalue
    np.testing.assert_allclose(paired_t(differences, alternative), expected, atol=1e-12)
    assert paired_t(np.zeros((12, 1)), alternative)[0] == 1
    assert paired_t(np.ones((12, 1)), alternative)[0] == 0


def test_unknown_alternative():
    for test in (lambda d: paired_t(d, "less"), lambda d: sign_flip(d, "less", draws=0, seed=0)):
        with pytest.raises(ValueError, match="greater, two-sided"):
            test(np.ones((4, 2)))


def test_benjamini_hochberg():
    p = np.random.default_rng(0).random(200) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), atol=1e-15)


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_array_equal(holm(np.array([0.9, 0.8])), [1, 1])


def test_null_is_uniform():
    """Under the hypothesis a p-value below a has probability at most a."""
    differences = np.random.default_rng(5).normal(size=(10, 4000))
    for p in (sign_flip(differences, "greater", draws=0, seed=0), paired_t(differences, "two-sided")):
        for level in (0.01, 0.05, 0.2):
            assert abs((p <= level).mean() - level) < 4 * np.sqrt(level / 4000)
