"""The classifier of loss trajectories: cross-fitted by halves, deterministic, and what it can know."""

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier

from history_worlds import autoregressive, over_time
from memdyn.attacks.trajectory import TREES, Trajectory
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.roc import auc

ATTACK = Trajectory(10)
RISING = np.linspace(0, 1, 4)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_is_a_classifier_trained_on_the_other_half(folds):
    """A model at a time; rows in the order that the attack has them, IN before OUT."""
    world = autoregressive(0, 12, 40, 0.5, RISING)
    scores, losses = ATTACK.score(world, folds), np.logaddexp(0, -world.arrays["margin_history"][..., ::-1])
    losses = losses.astype(np.float32)
    for model in range(12):
        others = [m for m in range(12) if (m // 2) % 2 != (model // 2) % 2]
        pairs = sorted({m // 2 for m in others})
        rows = [
            losses[2 * p + (world.mask[2 * p, i] != member), i]
            for member in (True, False)
            for p in pairs
            for i in range(40)
        ]
        labels = np.repeat([1, 0], len(rows) // 2)
        slow = HistGradientBoostingClassifier(**TREES).fit(np.array(rows), labels)
        np.testing.assert_array_equal(scores[model], slow.decision_function(losses[model]))


def test_known_answer():
    """Samples that are alike but for membership, so that the classifier's rule is the likelihood ratio of all."""
    effect = np.array([0.0, 1.0])
    world = autoregressive(1, 32, 1500, 0.8, effect, spread=0.0)
    base = world.arrays["margin_history"]
    out = np.where(world.mask[..., None], np.nan, base)
    alike = base - np.nanmean(out, axis=0)  # without what differs between samples
    scores = ATTACK.score(over_time(alike, world.mask, alike[:, :5]), "pairs")
    best = 1 / np.sqrt(1 - 0.8**2)  # Mahalanobis distance of (0, 1) at correlation .8
    found = auc(*world.split(scores))
    assert stats.norm.cdf(best / np.sqrt(2)) - 0.03 < found < stats.norm.cdf(best / np.sqrt(2)) + 0.005


@pytest.mark.parametrize("kind", ["constant", "ties"])
def test_ties_stay_ties(kind):
    world = autoregressive(1, 12, 100, 0.5, RISING, noise="ties")
    history = np.full((12, 100, 4), 2.5) if kind == "constant" else world.arrays["margin_history"]
    scores = ATTACK.score(over_time(history, world.mask, history), "pairs")
    assert np.isfinite(scores).all()
    for half in (0, 1):
        rows = np.flatnonzero(np.repeat(world.half == half, 2))
        same, _ = np.unique(history[rows].reshape(-1, 4), axis=0, return_inverse=True)
        assert len(np.unique(scores[rows])) <= len(same)


def test_the_same_bits_again_and_the_order_of_samples_is_irrelevant():
    world = autoregressive(2, 12, 100, 0.5, RISING)
    scores = ATTACK.score(world, "pairs")
    assert np.array_equal(ATTACK.score(world, "pairs"), scores)
    order = np.random.default_rng(0).permutation(100)
    history = world.arrays["margin_history"][:, order]
    turned = ATTACK.score(over_time(history, world.mask[:, order], history), "pairs")
    np.testing.assert_allclose(turned, scores[:, order], rtol=1e-6, atol=1e-6)


def test_both_halves_need_a_pair():
    with pytest.raises(TooFewModels, match="at least 4 models, got 2"):
        ATTACK.score(autoregressive(0, 2, 10, 0.5, RISING), "pairs")
    ATTACK.score(autoregressive(0, 4, 10, 0.5, RISING), "pairs")
    assert not ATTACK.can_score(np.array([1, 1]), "pairs") and ATTACK.can_score(np.array([0, 1, 1]), "pairs")
