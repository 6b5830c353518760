"""The one null test of a run: its size, its power, and degenerate cells."""

import numpy as np
import pytest

from memdyn.stats.simultaneous import null_test


def draws(rng, n_draws=20, cells=30, bias=0.0):
    """Null AUCs whose cells hang together, as checkpoints and attacks do."""
    shared, own = rng.normal(size=(n_draws, 1)), rng.normal(size=(n_draws, cells))
    return 0.5 + bias + 0.002 * (0.8 * shared + 0.6 * own)


def run(aucs, flips=999, seed=0):
    return null_test(aucs, alpha=0.01, tolerance=0.01, flips=flips, seed=seed)


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


def test_the_mean_alone_can_fail():
    # A wide null: not significant, but too far away to be believed.
    aucs = 0.52 + 0.1 * np.random.default_rng(2).normal(size=(20, 1))
    aucs += 0.52 - aucs.mean()
    result = run(aucs)
    assert result.p_value > 0.01
    assert not result.passed


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


def test_constant_elsewhere_fails():
    aucs = np.column_stack([draws(np.random.default_rng(1)), np.full(20, 0.501)])
    result = run(aucs)
    assert not result.passed
    assert np.isinf(result.statistic)


@pytest.mark.parametrize("shape", [(1, 4), (20, 0)])
def test_nothing_to_test(shape):
    with pytest.raises(ValueError, match="draws"):
        run(np.full(shape, 0.5))
