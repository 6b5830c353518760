"""The sum of LiRA's log ratios over checkpoints."""

import numpy as np
import pytest
from scipy import stats

from history_worlds import autoregressive, over_time
from memdyn.attacks.lira import LiRA
from memdyn.attacks.log_ratio_sum import LogRatioSum
from memdyn.attacks.signals import Signals
from memdyn.stats.roc import auc
from slow_attacks import slow_lira

RISING = np.linspace(0, 1, 4)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("variance", ["per_sample", "global", "shrunken"])
def test_is_the_sum_over_checkpoints(folds, variance):
    world = autoregressive(0, 12, 50, 0.5, RISING, spread=0.8)
    history = world.arrays["margin_history"]
    at = [Signals.of_margins(history[..., t], world.mask, history[:, :5, t]) for t in range(4)]
    expected = sum(slow_lira(signals, folds, "online", variance) for signals in at)
    np.testing.assert_allclose(LogRatioSum(variance, 10).score(world, folds), expected, rtol=1e-8, atol=1e-8)
    two = sum(slow_lira(at[t], folds, "online", variance) for t in (0, 3))  # the first and the last
    np.testing.assert_allclose(LogRatioSum(variance, 2).score(world, folds), two, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_at_one_checkpoint_it_is_lira(folds):
    world = autoregressive(0, 12, 30, 0.5, RISING)
    one = over_time(world.margins[..., None], world.mask, world.margins[:, :5, None])
    expected = LiRA("online", "per_sample").score(world, folds)
    assert np.array_equal(LogRatioSum("per_sample", 10).score(one, folds), expected)


def test_known_answer():
    """Independent checkpoints: the best attack there is, AUC = Phi(|d| / sqrt 2), but for what is estimated."""
    effect = np.full(4, 0.5)
    world = autoregressive(1, 128, 500, 0.0, effect)
    found = auc(*world.split(LogRatioSum("shrunken", 10).score(world, "pairs")))
    assert stats.norm.cdf(1 / np.sqrt(2)) - 0.035 < found < stats.norm.cdf(1 / np.sqrt(2)) + 0.004


def test_constant_margins_are_no_evidence():
    world = autoregressive(1, 12, 20, 0.5, RISING)
    flat = np.full((12, 20, 4), 2.5)
    scores = LogRatioSum("shrunken", 10).score(over_time(flat, world.mask, flat), "pairs")
    assert np.isfinite(scores).all() and np.ptp(scores) < 1e-6
