"""The one null test of a run: its size, its power, and degenerate cells."""

import numpy as np
import pytest
from scipy import stats

from memdyn.stats.simultaneous import null_test


def draws(rng, n_draws=20, cells=30, bias=0.0):
    """Null AUCs whose cells hang together, as checkpoints and attacks do."""
    shared, own = rng.normal(size=(n_draws, 1)), rng.normal(size=(n_draws, cells))
    return 0.5 + bias + 0.002 * (0.8 * shared + 0.6 * own)


def run(aucs, flips=999, seed=0):
    return null_test(aucs, alpha=0.01, flips=flips, seed=seed)


def test_size():
    worlds = 600
    p = np.array([run(draws(np.random.default_rng(w)), flips=199, seed=w).p_value for w in range(worlds)])
    for level in (0.05, 0.2, 0.5):
        assert abs((p <= level).mean() - level) < 3.5 * np.sqrt(level * (1 - level) / worlds)


def test_a_small_bias_is_seen():
    result = run(draws(np.random.default_rng(0), bias=0.003))
    assert not result.passed
    assert result.p_value == 0.001
    assert result.mean_null_auc == pytest.approx(0.503, abs=0.002)


def test_one_biased_cell_is_seen():
    aucs = draws(np.random.default_rng(1))
    assert run(aucs).passed
    aucs[:, 7] += 0.005
    assert not run(aucs).passed


def test_evidence_decides_and_not_the_mean():
    """A wide null is no evidence, however far its mean is: in a small study no other would be as far from one half."""
    aucs = 0.52 + 0.1 * np.random.default_rng(2).normal(size=(20, 1))
    aucs += 0.52 - aucs.mean()
    result = run(aucs)
    assert result.passed and result.p_value > 0.01
    assert result.mean_null_auc == pytest.approx(0.52)
    assert result.resolution > 0.08, "and it says that it could not have seen so little"


@pytest.mark.slow
@pytest.mark.parametrize(("n_draws", "cells"), [(10, 1), (20, 30), (100, 10)])
def test_resolution_is_what_the_test_sees(n_draws, cells):
    worlds = [draws(np.random.default_rng([n_draws, w]), n_draws, cells) for w in range(150)]
    biased, small = np.zeros(cells), np.zeros(cells)
    biased[-1] = np.mean([run(aucs, flips=499).resolution for aucs in worlds[:50]])
    small[-1] = biased[-1] / 4
    assert np.mean([not run(aucs + biased, flips=499).passed for aucs in worlds]) > 0.87
    assert np.mean([not run(aucs + small, flips=499).passed for aucs in worlds]) < 0.5


def test_resolution_is_a_noncentral_t_of_the_worst_cell():
    aucs = draws(np.random.default_rng(4), cells=3) * np.array([1, 1, 3]) - np.array([0, 0, 1])
    result = run(aucs, flips=19_999)
    error = aucs[:, 2].std(ddof=1) / np.sqrt(20)
    critical = np.quantile([_largest_t(aucs, np.random.default_rng(k)) for k in range(5000)], 0.99)
    assert stats.nct.sf(critical, 19, result.resolution / error) == pytest.approx(0.95, abs=0.02)


def _largest_t(aucs, rng):
    flipped = (aucs - 0.5) * rng.choice([-1, 1], size=(len(aucs), 1))
    return np.abs(flipped.mean(axis=0) / (flipped.std(axis=0, ddof=1) / np.sqrt(len(aucs)))).max()


def test_too_few_draws_could_not_fail():
    with pytest.raises(ValueError, match="7 draws of the null cannot fail"):
        run(draws(np.random.default_rng(0), n_draws=7))
    assert run(draws(np.random.default_rng(0), n_draws=10, bias=0.02)).p_value < 0.01


def test_statistic_is_the_largest_t():
    aucs = draws(np.random.default_rng(3))
    t = (aucs.mean(axis=0) - 0.5) / (aucs.std(axis=0, ddof=1) / np.sqrt(len(aucs)))
    result = run(aucs)
    assert result.statistic == pytest.approx(np.abs(t).max())
    assert result.n_draws == 20


def test_exactly_one_half_passes():
    assert run(np.full((20, 3), 0.5)).passed
    aucs = draws(np.random.default_rng(1))
    with_constant = run(np.column_stack([aucs, np.full(20, 0.5)]))
    assert with_constant.p_value == run(aucs).p_value
    rounded = 0.5 + 1e-16 * np.random.default_rng(0).normal(size=(20, 1))
    assert run(np.column_stack([aucs, rounded])).p_value == run(aucs).p_value
    assert run(np.full((20, 1), 0.5 + 1e-16)).passed


def test_constant_elsewhere_fails():
    aucs = np.column_stack([draws(np.random.default_rng(1)), np.full(20, 0.501)])
    result = run(aucs)
    assert not result.passed
    assert np.isinf(result.statistic)


@pytest.mark.parametrize("shape", [(1, 4), (20, 0)])
def test_nothing_to_test(shape):
    with pytest.raises(ValueError, match="draws"):
        run(np.full(shape, 0.5))
