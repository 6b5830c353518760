"""Precision at priors: Bayes by counting, limits that cover, and edges without false alarms or without any call."""

import numpy as np
import pytest

from memdyn.stats.intervals import clopper_pearson
from memdyn.stats.precision import at_prior, even_precision


@pytest.mark.parametrize("prior", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize(("tpr", "fpr"), [(0.5, 0.01), (0.2, 0.2), (0.0, 0.1), (1.0, 0.0)])
def test_bayes_by_counting(prior, tpr, fpr):
    asked = 1_000_000
    right, wrong = asked * prior * tpr, asked * (1 - prior) * fpr
    assert at_prior(tpr / (tpr + fpr), prior) == pytest.approx(right / (right + wrong))


def test_guessing_is_the_prior():
    np.testing.assert_allclose(at_prior(0.5, [0.01, 0.1, 0.5]), [0.01, 0.1, 0.5])


def test_edges():
    tpr = np.array([[0.1, 0.0, 0.0]] * 5)
    fpr = np.array([[0.0, 0.1, 0.0]] * 5)
    value, low, high = even_precision(tpr, fpr, np.ones(4), np.array(100), 0.95)
    np.testing.assert_array_equal(value, [1, 0, np.nan])
    least = clopper_pearson(np.array([10.0, 0.0]), np.array([10.0, 10.0]), 0.95)
    assert low[0] <= least[0][0] and high[0] == 1 and low[1] == 0 and high[1] >= least[1][1]
    assert np.isnan([low[2], high[2]]).all()
    none = even_precision(tpr[:1], fpr[:1], np.ones(0), np.array(100), 0.95)
    assert none[0][0] == 1 and np.isnan(none[1]).all() and np.isnan(none[2]).all()


@pytest.mark.parametrize("effect", [0.0, 1.0], ids=["alike", "apart"])
@pytest.mark.parametrize(("tpr", "fpr"), [(0.02, 0.001), (0.2, 0.01), (0.01, 0.01)])
def test_limits_cover(effect, tpr, fpr, replications=1000):
    """95 % nominal; 8 groups of 500 positives and negatives, whose rates differ by a factor or not."""
    rng, n, groups = np.random.default_rng(0), 500, 8
    factor = np.exp(effect * rng.normal(size=(replications, groups, 1)) - effect**2 / 2)
    counts = rng.binomial(n, np.clip(np.array([tpr, fpr]) * factor, 0, 1))
    truth = tpr / (tpr + fpr)
    covered, known = 0, 0
    for each in counts:
        total = each.sum(axis=0)
        rates = np.vstack([total / (n * groups), (total - each) / (n * (groups - 1))])
        _, low, high = even_precision(rates[:, 0], rates[:, 1], np.ones(groups), np.array(n * groups), 0.95)
        covered, known = covered + bool(low <= truth <= high), known + (not np.isnan(low))
    assert known > 0.98 * replications and covered / known >= 0.93
