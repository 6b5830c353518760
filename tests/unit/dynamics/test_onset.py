"""Onset: slow re-derivations, the error of an onset that is too early, and what is found."""

import numpy as np
import pytest
from scipy import stats

from dynamic_worlds import dynamic_world
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.onset import NEVER, at_epochs, critical_t, crossings, first, first_lasting, onsets, t_statistic
from memdyn.stats.multiple import benjamini_hochberg


def test_t_is_that_of_the_paired_test():
    differences = np.random.default_rng(0).normal(0.3, 1, (9, 50))
    np.testing.assert_allclose(t_statistic(differences), stats.ttest_1samp(differences, 0).statistic)
    assert t_statistic(np.array([[0.0, 1.0, -1.0]] * 3)).tolist() == [0, np.inf, -np.inf]


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_critical_t_rejects_as_benjamini_hochberg(shift):
    rng = np.random.default_rng(1)
    t = rng.standard_t(7, 300) + shift * (np.arange(300) < 60)
    adjusted = benjamini_hochberg(2 * stats.t.sf(np.abs(t), 7))
    np.testing.assert_array_equal(np.abs(t) >= critical_t(t, 0.05, 7), adjusted <= 0.05)


def test_firsts_against_loops():
    holds = np.random.default_rng(2).random((6, 200)) < 0.7
    for i, column in enumerate(holds.T):
        lasting = [t for t in range(6) if column[t:].all()]
        assert first_lasting(holds)[i] == (lasting[0] if lasting else NEVER)
        assert first(holds)[i] == (list(column).index(True) if column.any() else NEVER)
    assert at_epochs(np.array([0, 2, NEVER]), np.array([0, 5, 9]))[:2].tolist() == [0, 9]


def test_onsets_against_a_loop():
    rng = np.random.default_rng(3)
    t = rng.standard_t(15, (5, 80)) + np.linspace(0, 4, 5)[:, None]
    p = stats.t.sf(t, 15)
    rejected = benjamini_hochberg(p[-1]) <= 0.05
    expected = []
    for i in range(80):
        step = 5
        while step and p[step - 1, i] < 0.05:
            step -= 1
        expected.append(step if rejected[i] else NEVER)
    assert onsets(t, 16, 0.05).tolist() == expected


@pytest.mark.parametrize("persistence", [0.0, 0.8])
def test_too_early_onsets_are_as_rare_as_the_level(persistence, capsys):
    """True onset: checkpoint 6 of 10. Backward reading keeps 5 %; the first crossing does not."""
    n, start, pairs = 4000, 6, 16
    d_prime = np.where(np.arange(10)[:, None] >= start, 2.5, 0.0) * np.ones(n)
    world = dynamic_world(5, 2 * pairs, d_prime, np.zeros((10, n)), persistence=persistence)
    load = world.loader("scored")
    t = np.array([t_statistic(np.subtract(*inputs.split(inputs.margins))) for inputs in map(load, world.epochs)])
    found = onsets(t, pairs, 0.05)
    crossed = first(t > stats.t.ppf(0.95, pairs - 1))
    early, naive = np.mean((found < start) & (found != NEVER)), np.mean(crossed < start)
    with capsys.disabled():
        print(f"\nonset too early: {early:.3f} backward, {naive:.3f} first crossing (persistence {persistence})")
    assert early < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
    assert naive > (0.2 if not persistence else 0.1)
    assert np.mean(found == start) > 0.9


def test_without_effect_nobody_has_an_onset():
    t = np.random.default_rng(6).standard_t(15, (6, 5000))
    assert np.mean(onsets(t, 16, 0.05) != NEVER) < 0.002


def test_crossing_of_a_growing_effect_lies_in_its_interval(capsys):
    """d'_i(t) = slope_i t crosses 1 at a known checkpoint."""
    n, steps = 2000, 12
    rng = np.random.default_rng(7)
    slope = rng.normal(0.25, 0.05, n)
    d_prime = np.arange(steps)[:, None] * slope
    world = dynamic_world(8, 32, d_prime, np.zeros((steps, n)))
    load = world.loader("scored")
    effects = [effect_sizes(*inputs.split(inputs.margins)) for inputs in map(load, world.epochs)]
    low, high = np.array([e.limits(0.95) for e in effects]).swapaxes(0, 1)
    found = crossings(np.array([e.mean for e in effects]), low, high, 1.0)
    truth = first(d_prime > 1)
    latest = np.where(found.latest == NEVER, steps, found.latest)
    covered = np.mean((found.earliest <= truth) & (truth <= latest))
    with capsys.disabled():
        print(f"\ncrossing of d' = 1 covered: {covered:.3f}, mean error {np.mean(found.estimate - truth):+.2f} steps")
    assert covered > 0.93
    assert abs(np.mean(found.estimate - truth)) < 1
