"""Attacks on models of any design: nobody betrays the left-out model, and worlds of known answers are recovered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from designs import DESIGNS, coins, cross_validations, folded, folded_world, half_of_the_models, of_pairs
from every_attack import ATTACKS, label
from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.evaluate_folds import evaluate_folds, target_spread
from memdyn.attacks.folds import Models
from memdyn.attacks.pooling import target_spread as target_spread_of_pairs
from memdyn.design.references import n_references, n_references_without_one
from memdyn.stats.jackknife import TooFewModels, interval, standard_error
from memdyn.stats.roc import auc
from memdyn.store.tables import declared
from memdyn.tables import IN_FOLDS
from memdyn.terms import FPRS
from worlds import gaussian_world, readable_by

SETTINGS = Settings(0.95, 16, 20, 0, FPRS, (), 4)
LIRA = build({"name": "lira", "mode": "online", "variance": "per_sample"})
WATSON = build({"name": "difficulty_calibration", "signal": "margin"})
RUNS = 100
# these are calibrated by the other half of the pairs, or by a prior that starts from it, even where one is left out
BY_HALVES = ("shokri2017", "trajectory", "sequence")


def for_watson(*world, **more):
    """A world whose signals the attack of Watson et al. has prepared."""
    given = folded_world(*world, **more)
    return replace(given, arrays=given.arrays.map(WATSON.prepare), population=given.population.map(WATSON.prepare))


def per_model(scores, mask):
    known = ~np.isnan(scores)
    rows = zip(scores, mask, known, strict=True)
    return np.mean([auc(row[own & there], row[~own & there]) for row, own, there in rows])


def slow_lira(given, count):
    """The score of each model and sample by itself, from its first IN and OUT models of other folds."""
    scores = np.full(given.mask.shape, np.nan)
    for model, sample in np.ndindex(scores.shape):
        laws = []
        for kind in (True, False):
            found = [
                other
                for other in given.order[sample]
                if given.fold[other] != given.fold[model] and given.mask[other, sample] == kind
            ]
            if len(found) >= count:
                values = given.arrays["margin"][found[:count], sample]
                laws.append(stats.norm(values.mean(), values.std(ddof=1)))
        if len(laws) == 2:
            own = given.arrays["margin"][model, sample]
            scores[model, sample] = laws[0].logpdf(own) - laws[1].logpdf(own)
    return scores


@pytest.mark.parametrize("design", DESIGNS)
def test_scores_are_those_of_the_models_of_other_folds(design):
    given = folded_world(0, design, 16, 16, 1.0)
    np.testing.assert_allclose(given.score(LIRA, 2), slow_lira(given, 2), rtol=1e-9, atol=1e-9)
    left = given.fold != 1
    of_rest = replace(given, arrays=given.arrays.of_models(left), mask=given.mask[left], fold=given.fold[left])
    renumbered = np.cumsum(left) - 1
    order = np.array([renumbered[row[left[row]]] for row in given.order])
    without = slow_lira(replace(of_rest, order=order), 2)
    np.testing.assert_allclose(given.score(LIRA, 2, without=1), without, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", [each for each in ATTACKS if each["name"] not in BY_HALVES], ids=label)
def test_pairs_as_folds_are_leaving_out_a_pair(options):
    """Then all other models calibrate, in whatever order: the same scores by another way."""
    attack = build(options)
    world = readable_by(attack, gaussian_world(3, 12, 60, 1.0)).map(attack.prepare)
    given = of_pairs(world)
    assert n_references(given.mask, given.fold) == 5
    wanted = attack.score_prepared(world, "pairs")
    np.testing.assert_allclose(given.score(attack, 5), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("design", [half_of_the_models, cross_validations])
def test_no_score_knows_its_own_models_membership(options, design):
    """Nor that of any other model of the fold."""
    attack = build(options)
    world = readable_by(attack, gaussian_world(4, 16, 48, 1.0)).map(attack.prepare)
    mask = folded_world(1, design, 16, 48, 0.0).mask
    fold = np.arange(16) // 4
    given = folded(world.arrays, world.population, mask, fold)
    flipped = replace(given, mask=np.where((fold == 2)[:, None], ~mask, mask))
    count = 2
    before, after = (each.score(attack, count)[fold == 2] for each in (given, flipped))
    assert np.array_equal(before, after, equal_nan=True) and np.isfinite(before).any()


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n_models", [8, 16, 32])
def test_pure_noise_gives_one_half(design, n_models):
    values = []
    for seed in range(12):
        given = folded_world(seed, design, n_models, 1000, 0.0, model_effect=0.5)
        count = n_references(given.mask, given.fold)
        if count < 2:
            assert n_models == 8 and design is not half_of_the_models, "too few to be studied at all"
            return
        values.append(per_model(given.score(LIRA, count), given.mask))
    assert np.mean(values) == pytest.approx(0.5, abs=0.005)


def test_what_all_other_models_betray():
    """On noise, calibration by all models of other folds, as other tools do it: why as many IN as OUT are taken."""
    found = []
    for seed in range(10):
        given = folded_world(seed, half_of_the_models, 8, 1000, 0.0)
        scores = np.empty(given.mask.shape)
        for model in range(8):
            laws = []
            for kind in (True, False):
                chosen = (given.mask == kind) & (np.arange(8) != model)[:, None]
                values = np.ma.array(given.arrays["margin"], mask=~chosen)
                laws.append(stats.norm(values.mean(axis=0).data, values.std(axis=0, ddof=1).data))
            own = given.arrays["margin"][model]
            scores[model] = laws[0].logpdf(own) - laws[1].logpdf(own)
        found.append(per_model(scores, given.mask))
    assert np.mean(found) == pytest.approx(0.445, abs=0.01)


def test_the_null_sees_models_that_hang_together_in_two_folds():
    """Models k and k + 8 share nearly all members and half of their noise; nobody knows a membership."""
    found = {}
    for name, fold in (("apart", np.arange(16)), ("together", np.arange(16) % 8)):
        values = []
        for seed in range(6):
            rng = np.random.default_rng(seed)
            once, noise = half_of_the_models(rng, 8, 400), rng.normal(size=(8, 400))
            mask = np.tile(once, (2, 1)) ^ (rng.random((16, 400)) < 0.02)
            margins = np.tile(noise, (2, 1)) + rng.normal(size=mask.shape)
            arrays = replace(folded_world(0, coins, 16, 400, 0.0).arrays, arrays={"margin": margins})
            given = folded(arrays, arrays, mask, fold)
            values += [per_model(each.score(LIRA, 2), each.mask) for each in (given.exchanged(seed, k) for k in (0, 1))]
        found[name] = np.mean(values)
    assert found["apart"] > 0.512 and found["together"] == pytest.approx(0.5, abs=0.006)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n_models", [16, 32, 64])
def test_a_known_auc_is_recovered(design, n_models):
    """Margins less the mean of k OUT ones are N(0, 1 + 1/k), of members d' higher."""
    values, counts = [], []
    for seed in range(8):
        given = for_watson(seed, design, n_models, 600, 1.0)
        counts.append(n_references(given.mask, given.fold))
        values.append(per_model(given.score(WATSON, counts[-1]), given.mask))
    known = stats.norm.cdf(1 / np.sqrt(2 * (1 + 1 / np.array(counts))))
    assert np.mean(values) == pytest.approx(known.mean(), abs=0.007)


def pooled(scores, mask):
    known = ~np.isnan(scores)
    return auc(scores[mask & known], scores[~mask & known])


def jackknifed(attack, given):
    """The pooled AUC, and without each fold, which fewer references do not change; sizes of the folds."""
    fewer, deleted = n_references_without_one(given.mask, given.fold), []
    for number in given.folds:
        deleted.append(pooled(given.score(attack, fewer, number), given.mask[given.fold != number]))
    value = pooled(given.score(attack, n_references(given.mask, given.fold)), given.mask)
    return value, np.array(deleted) - pooled(given.score(attack, fewer), given.mask) + value, given.sizes


def covered(design, n_models, runs):
    """How often the interval of the AUC holds its expectation, and its mean standard error over the true one."""
    found = [jackknifed(WATSON, for_watson(seed, design, n_models, 60, 1.0, model_effect=0.3)) for seed in range(runs)]
    low, high = np.array([interval(*each, 0.95) for each in found]).T
    values = [value for value, _, _ in found]
    width = np.mean([standard_error(*each) for each in found]) / np.std(values)
    return np.mean((low <= np.mean(values)) & (np.mean(values) <= high)), width


@pytest.mark.slow
@pytest.mark.parametrize(
    ("design", "n_models"),
    [(half_of_the_models, 8), (half_of_the_models, 16), (cross_validations, 32)],
)
def test_intervals_hold_the_expectation(design, n_models):
    share, width = covered(design, n_models, RUNS)
    assert 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / RUNS) < share
    assert 0.85 < width < 2.0, "of the true standard error"


@pytest.fixture(scope="module")
def tables():
    given = folded_world(0, half_of_the_models, 16, 80, 1.0)
    return evaluate_folds(LIRA, [(1, given), (3, given)], SETTINGS)


def test_tables_are_those_of_any_attack(tables):
    assert set(tables) == set(IN_FOLDS)
    for name, table in tables.items():
        assert len(declared(f"{name}.parquet", "attack").checked(table)) == len(table)
    metrics = tables["metrics"]
    assert metrics["epoch"].tolist() == [1, 1, 3, 3] and set(metrics["folds"]) == {"16 folds"}
    assert (metrics["n_models"] == 16).all() and (metrics["groups"] == 16).all()
    first, second = (tables["null"].query("epoch == @epoch")["auc"].to_numpy() for epoch in (1, 3))
    assert np.array_equal(first, second), "the same draws at all checkpoints"
    per = tables["null"].query("aggregation == 'per_model' and epoch == 1")["auc"]
    assert per.mean() == pytest.approx(0.5, abs=4 * per.sem()) and len(per) >= 20
    whole = metrics.query("epoch == 1").set_index("aggregation")
    replicates = tables["replicates"].query("epoch == 1 and metric == 'auc' and aggregation == 'pooled'")["value"]
    value, deleted, sizes = jackknifed(LIRA, folded_world(0, half_of_the_models, 16, 80, 1.0))
    assert whole.loc["pooled", "auc"] == value and replicates.tolist() == pytest.approx(deleted.tolist(), abs=1e-12)
    limits = [*interval(value, deleted, sizes, 0.95)]
    assert whole.loc["pooled", ["auc_low", "auc_high"]].tolist() == pytest.approx(limits, abs=1e-12)


def test_too_few_models():
    given = folded_world(0, half_of_the_models, 8, 40, 1.0)
    two = replace(given, fold=np.arange(8) % 2)
    with pytest.raises(TooFewModels, match=r"needs 2 IN and 2 OUT models .* of 8 models in 2 folds there are 0"):
        evaluate_folds(LIRA, [(1, two)], SETTINGS)
    few = evaluate_folds(LIRA, [(1, replace(given, fold=np.array([0, 1, 2, 2, 3, 3, 4, 4])))], SETTINGS)["metrics"]
    assert (few["groups"] == 0).all() and few["auc_low"].isna().all() and few["auc"].notna().all()


def test_a_model_that_failed_takes_no_other_with_it():
    left = Models.of(9, [2, 4])
    assert left.models.tolist() == [0, 1, 3, 5, 6, 7, 8] and len(left) == 7 and left.planned == 9


def test_spread_of_targets_is_that_of_pairs():
    world = gaussian_world(0, 16, 300, 1.0, model_effect=1.0)
    found = target_spread(world.margins, world.mask)
    assert found == pytest.approx(target_spread_of_pairs(world.split(world.margins)[1], world.mask), abs=0.05)
    assert target_spread(gaussian_world(0, 16, 300, 1.0).margins, world.mask) < 0.1
    holes = np.where(np.random.default_rng(0).random(world.mask.shape) < 0.02, np.nan, world.margins)
    assert target_spread(holes, world.mask) == pytest.approx(found, abs=0.05)


def test_a_wrong_attack_is_named():
    class Wrong(type(WATSON)):
        def score_prepared(self, signals, folds):
            return signals.arrays["score"][:, :-1]

    with pytest.raises(ValueError, match=r"scores must be \[models, samples\]"):
        for_watson(0, half_of_the_models, 8, 40, 1.0).score(Wrong("margin"), 2)


def test_samples_that_are_in_nearly_all_models_are_not_scored():
    """At most 2 % of a model's members, and of its others; the rest of the numbers do without them."""
    given = for_watson(0, coins, 16, 400, 1.0)
    count = n_references(given.mask, given.fold)
    scores = given.score(WATSON, count)
    lost = np.isnan(scores)
    assert 0 < lost.mean() < 0.02
    assert max((lost & kind).sum(axis=1).max() for kind in (given.mask, ~given.mask)) <= 0.02 * 250
    table = evaluate_folds(WATSON, [(1, given)], SETTINGS)["metrics"]
    assert isinstance(table, pd.DataFrame) and table[["auc", "auc_low", "auc_se_samples"]].notna().iloc[0].all()
