"""Pure noise has AUC one half, and why pairs are left out instead of models."""

import numpy as np
import pytest
from scipy import stats
from test_crossfit import ATTACKS, label
from worlds import gaussian_world

from memdyn.attacks.base import build
from memdyn.stats.roc import auc

WORLDS, SAMPLES = 20, 2000


@pytest.mark.parametrize("n_models", [8, 16, 32])
@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_pure_noise_gives_one_half(options, folds, n_models):
    attack, values = build(options), []
    for seed in range(WORLDS):
        world = gaussian_world(seed, n_models, SAMPLES, 0.0, n_population=200)
        values.append(auc(*world.split(attack.score(world, folds))))
    assert np.mean(values) == pytest.approx(0.5, abs=0.005)


def leave_one_model_out(world):
    """What other tools do: all models but the scored one calibrate it, its complement among them."""
    scores = np.empty(world.signal.shape)
    for model in range(len(scores)):
        laws = []
        for member in (True, False):
            chosen = (world.mask == member) & (np.arange(len(scores)) != model)[:, None]
            values = np.ma.array(world.signal, mask=~chosen)
            laws.append(stats.norm(values.mean(axis=0).data, values.std(axis=0, ddof=1).data))
        scores[model] = laws[0].logpdf(world.signal[model]) - laws[1].logpdf(world.signal[model])
    return scores


@pytest.mark.parametrize(("n_models", "expected"), [(8, 0.435), (16, 0.487)])
def test_leaving_one_model_out_is_biased(n_models, expected):
    """On pure noise the group sizes betray the left-out model's membership: why a pair is left out."""
    values = []
    for seed in range(10):
        world = gaussian_world(seed, n_models, SAMPLES, 0.0)
        values.append(auc(*world.split(leave_one_model_out(world))))
    assert np.mean(values) == pytest.approx(expected, abs=0.01)
    assert np.mean(values) < 0.5 - 0.01
