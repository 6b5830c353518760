"""Difficulty calibration: against a loop over models, and what is known of it."""

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.difficulty_calibration import DifficultyCalibration
from memdyn.attacks.signals import Signals
from memdyn.stats.roc import auc
from slow_calibrated import slow_difficulty
from worlds import gaussian_world


@pytest.mark.parametrize("signal", ["margin", "loss"])
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("n_models", [4, 10])
def test_agrees_with_a_loop_over_models(signal, folds, n_models):
    world = gaussian_world(n_models, n_models, 30, 1.0)
    found = DifficultyCalibration(signal).score(world, folds)
    np.testing.assert_allclose(found, slow_difficulty(world, folds, signal), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("n_models", "d_prime"), [(8, 1.0), (64, 0.5), (64, 2.0)])
def test_known_answer(n_models, d_prime):
    """Alike samples: what is left is N(d', 1 + 1/R) and N(0, 1 + 1/R), R reference pairs."""
    world = gaussian_world(3, n_models, 6000, d_prime, spread=0.0)
    expected = stats.norm.cdf(d_prime / np.sqrt(2 * (1 + 1 / (n_models // 2 - 1))))
    assert auc(*world.split(DifficultyCalibration("margin").score(world, "pairs"))) == pytest.approx(
        expected, abs=0.006
    )


def test_samples_of_other_means_no_longer_hide_members():
    world = gaussian_world(4, 32, 2000, 1.0)
    plain = auc(*world.split(world.margins))
    assert auc(*world.split(DifficultyCalibration("margin").score(world, "pairs"))) > plain + 0.1


@pytest.mark.parametrize("signal", ["margin", "loss"])
def test_equal_margins_are_exactly_no_evidence(signal):
    world = gaussian_world(1, 16, 30, 0.0)
    of_samples = np.broadcast_to(np.linspace(-3, 1 / 3, 30), world.mask.shape)
    equal = Signals.of_margins(of_samples, world.mask, world.population["margin"])
    for folds in ("pairs", "halves"):
        assert (DifficultyCalibration(signal).score(equal, folds) == 0).all()


def test_an_unknown_signal_is_refused():
    with pytest.raises(ValueError, match="unknown signal 'gap'; allowed: loss, margin"):
        DifficultyCalibration("gap").score(gaussian_world(0, 8, 10, 0.0), "pairs")
