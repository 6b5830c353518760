"""The best loss threshold of each sample on its reference models: against trying all, and against what is known."""

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.signals import Signals
from memdyn.attacks.tan2023 import CHUNK, Tan2023
from memdyn.stats.roc import auc
from slow_attacks import slow_tan2023
from worlds import gaussian_world

ATTACK = Tan2023()


def of(margins, mask):
    return Signals.of_margins(margins, mask, margins)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize(("n_models", "digits"), [(4, 9), (12, 9), (14, 0), (16, 1)])
def test_agrees_with_trying_every_threshold(folds, n_models, digits):
    """Rounded margins have ties, within and across IN and OUT."""
    world = gaussian_world(n_models, n_models, 60, 1.0, spread=0.8)
    world = of(np.round(world.margins, digits), world.mask)
    np.testing.assert_allclose(ATTACK.score(world, folds), slow_tan2023(world, folds), rtol=1e-12, atol=1e-12)


def test_chunks_do_not_show(monkeypatch):
    world = gaussian_world(3, 16, 50, 1.0)
    whole = ATTACK.score(world, "pairs")
    monkeypatch.setattr("memdyn.attacks.tan2023.CHUNK", 1)
    assert CHUNK > 1
    assert np.array_equal(ATTACK.score(world, "pairs"), whole)


@pytest.mark.parametrize("d_prime", [0.5, 2.0])
def test_known_answer(d_prime):
    """Two normals of one variance: the best threshold lies midway, with TPR - FPR = 2 Phi(d' / 2) - 1."""
    world = gaussian_world(5, 256, 400, d_prime)
    scores_in, scores_out = world.split(ATTACK.score(world, "pairs"))
    advantage = (scores_in >= ATTACK.threshold).mean() - (scores_out >= ATTACK.threshold).mean()
    best = 2 * stats.norm.cdf(d_prime / 2) - 1
    assert best - 0.03 < advantage < best + 0.005


@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_null_models_are_at_chance(folds):
    world = gaussian_world(7, 32, 4000, 0.0)
    scores = ATTACK.score(world, folds)
    per_model = [auc(scores[m][world.mask[m]], scores[m][~world.mask[m]]) for m in range(32)]
    assert abs(np.mean(per_model) - 0.5) < 3 * np.std(per_model) / np.sqrt(32) + 0.002


def test_constant_margins_are_no_evidence_and_no_members():
    world = gaussian_world(1, 16, 30, 0.0)
    scores = ATTACK.score(of(np.full(world.margins.shape, 2.5), world.mask), "pairs")
    assert np.ptp(scores) == 0 and not (scores >= ATTACK.threshold).any()


def test_a_sample_that_parts_its_models_is_cut_midway():
    mask = np.tile([[True], [False]], (4, 1))
    margins = np.where(mask, 3.0, -1.0)
    losses = np.logaddexp(0, -margins)
    expected = np.logaddexp(0, [-3.0, 1.0]).mean() - losses
    np.testing.assert_allclose(ATTACK.score(of(margins, mask), "pairs"), expected)
