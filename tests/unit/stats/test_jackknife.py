"""Delete-a-group jackknife: groups, formulas, coverage."""

import numpy as np
import pytest
from scipy import stats

from memdyn.attacks.base import build
from memdyn.stats import jackknife
from memdyn.stats.roc import roc
from worlds import gaussian_world


@pytest.mark.parametrize(
    ("n_pairs", "sizes"),
    [
        (1, [1]),
        (2, [1, 1]),
        (3, [1, 1, 1]),
        (4, [1] * 4),
        (13, [1] * 13),
        (16, [1] * 16),
        (20, [2] * 10),
        (24, [2] * 12),
        (128, [8] * 16),
        (17, [2] + [1] * 15),
        (34, [3, 3] + [2] * 14),
        (51, [4, 4, 4] + [3] * 13),
    ],
)
def test_groups(n_pairs, sizes):
    group = jackknife.groups(n_pairs, 16)
    assert len(group) == n_pairs
    np.testing.assert_array_equal(np.bincount(group), sizes)


def deleted_means(x, group):
    return np.array([x[group != g].mean() for g in range(group.max() + 1)])


@pytest.mark.parametrize("n_pairs", [8, 16, 32])
def test_equal_groups_are_the_textbook_formula(n_pairs):
    x = np.random.default_rng(n_pairs).normal(size=n_pairs)
    group = jackknife.groups(n_pairs, 16)
    deleted, sizes = deleted_means(x, group), np.bincount(group)
    count = len(sizes)
    textbook = np.sqrt((count - 1) / count * ((deleted - deleted.mean()) ** 2).sum())
    assert jackknife.standard_error(x.mean(), deleted, sizes) == pytest.approx(textbook)
    # It is centred at the mean of the deleted values: a bias of them all changes nothing.
    assert jackknife.standard_error(x.mean() + 5, deleted, sizes) == pytest.approx(textbook)
    if count == n_pairs:
        assert textbook == pytest.approx(x.std(ddof=1) / np.sqrt(n_pairs))
    low, high = jackknife.interval(x.mean(), deleted, sizes, 0.95)
    half = stats.t.ppf(0.975, count - 1) * textbook
    assert (low, high) == (pytest.approx(x.mean() - half), pytest.approx(x.mean() + half))


def test_unequal_groups_estimate_the_variance_of_a_mean():
    rng = np.random.default_rng(0)
    group = jackknife.groups(21 * 2 - 8, 16)  # 34: two groups of three pairs, fourteen of two
    sizes = np.bincount(group)
    x = rng.normal(size=(4000, len(group)))
    variances = [jackknife.standard_error(row.mean(), deleted_means(row, group), sizes) ** 2 for row in x]
    assert np.mean(variances) == pytest.approx(1 / len(group), rel=0.03)


def test_unequal_groups_ignore_a_bias_of_order_one_over_n():
    # A calibrated attack is better with more pairs; groups of other sizes must not read that as variance.
    sizes = np.bincount(jackknife.groups(17, 16))
    estimate, deleted = 0.7 - 1 / 17, 0.7 - 1 / (17 - sizes)
    assert jackknife.standard_error(estimate, deleted, sizes) == pytest.approx(0, abs=1e-12)


def test_interval_of_arrays_and_difference():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 8, 5))
    sizes = np.ones(8, dtype=int)
    deleted = [np.array([np.delete(x, g, axis=0).mean(axis=0) for g in range(8)]) for x in (a, b)]
    value, low, high = jackknife.difference((a.mean(axis=0), b.mean(axis=0)), tuple(deleted), (sizes, sizes), 0.9)
    np.testing.assert_allclose(value, (a - b).mean(axis=0))
    expected = stats.ttest_rel(a, b).confidence_interval(0.9)
    np.testing.assert_allclose([low, high], [expected.low, expected.high])


def test_one_group_has_no_interval():
    low, high = jackknife.interval(np.array([0.6]), np.empty((0, 1)), np.array([]), 0.95)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "groups", "replications"),
    [({"name": "loss"}, 16, 400), ({"name": "lira", "mode": "online", "variance": "shrunken"}, 8, 150)],
    ids=["loss", "lira"],
)
def test_coverage_of_auc_tpr_and_shares(options, groups, replications, capsys):
    """Nominal 95 % covers .93 to 1.00, up to the binomial error of the simulation; estimand: the mean at this M."""
    n_models = 32
    attack, group = build(options), jackknife.groups(n_models // 2, groups)
    sizes = np.bincount(group)

    def measure(inputs):
        curve = roc(*inputs.split(attack.score_prepared(inputs, "pairs")), (0.01,))
        shares = []
        if attack.threshold is not None:  # the plane's centre of mass: two-fold, likelihood ratio 1
            shares = [np.mean(s >= attack.threshold) for s in inputs.split(attack.score_prepared(inputs, "halves"))]
        return np.array([curve.auc, *curve.tpr, *shares])

    estimates, limits = [], []
    for replication in range(replications):
        world = gaussian_world(replication, n_models, 150, 1.0, model_effect=0.3, samples_seed=0)
        estimate = measure(world)
        deleted = np.array([measure(world.take(np.flatnonzero(group != g))) for g in range(len(sizes))])
        estimates.append(estimate)
        limits.append(jackknife.interval(estimate, deleted, sizes, 0.95))
    estimates, limits = np.array(estimates), np.array(limits)
    truth = estimates.mean(axis=0)
    coverage = ((limits[:, 0] <= truth) & (truth <= limits[:, 1])).mean(axis=0)
    half = (limits[:, 1] - limits[:, 0]).mean(axis=0) / 2
    ratio = half / stats.t.ppf(0.975, len(sizes) - 1) / estimates.std(axis=0)
    names = ("AUC", "TPR at 1 % FPR", "mean TPR at LR 1", "mean FPR at LR 1")
    with capsys.disabled():
        for name, c, r in zip(names[: len(truth)], coverage, ratio, strict=True):
            print(f"\n  {options['name']}, {name}: coverage {c:.3f}, standard error over true SD {r:.2f}")
    tolerance = 1.75 * np.sqrt(0.93 * 0.07 / replications)
    assert (coverage >= 0.93 - tolerance).all()
    assert (ratio < 2.5).all()
