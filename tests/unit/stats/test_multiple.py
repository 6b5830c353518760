"""The paired t test, Benjamini-Hochberg, Holm: by hand and against scipy."""

import numpy as np
from scipy import stats

from memdyn.stats.multiple import benjamini_hochberg, holm, paired_t


def test_paired_t():
    differences = np.random.default_rng(2).normal(0.3, 1, (12, 40))
    np.testing.assert_allclose(paired_t(differences), stats.ttest_1samp(differences, 0).pvalue, atol=1e-12)
    assert paired_t(np.zeros((12, 1)))[0] == 1
    assert paired_t(np.ones((12, 1)))[0] == 0


def test_benjamini_hochberg():
    p = np.random.default_rng(0).random(200) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), atol=1e-15)


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_array_equal(holm(np.array([0.9, 0.8])), [1, 1])


def test_null_is_uniform():
    """Under the hypothesis a p-value below a has probability at most a."""
    differences = np.random.default_rng(5).normal(size=(10, 4000))
    p = paired_t(differences)
    for level in (0.01, 0.05, 0.2):
        assert abs((p <= level).mean() - level) < 4 * np.sqrt(level / 4000)
