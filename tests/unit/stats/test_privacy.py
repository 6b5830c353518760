"""The bound of differential privacy on attacks: by hand, and of a mechanism whose best attack is known."""

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.stats.privacy import tpr_bound


def test_by_hand():
    """e^eps FPR + delta at small FPRs, and the other side at large ones."""
    found = tpr_bound([0, 0.1, 0.5, 1], [np.log(2)], [0.05])
    assert found == pytest.approx([0.05, 0.25, 1 - 0.5 * (1 - 0.05 - 0.5), 1])


def test_each_pair_bounds_and_none_is_no_bound():
    both = tpr_bound([0.001, 0.3], [3.0, 0.5], [1e-6, 0.1])
    assert both == pytest.approx([np.exp(3) * 0.001 + 1e-6, min(1 - np.exp(-0.5) * 0.6, np.exp(0.5) * 0.3 + 0.1)])
    assert tpr_bound([0.0, 0.2], [np.inf], [1e-5]).tolist() == [1, 1] == tpr_bound([0.0, 0.2], [], []).tolist()
    assert tpr_bound([0.0, 0.2, 1], [0.0], [0.0]).tolist() == [0, 0.2, 1]
    assert tpr_bound([0.2], [1e6], [1e-5]).tolist() == [1]


def test_the_gaussian_mechanism_is_bounded_and_nearly_reached():
    """Its best attack has TPR = Phi(Phi^-1(FPR) + mu) (Dong et al. 2022); its curve of (epsilon, delta) is known."""
    mu, fpr = 1.3, np.geomspace(1e-4, 0.999, 50)
    best = norm.cdf(norm.ppf(fpr) + mu)
    for count, slack in ((3, 0.3), (200, 2e-3)):
        eps = np.linspace(0, 6, count)
        delta = norm.cdf(-eps / mu + mu / 2) - np.exp(eps) * norm.cdf(-eps / mu - mu / 2)
        bound = tpr_bound(fpr, eps, delta)
        assert (bound >= best - 1e-12).all() and (bound - best).max() < slack
