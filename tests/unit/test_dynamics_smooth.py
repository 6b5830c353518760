"""Parametric operating points and their tail check: recovered, covered, and refused where margins are not normal."""

import numpy as np
import pytest
from dynamic_worlds import dynamic_world
from scipy import stats

from memdyn.attacks.inputs import Inputs
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.smooth import (
    SmoothOptions,
    log_tails,
    mean_points,
    operating_points,
    smooth_tables,
    tail_frequencies,
    tail_table,
    verdict,
)
from memdyn.stats.shrinkage import fit_prior

OPTIONS = SmoothOptions((0.001, 0.01), (0.01, 0.1, 0.5), 0.001, 2.0, 0.95, 16)


def margins(seed, pairs, d_prime, noise):
    rng = np.random.default_rng(seed)
    n = len(d_prime)
    deviation = np.exp(0.4 * rng.normal(size=n))
    draw = noise(rng, (2, pairs, n))
    return deviation * (draw[0] + d_prime), deviation * draw[1]


def normal(rng, shape):
    return rng.normal(size=shape)


def test_operating_points_are_recovered_within_their_limits(capsys):
    d_prime = np.random.default_rng(0).normal(1.0, 0.7, 4000)
    points = operating_points(effect_sizes(*margins(1, 16, d_prime, normal)), (0.001, 0.01), 0.95)
    truth = {"auc": stats.norm.cdf(d_prime / np.sqrt(2))}
    truth |= {f"tpr_at_fpr_{a:g}": stats.norm.cdf(stats.norm.ppf(a) + d_prime) for a in (0.001, 0.01)}
    for name, expected in truth.items():
        covered = np.mean((points[f"{name}_low"] <= expected) & (expected <= points[f"{name}_high"]))
        with capsys.disabled():
            print(f"\n{name}: mean {points[name].mean():.4f}, truth {expected.mean():.4f}, covered {covered:.3f}")
        assert covered > 0.93
        assert points[name].mean() == pytest.approx(expected.mean(), rel=0.05)


def test_leave_pair_out_tails_against_a_loop():
    inside, outside = margins(2, 6, np.zeros(40), normal)
    logs = log_tails(inside, outside)
    for pair in range(6):
        kept_in, kept_out = np.delete(inside, pair, 0), np.delete(outside, pair, 0)
        squares = 4 * (kept_in.var(axis=0, ddof=1) + kept_out.var(axis=0, ddof=1))
        prior = fit_prior(squares[None], 8)
        nu, v = prior.nu[0], prior.variance[0]
        scale = np.sqrt((1 + 1 / 5) * (nu * v + squares) / (nu + 8))
        expected = stats.t.logsf(outside[pair], nu + 8, loc=kept_out.mean(axis=0), scale=scale)
        np.testing.assert_allclose(logs[pair], expected, rtol=1e-5)


def test_frequencies_are_counts():
    logs = np.log([[0.001, 0.3, 0.95], [0.2, 0.5, 0.999]])
    upper, lower = tail_frequencies(logs, np.array([0.01, 0.3]))
    np.testing.assert_allclose(upper, [[1 / 3, 2 / 3], [0, 1 / 3]])
    np.testing.assert_allclose(lower, [[0, 1 / 3], [1 / 3, 1 / 3]])


@pytest.mark.parametrize(
    ("noise", "expected"),
    [
        (normal, "holds"),
        (lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3), "fails"),
        (lambda rng, shape: rng.uniform(-1.7, 1.7, shape), "fails"),
        (lambda rng, shape: rng.exponential(size=shape), "fails"),
    ],
    ids=["normal", "heavy", "bounded", "skewed"],
)
def test_verdict(noise, expected, capsys):
    inside, outside = margins(3, 16, np.ones(6000), noise)
    mask = np.zeros((32, 6000), bool)
    mask[0::2] = True
    values = np.empty(mask.shape)
    values[0::2], values[1::2] = inside, outside
    table = tail_table(Inputs.of(values, mask, np.zeros((32, 1))), OPTIONS)
    found = verdict(table, 0.001, 2.0)
    with capsys.disabled():
        print(f"\nfrequency of 0.001 tails / 0.001: {found['ratio']:.2f} -> {found['verdict']}")
    assert found["verdict"] == expected
    if expected == "holds":
        assert np.all((table["low"] <= table["probability"]) & (table["probability"] <= table["high"]))
        np.testing.assert_allclose(table["z_observed"], table["z_expected"], atol=0.1)


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
    assert smooth.loc[("scored", 1), "auc"].mean() == pytest.approx(stats.norm.cdf(np.sqrt(2)), abs=0.02)
    assert smooth.loc[("sham", 1), "auc"].mean() == pytest.approx(0.5, abs=0.03)
    assert smooth.loc[("sham", 1), "sample"].tolist() == list(range(300, 320))
    assert list(tables["tails"].columns[:4]) == ["part", "epoch", "tail", "probability"]
    assert len(tables["tails"]) == 2 * 2 * 2 * 4 and len(tables["tail_verdicts"]) == 4


def test_mean_points_against_a_loop():
    world = dynamic_world(6, 16, np.full((1, 80), 1.5), np.zeros((1, 80)))
    inputs = world.loader("scored")(world.epochs[-1])
    found = mean_points(inputs, OPTIONS).set_index("quantity")
    means = []
    for left_out in (None, *range(8)):
        kept = np.arange(8) != left_out
        effects = effect_sizes(*(margins[kept] for margins in inputs.split(inputs.signal)))
        points = operating_points(effects, OPTIONS.alphas, 0.95)
        means.append([points[name].mean() for name in found.index])
    np.testing.assert_allclose(found["value"], means[0])
    half = stats.t.ppf(0.975, 7) * np.sqrt(
        7 / 8 * ((np.array(means[1:]) - np.mean(means[1:], axis=0)) ** 2).sum(axis=0)
    )
    np.testing.assert_allclose(found["high"] - found["value"], half)


def test_mean_points_of_known_worlds():
    """Where the law holds, the mean TPR at 0.1 % FPR is Phi(Phi^-1(.001) + d'), and .001 without any leak."""
    for d_prime in (0.0, 2.0):
        world = dynamic_world(7, 32, np.full((1, 2000), d_prime), np.zeros((1, 2000)))
        points = smooth_tables(world, OPTIONS)["operating_points"].set_index(["part", "quantity"])
        row = points.loc["scored", "tpr_at_fpr_0.001"]
        truth = stats.norm.cdf(stats.norm.ppf(0.001) + d_prime)
        assert row["low"] <= truth <= row["high"] and row["value"] == pytest.approx(truth, rel=0.15)


def test_few_models_are_refused():
    with pytest.raises(ValueError, match="at least 8 models"):
        log_tails(np.zeros((3, 5)), np.zeros((3, 5)))
