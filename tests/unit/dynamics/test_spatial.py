"""Spread over the plane: against loops, and why counted states and unequal parts are no good."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm
from scipy.stats import t as student

from dynamic_worlds import dynamic_world
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.spatial import clark_evans, entropy, smooth_points, spatial_figures, spatial_samples
from memdyn.stats.shrinkage import fit_prior
from observed_worlds import LIRA, observed


def slow_entropy(points, grid, base):
    cells = {}
    for x, y in points:
        cell = min(int(x * grid), grid - 1), min(int(y * grid), grid - 1)
        cells[cell] = cells.get(cell, 0) + 1
    return -sum(k / len(points) * np.log(k / len(points)) / np.log(base) for k in cells.values())


def test_against_loops():
    points = np.random.default_rng(0).beta(0.5, 0.5, (200, 2))
    points[0] = 1, 1
    assert entropy(points, 7, 2) == pytest.approx(slow_entropy(points, 7, 2))
    nearest = [min(np.hypot(*(p - q)) for j, q in enumerate(points) if j != i) for i, p in enumerate(points)]
    assert clark_evans(points) == pytest.approx(np.mean(nearest) / (0.5 / np.sqrt(200)))


def test_known_values():
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    assert entropy(corners, 5, 2) == 2 and entropy(corners[:1], 5, 2) == 0
    rng = np.random.default_rng(1)
    assert clark_evans(rng.random((4000, 2))) == pytest.approx(1, abs=0.05)
    assert clark_evans(0.5 + 0.05 * rng.random((4000, 2))) == pytest.approx(0.05, abs=0.005)


def test_smooth_points_are_student_predictions():
    rng = np.random.default_rng(2)
    excess = rng.normal(rng.normal(size=400), np.exp(0.5 * rng.normal(size=400)), (2, 8, 400))
    points = smooth_points(excess[0], excess[1])
    for column, values in ((1, excess[0]), (0, excess[1])):
        prior = fit_prior(values.var(axis=0, ddof=1)[None] * 7, 7)
        nu, v = prior.nu[0], prior.variance[0]
        for i in range(0, 400, 80):
            scale = np.sqrt((1 + 1 / 8) * (nu * v + 7 * values[:, i].var(ddof=1)) / (nu + 7))
            expected = student.sf(0, nu + 7, loc=values[:, i].mean(), scale=scale)
            assert points[i, column] == pytest.approx(expected)


def test_smooth_points_approach_the_true_states():
    n, pairs = 500, 400
    rng = np.random.default_rng(3)
    means = rng.normal(size=(2, n))
    points = smooth_points(*(mean + rng.normal(size=(pairs, n)) for mean in means))
    np.testing.assert_allclose(points, ndtr(means[::-1]).T, atol=0.1)
    assert np.abs(points - ndtr(means[::-1]).T).mean() < 0.02


def test_counted_states_measure_the_lattice():
    """Counted neighbours coincide, whatever the samples do; smooth ones do not."""
    world = dynamic_world(4, 32, np.abs(np.random.default_rng(4).normal(size=(1, 1500))), np.zeros((1, 1500)))
    counts = observed(world, splits=1).counts["scored", "lr1"]
    counted = np.stack(counts.rates(0), axis=-1)[0]
    assert len(np.unique(counted, axis=0)) < 200 and clark_evans(counted) < 0.1
    signals = world.loader("scored")(0)
    inside, outside = signals.split(LIRA.score_prepared(signals, "halves"))
    smooth = smooth_points(inside, outside)
    assert len(np.unique(smooth, axis=0)) == 1500 and clark_evans(smooth) > 0.5


def test_the_state_of_d_prime_alone_lies_on_a_line():
    """Why the smooth state is made of scores: spread d' looks clustered, and shrunken d' of the null is one point."""
    d_prime = norm.ppf(np.random.default_rng(5).random(2000)) * 2
    line = np.stack([ndtr(-d_prime / 2), ndtr(d_prime / 2)], axis=1)
    assert clark_evans(line) < 0.1
    assert entropy(line, 10, 2) <= np.log2(19)
    collapsed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        collapsed += effect_sizes(rng.normal(size=(16, 400)), rng.normal(size=(16, 400))).prior_sd == 0
    assert 4 < collapsed < 16


def test_parts_are_compared_in_blocks_of_one_size():
    scored, sham = np.arange(1000), np.arange(250)
    groups = spatial_samples([scored, scored[:30]], [sham, sham[:5]], 10, 2.0, most_blocks=3, smallest=20, seed=0)
    assert [len(b) for b in groups["scored"].blocks[0]] == [250] * 3 and len(groups["sham"].blocks[0]) == 1
    assert groups["scored"].blocks[1] == ()
    rows = np.concatenate(groups["scored"].blocks[0])
    assert len(np.unique(rows)) == 750

    rng = np.random.default_rng(6)
    blockwise, whole, null = [], [], []
    for _ in range(60):
        points, other = np.clip(rng.normal(0.5, 0.15, (2, 1000, 2)), 0, 1)
        blockwise.append(spatial_figures(points, groups["scored"])[0])
        null.append(spatial_figures(other, groups["sham"])[0])
        whole.append([entropy(points, 10, 2.0), clark_evans(points)])
        assert np.isnan(spatial_figures(points, groups["scored"])[1]).all()
    error = np.std(null, axis=0) * np.sqrt(2 / 60)
    assert np.all(np.abs(np.mean(blockwise, axis=0) - np.mean(null, axis=0)) < 3 * error)
    assert np.mean(whole, axis=0)[0] - np.mean(null, axis=0)[0] > 5 * error[0], "of all samples: entropy grows with n"
