"""Thresholds that luck may have made: of independent scores they hold the true one as often as they say."""

import numpy as np
import pytest
from scipy.stats import expon

from memdyn.stats.roc import cuts_at_fprs
from memdyn.stats.threshold_luck import fprs_by_chance


@pytest.mark.parametrize(
    ("fpr", "n_out"), [(0.001, 2100), (0.001, 2400), (0.001, 4000), (0.01, 600), (0.01, 2100), (0.1, 300), (0.5, 40)]
)
def test_the_true_threshold_lies_between(fpr, n_out, replications=2000):
    scores = np.random.default_rng(0).exponential(size=(replications, n_out))
    low, high = fprs_by_chance(np.array([fpr]), n_out, 0.95)[:, 0]
    assert low <= fpr <= high
    cuts = np.array([cuts_at_fprs(each, np.array([max(low, 0), high])) for each in scores])
    highest = cuts[:, 0] if low >= 0 else np.inf  # nobody is called a member
    truth = expon.isf(fpr)
    covered = ((cuts[:, 1] <= truth) & (truth <= highest)).mean()
    assert covered >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / replications)
