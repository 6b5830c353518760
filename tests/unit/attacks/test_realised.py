"""What is realised on held-out targets: a loop, Bayes on a known world, noise, ties, floors, coverage."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from held_out_studies import LIRA, LOSS, SETTINGS, run_of, tables_of
from memdyn.attacks.base import Prepared, build
from memdyn.attacks.held_out import held_out
from memdyn.attacks.realised import LISTS, realised_tables, some_of, tables_of_attacks
from memdyn.attacks.signals import Signals
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.roc import roc
from memdyn.tables import STAGES
from signal_attacks import OnLogits, OnViews, of_the_first, write_files
from worlds import complementary_mask, gaussian_world


def value_of(table, **where):
    """The only row of these keys."""
    (row,) = table[np.logical_and.reduce([table[name] == value for name, value in where.items()])].to_dict("records")
    return row


def slow_list(p, fdr):
    """Benjamini and Hochberg by their own words: the largest k with p_(k) <= k fdr / n."""
    ordered = sorted(p)
    k = max((k for k in range(1, len(p) + 1) if ordered[k - 1] <= k * fdr / len(p)), default=0)
    return [bool(k) and value <= ordered[k - 1] for value in p]


def test_a_loop_finds_the_same():
    attack, world = build(LOSS), gaussian_world(0, 12, 60, 2.0)
    planted = np.arange(60) < 7
    tables = tables_of(attack, world, planted=planted)
    one = held_out(attack, Prepared.of(attack, world), 16, SETTINGS.fprs)[0]
    p, mask = one.p_values(), world.mask
    chosen = one.vulnerable.attacked(0.1)
    for a, fpr in enumerate(SETTINGS.fprs):
        calls = {"plain": one.scores > np.repeat(one.cuts[0, a], 2)[:, None], "calibrated": p <= fpr}
        for way, called in calls.items():
            for samples in ("all", "top0.1", "planted"):
                members, others = [], []
                for m in range(12):
                    for i in range(60):
                        if {"all": True, "top0.1": chosen[m // 2, i], "planted": planted[i]}[samples]:
                            (members if mask[m, i] else others).append(called[m, i])
                keys = {"way": way, "samples": samples, "nominal_fpr": fpr}
                known = fpr * 5 * 60 >= 1
                tpr, fpr_there = (value_of(tables["realised"], metric=name, **keys)["value"] for name in ("tpr", "fpr"))
                if not known:
                    assert np.isnan([tpr, fpr_there]).all()
                    continue
                assert (tpr, fpr_there) == pytest.approx((np.mean(members), np.mean(others)))
                found = value_of(tables["realised"], metric="precision_at_prior_0.1", **keys)["value"]
                right, wrong = 0.1 * tpr, 0.9 * fpr_there
                assert np.isnan(found) if right + wrong == 0 else found == pytest.approx(right / (right + wrong))
    rows = []
    for m in range(12):
        listed = np.array(slow_list(list(p[m]), 0.1))
        false = (listed & ~mask[m]).sum() / max(listed.sum(), 1)
        rows.append((listed.sum(), listed.any(), false, (listed & mask[m]).sum() / mask[m].sum()))
    lists = tables["member_lists"].set_index("metric")["value"]
    np.testing.assert_allclose(lists[list(LISTS)], np.mean(rows, axis=0))
    for way, values in (("plain", one.scores), ("calibrated", one.surprise)):
        curve = roc(values[mask], values[~mask], np.array([0.01]))
        metrics = tables["calibrated_metrics"]
        found = metrics[metrics["way"] == way].set_index("metric")["value"]
        assert (found["auc"], found["tpr_at_fpr_0.01"]) == pytest.approx((curve.auc, curve.tpr[0]))


def test_bayes_on_a_known_world():
    """Margins N(0, 1) of non-members, N(2, 1) of members, all samples alike: Neyman and Pearson's curve."""
    rng = np.random.default_rng(1)
    mask = complementary_mask(rng, 32, 1500)
    world = Signals.of_margins(rng.normal(size=mask.shape) + 2 * mask, mask, rng.normal(size=(32, 5)))
    tables = tables_of(build(LOSS), world)
    for way in ("plain", "calibrated"):
        for fpr, within in ((0.001, 0.03), (0.01, 0.02), (0.1, 0.015)):
            tpr = norm.sf(norm.isf(fpr) - 2)
            keys = {"way": way, "samples": "all", "nominal_fpr": fpr}
            found = value_of(tables["realised"], metric="tpr", **keys)["value"]
            assert found == pytest.approx(tpr, abs=within if way == "plain" else within + 0.03)
            there = value_of(tables["realised"], metric="fpr", **keys)
            assert there["low"] <= fpr <= there["high"] and there["value"] == pytest.approx(fpr, rel=0.35)
            precise = value_of(tables["realised"], metric="precision_at_prior_0.01", **keys)
            assert precise["low"] <= 0.01 * tpr / (0.01 * tpr + 0.99 * fpr) <= precise["high"] or way == "calibrated"


@pytest.mark.parametrize(
    ("options", "groups", "replications"), [(LOSS, 4, 12), (LIRA, 16, 5)], ids=lambda given: str(given)[:15]
)
def test_of_noise_nothing_is_realised(options, groups, replications):
    """FPRs are nominal, precision is the prior, at most a tenth of the targets has a list, all curves are diagonal."""
    attack = build(options)
    settings = replace(SETTINGS, groups=groups)
    found = [tables_of(attack, gaussian_world(seed, 16, 200, 0.0), settings) for seed in range(replications)]
    rates = pd.concat([one["realised"] for one in found])
    mean = rates[rates["samples"] == "all"].groupby(["way", "nominal_fpr", "metric"])["value"].mean()
    trials = replications * 8 * 200
    for way in ("plain", "calibrated"):
        for fpr in (0.01, 0.1):
            error = 3 * np.sqrt(fpr * (1 - fpr) / trials)
            assert mean[way, fpr, "fpr"] == pytest.approx(fpr, rel=0.15, abs=error)
            assert mean[way, fpr, "tpr"] == pytest.approx(mean[way, fpr, "fpr"], abs=2 * error)
        assert mean[way, 0.1, "precision_at_prior_0.1"] == pytest.approx(0.1, abs=0.012)
        assert mean[way, 0.1, "precision_at_prior_0.5"] == pytest.approx(0.5, abs=0.03)
    lists = pd.concat([one["member_lists"] for one in found]).groupby("metric")["value"].mean()
    targets = 16 * replications
    assert lists["with_list"] * targets <= binom.ppf(0.999, targets, 0.1) and lists["fdr"] <= lists["with_list"]
    curves = pd.concat([one["calibrated_metrics"] for one in found]).groupby(["way", "metric"])["value"].mean()
    assert curves["calibrated", "auc"] == pytest.approx(0.5, abs=3 * np.sqrt(1 / (3 * trials)) + 0.003)


def test_ties_and_constant_scores():
    """Two values: who has the larger one is a member, or nobody is; never part of the tied."""
    rng = np.random.default_rng(2)
    mask = complementary_mask(rng, 16, 100)
    two = (rng.random(mask.shape) < np.where(mask, 0.9, 0.05)).astype(float)
    tables = tables_of(build(LOSS), Signals.of_margins(two, mask, two[:, :3]))["realised"]
    for fpr, tpr in ((0.01, 0.0), (0.1, two[mask].mean())):
        assert value_of(tables, way="plain", samples="all", nominal_fpr=fpr, metric="tpr")["value"] == pytest.approx(
            tpr
        )
    same = tables_of(build(LOSS), Signals.of_margins(np.ones(mask.shape), mask, two[:, :3]))
    rates = same["realised"].query("samples == 'all' and metric in ('tpr', 'fpr')")
    assert (rates["value"].dropna() == 0).all() and (same["member_lists"]["value"] == 0).all()
    precise = same["realised"][same["realised"]["metric"].str.startswith("precision")]
    assert precise["value"].isna().all() and precise[["low", "high"]].isna().all(axis=None)
    assert (same["calibrated_metrics"].query("metric == 'auc' and way != 'difference'")["value"] == 0.5).all()


def test_tables_are_as_declared_and_in_order():
    world = gaussian_world(3, 16, 60, 1.0)
    planted = np.arange(60) < 4
    tables = realised_tables(build(LOSS), run_of(world, [0, 1, 2, 3, 9]), planted, SETTINGS)
    assert set(tables) == set(STAGES["realised"])
    for name, table in tables.items():
        STAGES["realised"][name].checked(table.assign(attack="loss"))
    rates = tables["realised"]
    assert rates["samples"].unique().tolist() == ["all", "top0.01", "top0.05", "top0.1", "planted"]
    known = rates.dropna(subset=["low"])
    assert ((known["low"] <= known["value"]) & (known["value"] <= known["high"])).all()
    assert "planted" not in set(tables_of(build(LOSS), world)["realised"]["samples"])


def test_a_costly_attack_has_the_last_checkpoint_without_limits():
    scores = run_of(gaussian_world(3, 16, 60, 1.0), [0, 1, 2])
    scores.for_attack = lambda attack: scores
    attacks, none = {"a": build(LOSS), "b": build(LOSS)}, np.zeros(60, dtype=bool)
    tables = tables_of_attacks(attacks, scores, none, SETTINGS, lambda line: None, costly=["b"])
    for name, table in tables.items():
        plain, costly = (table[table["attack"] == label] for label in "ab")
        assert set(costly["epoch"]) == {2} and costly["low"].isna().all(), name
        value = "tpr" if name == "calibrated_roc" else "value"
        if name != "calibrated_roc":  # whose grid of FPRs starts where the smallest replicate has one
            np.testing.assert_allclose(costly[value], plain[plain["epoch"] == 2][value])


@pytest.mark.parametrize(("count", "found"), [(1, [9]), (2, [0, 9]), (3, [0, 2, 9]), (9, [0, 1, 2, 3, 9])])
def test_checkpoints(count, found):
    assert some_of([0, 1, 2, 3, 9], count) == found


def test_eight_models_have_numbers_without_limits():
    tables = tables_of(build(LIRA), gaussian_world(4, 8, 200, 2.0))
    rates = tables["realised"].query("samples == 'all' and metric == 'tpr' and nominal_fpr == 0.1")
    assert rates["value"].notna().all() and rates["low"].isna().all()
    few = tables["realised"].query("samples == 'top0.1' and metric == 'tpr' and nominal_fpr == 0.1")
    assert few["value"].notna().all()
    assert tables["member_lists"]["value"].notna().all()


def test_an_attack_that_lacks_models_leaves_the_others_their_numbers():
    scores, told = run_of(gaussian_world(5, 8, 60, 1.0).take(np.array([0, 1, 2]))), []
    scores.for_attack = lambda attack: scores
    planted = np.zeros(60, dtype=bool)
    attacks = {"lira": build(LIRA), "loss": build(LOSS)}
    tables = tables_of_attacks(attacks, scores, planted, SETTINGS, told.append)
    assert all(set(table["attack"]) == {"loss"} for table in tables.values())
    assert told[0].startswith("lira has no numbers, because ") and told[1] == "loss: done"
    with pytest.raises(TooFewModels, match="lira has no numbers"):
        tables_of_attacks({"lira": build(LIRA)}, scores, planted, SETTINGS, told.append)


def test_an_attack_on_some_samples_has_the_planted_ones_among_these(tmp_path):
    """The first 20 of 40, of which 4 of 9 are planted: with the numbers of a pool of these 20."""
    files, planted, told = write_files(tmp_path), np.arange(40) % 5 == 1, []
    few = of_the_first(files, tmp_path, "margin_views", 20)
    tables = tables_of_attacks({"a": OnViews(), "b": OnLogits()}, few, planted, SETTINGS, told.append)
    assert told == ["a: done", "b: done"]
    alone = realised_tables(OnViews(), few.for_attack(OnViews()), planted[:20], SETTINGS)
    for name, table in alone.items():
        found = tables[name].query("attack == 'a'").drop(columns="attack").reset_index(drop=True)
        pd.testing.assert_frame_equal(found, table)
    assert "planted" in set(alone["realised"]["samples"])


def test_lists_that_nobody_has_still_have_limits():
    """All replicates are 0, and the truth need not be: up to 3.7 samples on the lists of all targets together."""
    lists = tables_of(build(LOSS), gaussian_world(0, 16, 50, 0.0))["member_lists"].set_index("metric")
    assert (lists["value"] == 0).all() and (lists["low"] == 0).all()
    assert lists.loc["listed", "high"] == pytest.approx(-np.log(0.025) / 16, rel=0.02)
    assert lists.loc["with_list", "high"] == lists.loc["fdr", "high"] == pytest.approx(1 - 0.025 ** (1 / 16))


def fixed_samples(seed, law, n_models=16, n_samples=120):
    """Samples that are always the same, of a few of which the thresholds are; models that move together a little."""
    samples, rng = np.random.default_rng(0), np.random.default_rng([7, seed])
    mean, effect = samples.normal(1, 2, n_samples), samples.gamma(0.5, 2.0, n_samples)
    mask = complementary_mask(rng, n_models, n_samples)
    noise = {"normal": rng.normal(size=mask.shape), "heavy": rng.standard_t(3, mask.shape)}[law]
    margins = mean + noise + 0.3 * rng.normal(size=(n_models, 1)) + effect * mask
    return Signals.of_margins(margins, mask, margins[:, :3])


def test_the_fpr_over_all_samples_is_pinned_by_its_thresholds():
    """They are ranks among the same samples' scores: over studies it varies far less than as many trials would."""
    settings = replace(SETTINGS, fprs=(0.1,))
    rates = [tables_of(build(LOSS), fixed_samples(seed, "normal"), settings)["realised"] for seed in range(6)]
    rows = [value_of(each, way="plain", samples="all", metric="fpr") for each in rates]
    binomial = 1.96 * np.sqrt(0.1 * 0.9 / (8 * 120))
    assert all(row["low"] < row["value"] < row["high"] for row in rows)
    assert np.mean([row["high"] - row["low"] for row in rows]) < 1.5 * binomial


def test_a_threshold_at_the_second_largest_score_is_luck():
    """Of 8 x 120 non-members .25 % are two. Without a group it is the same or the next: a jackknife sees little."""
    settings = replace(SETTINGS, fprs=(0.0025,))
    for seed in range(3):
        world = fixed_samples(seed, "heavy")
        one = held_out(build(LOSS), Prepared.of(build(LOSS), world), 16, settings.fprs)[0]
        row = value_of(tables_of(build(LOSS), world, settings)["realised"], way="plain", samples="all", metric="tpr")
        inside = one.split(one.scores)[0]
        fewest, most = ((inside > cuts[0][:, None]).mean() for cuts in one.cuts[1:])
        assert row["low"] <= fewest <= row["value"] <= most <= row["high"]


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "heavy"])
def test_limits_cover(law, replications=16):
    """95 % nominal, of the mean over models."""
    attack, parts = build(LOSS), []
    for seed in range(replications):
        tables = tables_of(attack, fixed_samples(seed, law))
        rates = tables["realised"].query("samples == 'all' and nominal_fpr > 0.001 and metric in ('tpr', 'fpr')")
        keyed = [
            rates.assign(key=rates["way"] + rates["metric"] + rates["nominal_fpr"].astype(str)),
            tables["member_lists"].assign(key=tables["member_lists"]["metric"]),
            tables["calibrated_metrics"].query("way != 'difference'").assign(key=lambda t: t["way"] + t["metric"]),
        ]
        parts += [table[["key", "value", "low", "high"]] for table in keyed]
    found = pd.concat(parts).dropna()
    found["truth"] = found["key"].map(found.groupby("key")["value"].mean())
    covered = ((found["low"] <= found["truth"]) & (found["truth"] <= found["high"])).groupby(found["key"]).mean()
    assert len(covered) >= 16 and covered.min() >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
