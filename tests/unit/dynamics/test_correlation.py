"""Halves, rank correlations and the difficulty-vulnerability table: slow re-derivations, known truth, coverage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dynamic_worlds import dynamic_world
from memdyn.attacks.base import build
from memdyn.attacks.evaluate import rates
from memdyn.dynamics import onset
from memdyn.dynamics.correlation import METHODS, CorrelationOptions, correlation_tables
from memdyn.dynamics.difficulty import HARDER, Difficulty, difficulty
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.half_targets import MORE_VULNERABLE, counted_rates, effects_of, onsets
from memdyn.dynamics.planted import planted_table
from memdyn.dynamics.splits import Splits, opposite
from memdyn.stats import jackknife
from memdyn.stats.multiple import holm
from memdyn.stats.ranks import correlation, delong, kendall, ranks, within_classes

LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})
OPTIONS = CorrelationOptions(
    tuple(MORE_VULNERABLE), threshold="lr1", level=0.95, onset_error=0.05, bins=5, kendall_samples=1000
)


def growing_world(seed: int, n_models: int, n: int, slope: float, samples_seed: int = 0, deviation: float = 1.0):
    """Hard samples start low and, with a slope, leak more: d'_i(t) = t exp(slope * hardness_i) / 3."""
    hard = np.random.default_rng([8, samples_seed]).normal(size=n)
    t = np.arange(4)[:, None]
    return dynamic_world(seed, n_models, t * np.exp(slope * hard) / 3, t - hard, deviation=deviation)


def test_ranks_and_correlations_are_those_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60)), rng.integers(0, 5, (3, 60)).astype(float)
    for rows in (a, b):
        np.testing.assert_array_equal(ranks(rows), stats.rankdata(rows, axis=1))
    spearman, tau = correlation(ranks(a), ranks(b)), kendall(ranks(a), ranks(b))
    for i in range(2):
        for j in range(3):
            assert correlation(a, b)[i, j] == pytest.approx(stats.pearsonr(a[i], b[j]).statistic)
            assert spearman[i, j] == pytest.approx(stats.spearmanr(a[i], b[j]).statistic)
            assert tau[i, j] == pytest.approx(stats.kendalltau(a[i], b[j]).statistic, abs=1e-6)
    assert np.isnan(correlation(np.ones((1, 60)) * 0.1, a)).all(), "a constant has no correlation"
    labels = rng.integers(0, 4, 60)
    design = np.eye(4)[labels]
    expected = a[0] - design @ np.linalg.lstsq(design, a[0], rcond=None)[0]
    np.testing.assert_allclose(within_classes(a, labels)[0], expected, atol=1e-12)


def test_delong_is_the_spread_over_samples():
    rng = np.random.default_rng(1)
    found = np.array([delong(rng.normal(1, 1, 40).round(1), rng.normal(0, 1, 90).round(1)) for _ in range(1500)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.06)
    assert delong(np.array([1.0, 2.0]), np.array([0.0, 1.0, 3.0]))[0] == pytest.approx((1.5 + 2) / 6)


@pytest.mark.parametrize("n_pairs", [4, 8, 13, 16, 32, 34])
def test_splits_are_even_halves_of_every_group(n_pairs):
    splits = Splits.random(n_pairs, 6, 16, 0)
    first, second = splits.halves[0::2], splits.halves[1::2]
    np.testing.assert_array_equal(first + second, 1)
    assert np.abs(first.sum(axis=1) - second.sum(axis=1)).max() <= 1
    assert len(np.unique(first, axis=0)) > 1, "splits differ"
    for g in range(splits.group.max() + 1):
        assert np.abs(first[:, splits.group == g].sum(axis=1) - second[:, splits.group == g].sum(axis=1)).max() <= 1
    for half, inner in zip(splits.halves, splits.inner, strict=True):
        sides = np.bincount(inner[half == 1], minlength=2)
        assert abs(sides[0] - sides[1]) <= 1
    assert len(splits.deleted) == (0 if n_pairs == 4 else splits.group.max() + 1)
    values = np.random.default_rng(2).normal(size=(n_pairs, 3))
    for replicate, (sums, means, one) in enumerate(
        zip(splits.sums(values), splits.means(values), splits.one(values), strict=True)
    ):
        for half in range(12):
            pairs = [k for k in range(n_pairs) if splits.halves[half, k] and splits.group[k] != replicate - 1]
            np.testing.assert_allclose(sums[half], values[pairs].sum(axis=0), atol=1e-12)
            np.testing.assert_allclose(means[half], values[pairs].mean(axis=0), atol=1e-12)
            np.testing.assert_array_equal(one[half], values[max(pairs, key=lambda k: splits.drawn[half, k])])


def test_one_pair_of_a_half_is_drawn_at_random():
    splits = Splits.random(16, 10, 16, 3)
    pairs = np.arange(16)[:, None]
    every = [chosen.ravel() for chosen in splits.one(pairs)]
    assert len(np.unique(every[0])) >= 8, "20 halves of 16 pairs"
    assert (splits.halves[np.arange(20), every[0]] == 1).all()
    for g, chosen in enumerate(every[1:]):
        kept = splits.group[every[0]] != g
        np.testing.assert_array_equal(chosen[kept], every[0][kept], "a pair stands for its half unless it is deleted")
        assert (splits.group[chosen] != g).all()
    again = [chosen.ravel() for chosen in Splits.random(16, 10, 16, 3).one(pairs)]
    np.testing.assert_array_equal(every, again)
    few = next(Splits.random(16, 2, 16, 3).for_attack(LIRA, 2).one(pairs)).ravel()
    np.testing.assert_array_equal(few, every[0][:4], "more splits leave the first as they are")


def test_too_few_models_for_halves():
    with pytest.raises(ValueError, match="at least 8 models, got 6"):
        Splits.random(3, 2, 16, 0)
    splits = Splits.random(8, 3, 16, 0)
    assert splits.for_attack(LIRA, 2).n_replicates == 1, "halves of 4 pairs: no group can be missed"
    assert Splits.random(4, 3, 16, 0).for_attack(LIRA, 2) is None
    few = Splits.random(16, 3, 16, 0).for_attack(LIRA, 2)
    assert few.n_replicates == 17 and len(few.halves) == 4


def test_opposite():
    assert opposite(np.arange(8).reshape(4, 2)).tolist() == [[2, 3], [0, 1], [6, 7], [4, 5]]


def test_targets_of_a_half_are_those_of_its_models_alone():
    world, splits = growing_world(3, 32, 40, 0.5), Splits.random(16, 2, 16, 0)
    load = world.loader("scored")
    last = load(3)
    for replicate, (effects, onset_epochs, (fpr, tpr)) in enumerate(
        zip(
            effects_of(last, splits),
            onsets(world, splits, 0.95),
            counted_rates(LIRA, last, splits, "lr1"),
            strict=True,
        )
    ):
        for half in range(4):
            pairs = np.flatnonzero(splits.halves[half] * (splits.group != replicate - 1))
            alone = last.take(pairs)
            np.testing.assert_allclose(effects[half], effect_sizes(*alone.split(alone.margins)).raw, rtol=1e-6)

            alone = replace(alone, half=splits.inner[half][pairs])
            counts = rates(LIRA, alone, (), "scored", 0)
            np.testing.assert_array_equal(tpr[half], counts["d_in"] / len(pairs))
            np.testing.assert_array_equal(fpr[half], counts["d_out"] / len(pairs))

            parts = (load(epoch).take(pairs) for epoch in world.epochs)
            t = np.stack([onset.t_statistic(np.subtract(*part.split(part.margins))) for part in parts])
            steps = onset.onsets(t, len(pairs), 0.05)
            np.testing.assert_array_equal(onset_epochs[half], np.where(steps == onset.NEVER, 4, steps))


def test_table_is_a_loop_over_halves():
    world, splits = growing_world(4, 32, 60, 0.5), Splits.random(16, 2, 4, 0)
    measures = difficulty(world, 0.3)
    labels = np.random.default_rng(0).integers(0, 3, 60)
    tables = correlation_tables(world, LIRA, measures, labels, splits, OPTIONS)
    last = world.loader("scored")(3)
    effects = list(effects_of(last, splits))
    values = measures.values["el2n", "out"]

    def spearman(replicate):
        kept = splits.group != replicate - 1
        hard = [values[(half == 1) & kept].mean(axis=0) for half in splits.halves]
        return np.mean([stats.spearmanr(hard[h], effects[replicate][h ^ 1]).statistic for h in range(4)])

    table = tables["correlations"]
    row = table[
        (table["difficulty"] == "el2n")
        & (table["models"] == "out")
        & (table["target"] == "d_prime")
        & (table["method"] == "spearman")
    ].iloc[0]
    estimate, deleted = spearman(0), np.array([spearman(g + 1) for g in range(4)])
    assert row["estimate"] == pytest.approx(estimate)
    low, high = jackknife.interval(estimate, deleted, splits.sizes, 0.95)
    assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
    assert set(table["method"]) == set(METHODS) and set(table["target"]) == set(MORE_VULNERABLE)
    assert row["harder"] == HARDER["el2n"] * MORE_VULNERABLE["d_prime"]
    same = table[(table["method"] == "spearman") & table["p_value"].notna()]
    np.testing.assert_allclose(same["p_holm"], holm(same["p_value"].to_numpy()))

    curve = tables["curves"].query("difficulty == 'el2n' and models == 'out' and target == 'd_prime'")
    hard = [values[half == 1].mean(axis=0) for half in splits.halves]
    quintile = [np.minimum((stats.rankdata(h) - 0.5) * 5 // 60, 4) for h in hard]
    expected = [np.mean([effects[0][h ^ 1][quintile[h] == k].mean() for h in range(4)]) for k in range(5)]
    np.testing.assert_allclose(curve["target_mean"], expected, rtol=1e-6)
    np.testing.assert_array_equal(curve["n_samples"], 12)


def test_disattenuated_table_is_a_loop():
    world, splits, n = growing_world(4, 32, 60, 0.5), Splits.random(16, 2, 4, 0), 60
    measures = Difficulty({("el2n", "out"): difficulty(world, 0.3).values["el2n", "out"]})
    tables = correlation_tables(world, LIRA, measures, np.zeros(n, int), splits, OPTIONS)
    effects, values = list(effects_of(world.loader("scored")(3), splits)), measures.values["el2n", "out"]

    def both(replicate, kept):
        """Observed and attainable, from ranks among all samples."""
        pairs = splits.group != replicate - 1
        hard = [stats.rankdata(values[(half == 1) & pairs].mean(axis=0))[kept] for half in splits.halves]
        goal = [stats.rankdata(half)[kept] for half in effects[replicate]]
        observed = np.mean([np.corrcoef(hard[h], goal[h ^ 1])[0, 1] for h in range(4)])
        reliable = [np.mean([np.corrcoef(x[h], x[h + 1])[0, 1] for h in (0, 2)]) for x in (hard, goal)]
        return np.array([observed, np.sqrt(np.prod(reliable))])

    everything = np.ones(n, bool)
    by_pairs = np.array([both(g + 1, everything) for g in range(4)])
    by_samples = np.array([both(0, np.arange(n) % 16 != g) for g in range(16)])
    sizes = np.bincount(np.arange(n) % 16)
    row = tables["disattenuated"].query("target == 'd_prime'").iloc[0]
    observed, best = both(0, everything)
    assert (row["observed"], row["attainable"], row["estimate"]) == pytest.approx((observed, best, observed / best))
    for name, weight in (("observed", [1, 0]), ("attainable", [0, 1])):
        errors = [
            jackknife.standard_error(both(0, everything) @ weight, deleted @ weight, given)
            for deleted, given in ((by_pairs, splits.sizes), (by_samples, sizes))
        ]
        assert row[f"variance_{name}"] == pytest.approx(np.square(errors).sum())
    total = row["variance_observed"] + row["variance_attainable"] + 2 * row["covariance"]
    errors = [
        jackknife.standard_error(observed + best, deleted.sum(axis=1), given)
        for deleted, given in ((by_pairs, splits.sizes), (by_samples, sizes))
    ]
    assert total == pytest.approx(np.square(errors).sum()), "the covariance"
    excess = observed - row["low"] * best
    variance = (
        row["variance_observed"] - 2 * row["low"] * row["covariance"] + row["low"] ** 2 * row["variance_attainable"]
    )
    assert excess / np.sqrt(variance) == pytest.approx(stats.t.ppf(0.975, 3), rel=0.02)
    reliable = tables["reliabilities"].set_index("quantity")["estimate"]
    assert (row["reliability"], row["reliability_difficulty"]) == (reliable["d_prime"], reliable["el2n"])


def test_few_models_give_estimates_without_intervals():
    world, splits = growing_world(4, 8, 40, 0.5), Splits.random(4, 2, 16, 0)
    tables = correlation_tables(world, LIRA, difficulty(world, 0.3), np.zeros(40, int), splits, OPTIONS)
    table = tables["correlations"]
    assert set(table["target"]) == {"d_prime", "onset"}, "no attack can be calibrated inside a half"
    assert table["low"].isna().all() and table.loc[table["method"] == "kendall", "estimate"].notna().any()


def test_the_onset_has_its_own_error():
    world, splits = growing_world(4, 32, 60, 0.5), Splits.random(16, 2, 4, 0)
    measures = Difficulty({("loss", "out"): difficulty(world, 0.3).values["loss", "out"]})
    found = {}
    for level, error in ((0.95, 0.05), (0.8, 0.05), (0.95, 0.3)):
        options = replace(OPTIONS, targets=("onset",), level=level, onset_error=error)
        table = correlation_tables(world, LIRA, measures, np.zeros(60, int), splits, options)["correlations"]
        found[level, error] = table["estimate"].to_numpy()
    np.testing.assert_array_equal(found[0.95, 0.05], found[0.8, 0.05])
    assert not np.array_equal(found[0.95, 0.05], found[0.95, 0.3])


@pytest.mark.parametrize("n_models", [16, 20])
def test_a_target_without_replicates_leaves_the_others_their_intervals(n_models):
    """Halves of so few pairs calibrate the severity, but not without a group."""
    world, splits = growing_world(4, n_models, 40, 0.5), Splits.random(n_models // 2, 2, 16, 0)
    measures, labels = difficulty(world, 0.3), np.zeros(40, int)
    tables = correlation_tables(world, LIRA, measures, labels, splits, OPTIONS)
    ends = ["low", "high", "se"]
    for name in ("correlations", "curves"):
        table = tables[name][tables[name]["difficulty"] == "el2n"]
        severity = table["target"] == "severity"
        columns = [end for end in ends if end in table]
        known = table[~severity & table.iloc[:, 4:].notna().any(axis=1)]
        assert set(known["target"]) == {"d_prime", "onset"} and known["groups"].eq(n_models // 2).all()
        assert known.loc[known["target"] == "d_prime", columns].notna().all(axis=None)
        assert table.loc[severity, columns].isna().all(axis=None) and table.loc[severity, "groups"].eq(0).all()
    correlations = tables["correlations"]
    assert correlations.query("target == 'severity' and difficulty == 'el2n'")["estimate"].notna().all()
    others = replace(OPTIONS, targets=("d_prime", "onset"))
    alone = correlation_tables(world, LIRA, measures, labels, splits, others)["correlations"].drop(columns="p_holm")
    kept = correlations[correlations["target"] != "severity"].drop(columns="p_holm").reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, alone)
    reliable = tables["reliabilities"].set_index(["quantity", "models"])
    assert reliable.loc[("d_prime", "in-out"), "groups"] == n_models // 2
    assert np.isnan(reliable.loc[("severity", "in-out"), "low"])


def test_class_explains_what_only_classes_differ_in():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 400)
    t = np.arange(4)[:, None]
    world = dynamic_world(5, 32, t * (0.2 + labels), t - 2.0 * labels)
    measures = Difficulty({("loss", "out"): difficulty(world, 0.3).values["loss", "out"]})
    splits = Splits.random(16, 3, 16, 0)
    table = correlation_tables(world, LIRA, measures, labels, splits, OPTIONS)["correlations"]
    at = table[table["target"] == "d_prime"].set_index("method")
    assert at.loc["spearman", "estimate"] > 0.5
    assert abs(at.loc["partial_spearman", "estimate"]) < 0.15


def loss_with_d_prime(world, splits):
    values = difficulty(world, 0.3).values["loss", "out"]
    options = replace(OPTIONS, targets=("d_prime",), kendall_samples=10, bins=2)
    n = values.shape[1]
    tables = correlation_tables(world, LIRA, Difficulty({("loss", "out"): values}), np.zeros(n, int), splits, options)
    table = tables["correlations"]
    return table[(table["target"] == "d_prime") & (table["method"] == "spearman")].iloc[0]


@pytest.mark.slow
def test_pool_without_a_law_correlates_by_chance():
    """The doubt about jackknife intervals: they hold for these samples, whose correlation is never exactly 0.

    Difficulty and d' are drawn independently; many models pin the chance correlation down. A test of the models'
    spread alone then rejects "no relation" far too often; with the samples' spread added it does not.
    """
    n, wrong, right = 100, 0, 0
    splits = Splits.random(32, 2, 16, 0)
    t = np.arange(2)[:, None]
    for seed in range(60):
        rng = np.random.default_rng([9, seed])
        world = dynamic_world(seed, 64, t * rng.exponential(2, n), t - 2 * rng.normal(size=n), deviation=0.5)
        row = loss_with_d_prime(world, splits)
        wrong += row["low"] > 0 or row["high"] < 0
        right += row["p_value"] < 0.05
    assert wrong > 20
    assert right <= 8  # binomial(60, .05) exceeds it with chance .3 %


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.5, 0.0], ids=["relation", "no_leak_relation"])
def test_intervals_cover_and_find_the_truth(slope, capsys):
    """Nominal 95 %, at least 93 % up to the binomial error. Estimand: the mean over worlds of the same samples."""
    replications, splits = 120, Splits.random(16, 4, 8, 0)
    rows = [loss_with_d_prime(growing_world(seed, 32, 80, slope), splits) for seed in range(replications)]
    estimates = np.array([row["estimate"] for row in rows])
    truth = estimates.mean()
    covered = np.mean([row["low"] <= truth <= row["high"] for row in rows])
    ratio = np.mean([row["se"] for row in rows]) / estimates.std()
    with capsys.disabled():
        print(f"\n  loss with d', slope {slope}: Spearman {truth:.3f}, coverage {covered:.3f}, SE over SD {ratio:.2f}")
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
    assert truth > 0.3 if slope else abs(truth) < 0.15


def hidden_world(seed: int, n_models: int, n: int, spearman: float, scale: float):
    """d' is normal with a small deviation; the hidden hardness has a known rank correlation with it."""
    rho, rng = 2 * np.sin(np.pi * spearman / 6), np.random.default_rng([31, seed])
    z = rng.normal(size=n)
    hard = rho * z + np.sqrt(1 - rho**2) * rng.normal(size=n)
    world = dynamic_world(seed, n_models, np.stack([0 * z, scale * z]), np.zeros((2, n)))
    values = hard + rng.normal(size=(n_models // 2, n))
    return world, Difficulty({("loss", "out"): values.astype(np.float32)})


def without_noise(seed: int, n_models: int, n: int, spearman: float, scale: float) -> pd.Series:
    world, measures = hidden_world(seed, n_models, n, spearman, scale)
    options = replace(OPTIONS, targets=("d_prime",), kendall_samples=10, bins=2)
    splits = Splits.random(n_models // 2, 3, 16, 0)
    tables = correlation_tables(world, LIRA, measures, np.zeros(n, int), splits, options)
    plain = tables["correlations"].query("method == 'spearman'").iloc[0]
    return tables["disattenuated"].iloc[0].to_dict() | {"plain_high": plain["high_total"]}


@pytest.mark.slow
def test_noise_does_not_contradict_a_correlation():
    """True rank correlation 0.29, d' of a standard deviation of 0.12, 16 models: the plain one is about 0.04."""
    rows = [without_noise(seed, 16, 8000, 0.29, 0.12) for seed in range(4)]
    assert all(row["plain_high"] < 0.1 for row in rows), "wholly below a bound of 0.1"
    assert all(row["vague"] or row["high"] > 0.29 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("true", [0.0, 0.1])
def test_limits_without_noise_cover_at_any_number_of_models(true, capsys):
    for n_models in (16, 64):
        rows = [without_noise(seed, n_models, 500, true, 0.6) for seed in range(25)]
        known = [row for row in rows if not row["vague"]]
        above = np.mean([row["low"] > true for row in known])
        covered = np.mean([row["low"] <= true <= row["high"] for row in known])
        with capsys.disabled():
            print(f"\n  {n_models} models, true {true}: coverage {covered:.2f}, wholly above {above:.2f}", end="")
        assert len(known) >= 20 and covered >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / len(known))


def test_planted_samples_are_found():
    rng = np.random.default_rng(6)
    n = 300
    planted = np.zeros(n, dtype=bool)
    planted[rng.choice(n, 30, replace=False)] = True
    t = np.arange(4)[:, None]
    world = dynamic_world(6, 32, t * np.where(planted, 1.5, 0.3), t * np.where(planted, -1, 1.0))
    measures = difficulty(world, 0.3)
    table = planted_table(planted, world, measures, 16, 0.95).set_index(["quantity", "models"])
    assert table.loc[("d_prime", "in-out"), "low"] > 0.9
    assert table.loc[("loss", "out"), "low"] > 0.9 and table.loc[("c_score", "out"), "auroc"] > 0.9
    assert (table["low"] <= table["auroc"]).all() and (table["auroc"] <= table["high"]).all()
    null = planted_table(rng.permutation(planted), world, measures, 16, 0.95).set_index(["quantity", "models"])
    assert null.loc[("d_prime", "in-out"), "low"] < 0.5 < null.loc[("d_prime", "in-out"), "high"]
    with pytest.raises(ValueError, match="nothing to tell apart"):
        planted_table(np.zeros(n, dtype=bool), world, measures, 16, 0.95)
