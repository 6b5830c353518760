"""RMIA by sorting: against the n x Z matrix, and the raw ratio's ROC."""

import itertools

import numpy as np
import pytest
from slow_attacks import slow_rmia
from worlds import gaussian_world

from memdyn.attacks.inputs import Inputs
from memdyn.attacks.rmia import RMIA
from memdyn.stats.roc import auc


@pytest.mark.parametrize(
    ("mode", "folds", "gamma", "a"),
    list(itertools.product(("online", "offline"), ("pairs", "halves"), (1.0, 2.0), (0.3, 0.9))),
)
@pytest.mark.parametrize("n_models", [8, 10])
def test_agrees_with_the_matrix(mode, folds, gamma, a, n_models):
    world = gaussian_world(n_models, n_models, 60, 1.0, n_population=70)
    attack = RMIA(mode, a, gamma)
    scores, ratios = slow_rmia(world, folds, mode, a, gamma)
    np.testing.assert_allclose(attack.score(world, folds), scores, rtol=0, atol=1e-9)
    np.testing.assert_allclose(attack.raw_ratio(world, folds), np.log(ratios), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_raw_ratio_has_the_same_roc_per_model(mode, folds):
    """The score is a step function of the raw ratio: the same order, and every point of its ROC is one of theirs."""
    world = gaussian_world(3, 8, 300, 1.0, n_population=200)
    attack = RMIA(mode, 0.3, 1.0)
    scores, ratios = attack.score(world, folds), attack.raw_ratio(world, folds)
    for score, ratio, mask in zip(scores, ratios, world.mask, strict=True):
        assert len(np.unique(ratio)) == len(ratio) > len(np.unique(score))
        assert (np.diff(score[np.argsort(ratio)]) >= 0).all()
        for level in np.unique(score):
            called = score >= level
            np.testing.assert_array_equal(ratio >= ratio[called].min(), called)
        assert auc(ratio[mask], ratio[~mask]) == pytest.approx(auc(score[mask], score[~mask]), abs=0.01)


def test_with_a_dense_population_both_rocs_are_one():
    world = gaussian_world(4, 8, 100, 1.0, n_population=1)
    rng = np.random.default_rng(0)
    dense = Inputs.of(world.signal, world.mask, rng.normal(1, 2, (8, 400_000)))
    attack = RMIA("online", 0.3, 1.0)
    for score, ratio, mask in zip(
        attack.score(dense, "pairs"), attack.raw_ratio(dense, "pairs"), world.mask, strict=True
    ):
        assert auc(score[mask], score[~mask]) == pytest.approx(auc(ratio[mask], ratio[~mask]), abs=1e-3)


def test_signal_is_the_log_probability():
    margins = np.array([-800.0, -30, -1, 0, 1, 30])
    np.testing.assert_allclose(RMIA("online", 0.3, 2.0).signal(margins)[1:], -np.logaddexp(0, -margins[1:]), rtol=1e-9)
    assert RMIA("online", 0.3, 2.0).signal(margins)[0] == -800


def test_gamma_asks_for_more():
    world = gaussian_world(5, 8, 100, 1.0)
    low, high = (RMIA("online", 0.3, gamma).score(world, "pairs") for gamma in (1.0, 4.0))
    assert (low >= high).all()
    assert (low > high).any()


def test_members_are_seen():
    world = gaussian_world(6, 32, 500, 1.0, n_population=500)
    for mode in ("online", "offline"):
        assert auc(*world.split(RMIA(mode, 0.3, 2.0).score(world, "pairs"))) > 0.6


def test_too_few_models_are_refused():
    with pytest.raises(ValueError, match="at least 4 models, got 2"):
        RMIA("online", 0.3, 2.0).score(gaussian_world(0, 2, 10, 0.0), "pairs")
    for folds in ("pairs", "halves"):
        RMIA("offline", 0.3, 2.0).score(gaussian_world(0, 4, 10, 0.0), folds)
