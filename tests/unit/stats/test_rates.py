"""Limits of pooled rates: what they are made of, and whether they hold where the jackknife alone does not."""

import numpy as np
import pytest
from bench_intervals import LEVEL, WORLDS, coverage, rates

from memdyn.stats import jackknife
from memdyn.stats.intervals import clopper_pearson
from memdyn.stats.rates import limits, limits_of_roc

SIZES = np.ones(8)


def drawn(*shape):
    return np.random.default_rng(1).uniform(0.3, 0.5, (9, *shape))


def test_are_the_outermost_of_jackknife_trials_and_luck():
    values, luck = drawn(5), np.array([[0.0, 0.39, 0.2, 0.39, 0.39], [0.41, 0.41, 0.41, 1.0, 0.41]])
    low, high = limits(values, SIZES, 400, LEVEL, luck)
    alone, trials = (
        jackknife.interval(values[0], values[1:], SIZES, LEVEL),
        clopper_pearson(values[0] * 400, 400, LEVEL),
    )
    np.testing.assert_allclose(low, np.clip(np.min([alone[0], trials[0], luck[0]], axis=0), 0, 1))
    np.testing.assert_allclose(high, np.clip(np.max([alone[1], trials[1], luck[1]], axis=0), 0, 1))
    without = limits(values, SIZES, 400, LEVEL)
    assert (without[0] >= low).all() and (without[0] > low).any() and (without[1] < high).any()


@pytest.mark.parametrize(("rate", "end"), [(0.0, 1), (1.0, 0)])
def test_of_nobody_and_of_everybody_there_is_a_width(rate, end):
    """All replicates are alike: the rule of three, here with 2.5 % on its side."""
    found = limits(np.full((9, 1), rate), SIZES, 300, LEVEL)
    assert abs(found[end][0] - rate) == pytest.approx(1 - 0.025 ** (1 / 300)) and found[1 - end][0] == rate


def test_the_auc_is_left_to_the_jackknife():
    """Of samples that stay it varies less than as many independent trials would let it (.4 times here)."""
    values = drawn(2, 3)
    low, high = limits_of_roc(values, SIZES, 20, LEVEL)
    of_auc = jackknife.interval(values[0, :, 0], values[1:, :, 0], SIZES, LEVEL)
    np.testing.assert_allclose([low[:, 0], high[:, 0]], of_auc)
    np.testing.assert_allclose((low[:, 1:], high[:, 1:]), limits(values[..., 1:], SIZES, 20, LEVEL))


def test_without_a_jackknife_there_are_no_limits():
    assert np.isnan(limits(np.array([[0.5]]), np.array([]), 100, LEVEL, np.array([[0.4], [0.6]]))).all()
    replicates = np.array([[0.1], [np.nan], [0.1]])  # where a smaller study has no false positive
    assert np.isnan(limits(replicates, np.ones(2), 100, LEVEL, np.array([[0.0], [0.6]]))).all()


def held(world, n_models, replications, attack="loss", n_samples=100):
    """By the figure, coverage and width."""
    seeds = range(replications)
    found = coverage([rates(world, seed, n_models, n_samples, attack) for seed in seeds])
    return {name: (covered, width) for name, _, covered, width in found}


def test_limits_cover_where_the_jackknife_does_not(replications=100):
    """Of 1,600 non-members .1 % is one false positive, .3 % four, 1 % sixteen."""
    found = held("strong", 32, replications)
    tolerance = 2 * np.sqrt(0.93 * 0.07 / replications)
    for fpr in ("0.001", "0.003", "0.01"):
        assert found[f"TPR at {fpr}"][0] >= 0.93 - tolerance
        assert found[f"TPR at {fpr}"][1] < 2.5
    assert found["TPR at 0.001, jackknife"][0] < 0.88
    assert found["AUC"] == found["AUC, jackknife"] and found["AUC"][0] >= 0.93 - tolerance


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("attack", "n_models", "replications"), [("loss", 16, 200), ("lira", 16, 40)])
def test_limits_cover_in_every_world(world, attack, n_models, replications):
    for name, (covered, _) in held(world, n_models, replications, attack).items():
        if not name.endswith("jackknife"):
            assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications), name
