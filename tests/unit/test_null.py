"""Pure noise has AUC one half, and why pairs are left out instead of models."""

import numpy as np
import pytest
from scipy import stats
from test_crossfit import ATTACKS, label
from worlds import gaussian_world

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import swaps
from memdyn.stats.roc import auc
from memdyn.stats.simultaneous import null_test

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


@pytest.mark.slow
def test_honest_runs_pass_the_simultaneous_test():
    """On real signal, members swapped at random: the p-value of the run's null test is uniform, also for 8 models."""
    attacks, p_values = [build(options) for options in ATTACKS if options.get("mode") != "offline"], []
    for seed in range(60):
        world = gaussian_world(seed, 8, 300, 1.5, model_effect=0.3)
        swapped = [world.swap(swaps(4, 300, seed, draw)) for draw in range(20)]
        aucs = np.array([[auc(*inputs.split(a.score(inputs, "pairs"))) for a in attacks] for inputs in swapped])
        p_values.append(null_test(aucs, alpha=0.01, tolerance=0.01, flips=199, seed=0).p_value)
    for level in (0.05, 0.2, 0.5):
        assert abs(np.mean(np.array(p_values) <= level) - level) < 3.5 * np.sqrt(level * (1 - level) / 60)
