"""Differences between runs at equal epochs: paired or independent."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dynamic_worlds import dynamic_world
from memdyn.compare.matched import at_matched
from memdyn.compare.series import Series, at_equal_epochs, welch_df, with_limits_of_few
from memdyn.dynamics.clocks import clock_tables
from memdyn.stats import jackknife
from memdyn.terms import METRICS
from run_series import GROUPS, comparison, tables


def test_equal_epochs_are_paired_t_tests_of_pairs():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(8, 3))
    b = a + rng.normal(0.5, 0.1, size=(8, 3))
    estimates, replicates = tables({"a": a, "b": b}, "auc", [0, 1, 4], attack="lira")
    found = at_equal_epochs(estimates, replicates, ["attack"], comparison(8, a="pool", b="pool"))
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    np.testing.assert_allclose(found["difference"], (a - b).mean(axis=0))
    np.testing.assert_allclose(found[["low", "high"]].T, [expected.low, expected.high])
    assert found["at"].tolist() == [0, 1, 4] and found["paired"].all()
    assert set(found["attack"]) == {"lira"} and set(found["matched_by"]) == {"epoch"}


def test_runs_on_different_pools_are_independent():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (8, 1)), rng.normal(0, 3, (8, 1))
    estimates, replicates = tables({"a": a, "b": b}, "auc", [5])
    found = at_equal_epochs(estimates, replicates, [], comparison(8, a="one", b="two")).iloc[0]
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert (found["low"], found["high"]) == (pytest.approx(expected.low[0]), pytest.approx(expected.high[0]))
    assert not found["paired"]
    assert welch_df(np.zeros((2, 1)), np.array([[3.0], [4.0]])) == 3


def test_the_choice_of_samples_adds_its_variance_between_pools_only():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, (8, 1)), rng.normal(0, 1, (8, 1))
    estimates, replicates = tables({"a": a, "b": b}, "advantage", [5])
    estimates["se_samples"] = [0.3, 0.4]
    for pools, expected in (({"a": "one", "b": "two"}, 0.25), ({"a": "one", "b": "one"}, 0.0)):
        runs = comparison(8, **pools)
        plain = at_equal_epochs(estimates.drop(columns="se_samples"), replicates, [], runs).iloc[0]
        found = at_equal_epochs(estimates, replicates, [], runs).iloc[0]
        assert found["se"] ** 2 == pytest.approx(plain["se"] ** 2 + expected)
        assert (found["df"] > plain["df"]) == (expected > 0), "the variance of many samples is well known"


def test_steps_are_compared_over_equal_steps_and_lie_in_their_middle():
    rng = np.random.default_rng(3)
    steps = {"a": ([0, 2], [2, 6]), "b": ([0, 2], [2, 4])}
    every = []
    for run, (starts, ends) in steps.items():
        estimates, replicates = tables({run: rng.normal(size=(8, 2))}, "speed", starts)
        every.append((estimates.assign(epoch_to=ends), replicates))
    estimates, replicates = (pd.concat(parts) for parts in zip(*every, strict=True))
    found = at_equal_epochs(estimates, replicates, [], comparison(8, a="pool", b="pool"))
    assert found["at"].tolist() == [0], "the steps from epoch 2 on are of different length"


def test_an_error_that_is_missing_leaves_no_interval():
    estimates, replicates = tables({"a": np.eye(8)[:, :2], "b": np.eye(8)[:, 2:4]}, "latent_share", [1, 2])
    estimates["se_samples"] = [0.1, np.nan, 0.1, 0.1]
    found = at_equal_epochs(estimates, replicates, [], comparison(8, a="one", b="two")).set_index("at")
    assert np.isfinite(found.loc[1, "se"]) and np.isnan(found.loc[2, ["se", "low", "high"]].astype(float)).all()


def test_matched_steps_are_equally_long_and_known_in_every_replicate():
    """Steps 0-2, 2-4, 4-8: their middles are 1, 3 and 6; from 3 to 6 lengths are mixed."""
    epochs, ends = np.array([0.0, 2, 4]), np.array([2.0, 4, 8])
    series = Series(epochs, ends, np.array([[1.0, 3, 6], [1, 3, 6]]), np.zeros(3))
    times = np.array([[1.0, 2, 3, 4, 6, 6.1]] * 2)
    found = series.at(times)
    np.testing.assert_allclose(found.values[0], [1, 2, 3, 4, 6, np.nan])
    np.testing.assert_allclose(found.ends - found.epochs, [2, 2, 2, np.nan, 4, 4])
    across = np.array([[2.0], [3.5]])
    assert np.isnan(series.at(across).ends).all(), "another length in a replicate"
    times[1, 0] = 0.9
    assert np.isnan(series.at(times).values[:, 0]).all(), "one replicate has not got so far"
    other = Series(np.array([0.0, 2, 4]), np.array([2.0, 4, 6]), np.ones((2, 3)), np.zeros(3))
    kept = found.over_equal_steps(other.at(np.array([[1.0, 2, 3, 4, 4, 5]] * 2))).values[0]
    np.testing.assert_allclose(kept, [1, 2, 3, np.nan, np.nan, np.nan])
    points = Series(epochs, epochs, np.array([[1.0, 3, 6]]), np.zeros(3))
    assert np.isfinite(points.at(times[:1, :3]).over_equal_steps(points.at(times[:1, :3])).values).all()


def test_only_shared_checkpoints_and_metrics_are_compared():
    one = tables({"a": np.ones((8, 2))}, "auc", [0, 2])
    other = tables({"b": np.ones((8, 2))}, "auc", [1, 2])
    more = tables({"b": np.ones((8, 1))}, "speed", [2])
    estimates, replicates = (pd.concat(parts) for parts in zip(one, other, more, strict=True))
    found = at_equal_epochs(estimates, replicates, [], comparison(8, a="pool", b="pool"))
    assert found[["metric", "at"]].values.tolist() == [["auc", 2]]
    missing = at_equal_epochs(estimates, replicates.iloc[:0], [], comparison(8, a="pool", b="pool"))
    assert missing["difference"].tolist() == [0] and missing["low"].isna().all(), "no jackknife, no interval"


def test_first_passage_is_linear_and_ignores_setbacks():
    epochs = np.array([0.0, 1, 2, 4, 5])
    clock = Series(epochs, epochs, np.array([[0.1, 0.5, 0.3, 0.6, 0.9]]), np.zeros(5))
    times = clock.first_passage(np.array([0.05, 0.1, 0.3, 0.5, 0.6, 0.75, 0.9, 0.95]))[0]
    np.testing.assert_allclose(times, [np.nan, np.nan, 0.5, 1, 4, 4.5, 5, np.nan])
    assert clock.first_passage(np.array([0.55]))[0, 0] == pytest.approx(2 + 2 * 0.25 / 0.3)
    assert clock.at(times[None, 2:4]).values[0].tolist() == pytest.approx([0.3, 0.5])
    assert clock.range() == (0.1, 0.9)


def test_clock_is_accuracy_over_pairs():
    world = dynamic_world(3, 16, np.array([[0.0] * 30, [2.0] * 30]), np.zeros((2, 30)))
    group = jackknife.groups(8, GROUPS)
    found = clock_tables(world, group)
    correct = world.margins[1][:, :30] > 0
    member = world.masks[:, :30]
    estimates = found["estimates"].set_index(["metric", "epoch"])["value"]
    assert estimates["generalisation_gap", 1] == pytest.approx(correct[member].mean() - correct[~member].mean())
    assert estimates["accuracy_test", 1] == pytest.approx(correct[~member].mean()), "there is no test part"
    kept = np.repeat(group != 2, 2)[:, None] & np.ones(30, dtype=bool)
    replicates = found["replicates"].set_index(["metric", "epoch", "group"])["value"]
    expected = correct[member & kept].mean() - correct[~member & kept].mean()
    assert replicates["generalisation_gap", 1, 2] == pytest.approx(expected)


def few_false_positives(of_a, of_b):
    """Estimates of a TPR of two runs at three checkpoints, the same at all, with limits of their own."""
    estimates, replicates = tables({"a": of_a, "b": of_b}, METRICS[1], [0, 2, 4], attack="loss")
    wide = estimates.rename(columns={"value": METRICS[1]}).drop(columns="metric")
    wide = wide.assign(aggregation="pooled", n_models=16, n_samples=100)  # .1 % of 800
    limits = {f"{METRICS[1]}_low": wide[METRICS[1]] - 0.2, f"{METRICS[1]}_high": wide[METRICS[1]] + 0.3}
    return estimates, replicates, wide.assign(**limits)


def test_a_tpr_at_a_few_false_positives_is_no_better_known_than_its_runs():
    """At equal epochs, and between checkpoints where a clock has them equally far trained."""
    rng = np.random.default_rng(4)
    a, b = 0.5 + 0.01 * rng.normal(size=(8, 3)), 0.4 + 0.01 * rng.normal(size=(8, 3))
    estimates, replicates, metrics = few_false_positives(a, b)
    runs, half = comparison(8, a="pool", b="pool"), np.hypot(0.2, 0.3)
    known = with_limits_of_few(estimates, metrics)
    plain = at_equal_epochs(estimates, replicates, ["attack"], runs)
    found = at_equal_epochs(known, replicates, ["attack"], runs)
    assert (plain["high"] - plain["low"]).max() < 0.1
    np.testing.assert_allclose(found["difference"] - found["low"], half)
    np.testing.assert_allclose(found["high"] - found["difference"], half)
    pd.testing.assert_frame_equal(found.drop(columns=["low", "high"]), plain.drop(columns=["low", "high"]))
    ways = np.array([[0.0, 1, 2], [0.0, 1.5, 3]])
    clocks = {run: np.tile(way, (8, 1)) for run, way in zip("ab", ways, strict=True)}
    matched = at_matched(known, replicates, "clock", *tables(clocks, "clock", [0, 2, 4]), ["attack"], runs, (0.6,))
    assert matched["epoch_b"].item() % 2 and matched["epoch_a"].item() % 2, "between checkpoints"
    assert (matched["high"] - matched["difference"]).item() == pytest.approx(half)
    many = with_limits_of_few(estimates, metrics.assign(n_samples=10_000))  # 80 false positives
    pd.testing.assert_frame_equal(at_equal_epochs(many, replicates, ["attack"], runs), plain)
