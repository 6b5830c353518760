"""Thresholds that luck may have made: of independent scores they hold the true one as often as they say."""

import numpy as np
import pytest
from scipy.stats import expon

from memdyn.stats.roc import cuts_at_fprs
from memdyn.stats.threshold_luck import fprs_by_chance


@pytest.mark.parametrize(("fpr", "n_out"), [(0.001, 2100), (0.01, 2100), (0.1, 300), (0.5, 40)])
def test_the_true_threshold_lies_between(fpr, n_out, replications=2000):
    scores = np.random.default_rng(0).exponential(size=(replications, n_out))
    low, high = fprs_by_chance(np.array([fpr]), n_out, 0.95)[:, 0]
    assert low <= fpr <= high
    cuts = np.array([cuts_at_fprs(each, np.array([low, high])) for each in scores])
    truth = expon.isf(fpr)
    # with no false positive allowed the cut is the largest score, and the truth may lie beyond it
    covered = ((cuts[:, 1] <= truth) & ((truth <= cuts[:, 0]) | (low == 0))).mean()
    assert covered >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / replications)
