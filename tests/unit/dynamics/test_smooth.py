"""Parametric operating points: recovered within their limits, and their tables."""

import numpy as np
import pytest
from scipy import stats

from dynamic_worlds import TAILS, dynamic_world
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.smooth import SmoothOptions, mean_points, operating_points, smooth_tables

OPTIONS = SmoothOptions((0.001, 0.01), 0.95, 16, TAILS)


def test_operating_points_are_recovered_within_their_limits(capsys):
    rng = np.random.default_rng(1)
    d_prime = np.random.default_rng(0).normal(1.0, 0.7, 4000)
    deviation = np.exp(0.4 * rng.normal(size=4000))
    inside, outside = (deviation * rng.normal(size=(16, 4000)) for _ in range(2))
    points = operating_points(effect_sizes(inside + deviation * d_prime, outside), (0.001, 0.01), 0.95)
    truth = {"d_prime": d_prime, "auc": stats.norm.cdf(d_prime / np.sqrt(2))}
    truth |= {f"tpr_at_fpr_{a:g}": stats.norm.cdf(stats.norm.ppf(a) + d_prime) for a in (0.001, 0.01)}
    for name, expected in truth.items():
        low, high = points[f"{name}_low"], points[f"{name}_high"]
        covered = np.mean((low <= expected) & (expected <= high))
        with capsys.disabled():
            print(f"\n{name}: mean {points[name].mean():.4f}, truth {expected.mean():.4f}, covered {covered:.3f}")
        assert covered > 0.93 and np.all(low <= high)
        assert points[name].mean() == pytest.approx(expected.mean(), rel=0.05)


def test_too_few_samples_leave_it_undecided():
    """0.8 margins are expected so far out; where there is none, the jackknife has no width."""
    none = 0
    for seed in range(8):
        world = dynamic_world(seed, 16, np.zeros((1, 100)), np.zeros((1, 100)))
        decisions = smooth_tables(world, OPTIONS)["tail_verdicts"]
        assert (decisions["verdict"] == "undecided").all()
        none += (decisions["ratio_high"] == 0).sum()
    assert none > 0, "no world tests the case"


def test_tables():
    world = dynamic_world(5, 16, np.array([[0.0], [2.0]]) * np.ones(300), np.zeros((2, 300)))
    tables = smooth_tables(world, OPTIONS)
    smooth = tables["smooth"].set_index(["part", "epoch"])
    assert len(smooth) == 2 * (300 + 20)
    assert list(smooth.columns[:5]) == ["sample", "d_prime", "d_prime_sd", "d_prime_low", "d_prime_high"]
    assert np.all(smooth["d_prime_low"] <= smooth["d_prime_high"])
    assert smooth.loc[("scored", 1), "auc"].mean() == pytest.approx(stats.norm.cdf(np.sqrt(2)), abs=0.02)
    assert smooth.loc[("sham", 1), "auc"].mean() == pytest.approx(0.5, abs=0.03)
    assert smooth.loc[("sham", 1), "sample"].tolist() == list(range(300, 320))
    assert list(tables["tails"].columns[:4]) == ["part", "epoch", "tail", "probability"]
    assert len(tables["tails"]) == 2 * 2 * 2 * 4 and len(tables["tail_verdicts"]) == 4
    words = tables["tail_verdicts"]
    assert {"holds", "fails", "undecided"} >= {*words["out_verdict"], *words["in_verdict"], *words["verdict"]}


def test_mean_points_against_a_loop():
    world = dynamic_world(6, 16, np.full((1, 80), 1.5), np.zeros((1, 80)))
    inputs = world.loader("scored")(world.epochs[-1])
    found = mean_points(inputs, OPTIONS).set_index("quantity")
    means = []
    for left_out in (None, *range(8)):
        kept = np.arange(8) != left_out
        effects = effect_sizes(*(margins[kept] for margins in inputs.split(inputs.margins)))
        points = operating_points(effects, OPTIONS.alphas, 0.95)
        means.append([points[name].mean() for name in found.index])
    np.testing.assert_allclose(found["value"], means[0])
    half = stats.t.ppf(0.975, 7) * np.sqrt(
        7 / 8 * ((np.array(means[1:]) - np.mean(means[1:], axis=0)) ** 2).sum(axis=0)
    )
    np.testing.assert_allclose(found["high"], np.clip(found["value"] + half, 0, 1))
    np.testing.assert_allclose(found["low"], np.clip(found["value"] - half, 0, 1))


def test_mean_points_of_known_worlds():
    """Where the law holds, the mean TPR at 0.1 % FPR is Phi(Phi^-1(.001) + d'), and .001 without any leak."""
    for d_prime in (0.0, 2.0):
        world = dynamic_world(7, 32, np.full((1, 2000), d_prime), np.zeros((1, 2000)))
        points = smooth_tables(world, OPTIONS)["operating_points"].set_index(["part", "quantity"])
        row = points.loc["scored", "tpr_at_fpr_0.001"]
        truth = stats.norm.cdf(stats.norm.ppf(0.001) + d_prime)
        assert row["low"] <= truth <= row["high"] and row["value"] == pytest.approx(truth, rel=0.15)
