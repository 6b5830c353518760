"""The tables of the attack stage, each number again by hand."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.evaluate import Settings, evaluate, evaluate_checkpoint, null_draws, null_seed, swaps
from memdyn.attacks.pooling import target_spread
from memdyn.attacks.signals import Signals
from memdyn.design.membership import membership
from memdyn.stats.jackknife import groups, interval
from memdyn.stats.rates import limits
from memdyn.stats.roc import auc, roc
from memdyn.stats.simultaneous import null_test
from memdyn.stats.threshold_luck import tprs_by_chance
from worlds import gaussian_world, prepared_by

SETTINGS = Settings(
    level=0.9, groups=4, draws=3, seed=11, fprs=(0.001, 0.01), rate_fprs=(0.01, 0.05, 0.1), points_per_decade=10
)
LIRA = {"name": "lira", "mode": "online", "variance": "shrunken"}
ATTACKS = [
    {"name": "loss"},
    LIRA,
    {"name": "rmia", "mode": "online", "a": 0.3, "gamma": 1.0},
    {"name": "rmia", "mode": "offline", "a": 0.3, "gamma": 1.0},
]
EPOCHS = (0, 3, 10)


def load(epoch, n_models=16):
    return gaussian_world(epoch, n_models, 120, epoch / 5)


def load_sham(epoch, n_models=16):
    return gaussian_world(100 + epoch, n_models, 30, 0.0)


def evaluated(attack, epochs, loader, sham_loader):
    return evaluate(attack, epochs, prepared_by(attack, loader), prepared_by(attack, sham_loader), SETTINGS)


@pytest.fixture(scope="module", params=ATTACKS, ids=lambda o: "-".join(str(v) for v in o.values()))
def result(request):
    attack = build(request.param)
    return attack, evaluated(attack, EPOCHS, load, load_sham)


@pytest.mark.parametrize("options", [LIRA, {"name": "loss"}], ids=["lira", "loss"])
def test_threads_change_nothing(options):
    attack = build(options)
    given = Prepared.of(attack, load(3))
    alone, shared = (evaluate_checkpoint(attack, given, replace(SETTINGS, threads=threads)) for threads in (1, 3))
    for name, table in alone.items():
        pd.testing.assert_frame_equal(shared[name], table, check_exact=True)


def row_of(table, **keys):
    for key, value in keys.items():
        table = table[table[key] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_columns(result):
    _, tables = result
    limits = [f"{c}{e}" for c in ("auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01") for e in ("", "_low", "_high")]
    assert list(tables["metrics"]) == [
        *("epoch", "aggregation", "folds"),
        *limits,
        *("level", "groups"),
        *(f"null_{c}" for c in ("auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01")),
        *("pooling_loss", "pooling_loss_at_least", "target_spread"),
        *(f"{c}_se_samples" for c in ("auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01")),
        *("n_models", "n_samples"),
    ]
    assert list(tables["roc"]) == ["epoch", "aggregation", "fpr", "tpr", "low", "high"]
    assert list(tables["replicates"]) == ["epoch", "aggregation", "metric", "group", "value"]
    assert list(tables["null"]) == ["epoch", "aggregation", "draw", "auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01"]
    assert list(tables["rates"]) == [
        *("part", "threshold", "folds", "epoch", "sample"),
        *("n_in", "n_out", "d_in", "d_out", "d_both"),
    ]
    assert len(tables["metrics"]) == len(EPOCHS) * 2
    assert len(tables["replicates"]) == len(EPOCHS) * 2 * 3 * 4
    assert len(tables["null"]) == len(EPOCHS) * 2 * null_draws(16, 120, 3)
    assert set(tables["metrics"]["groups"]) == {4}
    assert set(tables["metrics"]["folds"]) == {"pairs"}
    assert set(tables["rates"]["folds"]) == {"2"}


def test_metrics(result):
    attack, tables = result
    for epoch in EPOCHS:
        world = load(epoch)
        group = groups(8, 4)

        def measure(inputs):
            scores = attack.score(inputs, "pairs")
            own = [auc(s[m], s[~m]) for s, m in zip(scores, inputs.mask, strict=True)]
            return {"pooled": auc(scores[inputs.mask], scores[~inputs.mask]), "per_model": np.mean(own)}

        estimate = measure(world)
        deleted = [measure(world.take(np.flatnonzero(group != g))) for g in range(4)]
        for aggregation in ("pooled", "per_model"):
            row = row_of(tables["metrics"], epoch=epoch, aggregation=aggregation)
            values = np.array([d[aggregation] for d in deleted])
            low, high = interval(estimate[aggregation], values, np.full(4, 2), 0.9)
            assert row["auc"] == pytest.approx(estimate[aggregation], abs=1e-12)
            assert (row["auc_low"], row["auc_high"]) == (
                pytest.approx(max(low, 0), abs=1e-9),
                pytest.approx(min(high, 1), abs=1e-9),
            )
            assert (row["n_models"], row["n_samples"], row["level"]) == (16, 120, 0.9)
            kept = tables["replicates"].query("epoch == @epoch and aggregation == @aggregation and metric == 'auc'")
            np.testing.assert_allclose(kept["value"], values, atol=1e-12)


def test_below_the_floor_is_nan(result):
    _, tables = result
    pooled, per_model = (tables["metrics"].query("aggregation == @a") for a in ("pooled", "per_model"))
    assert pooled["tpr_at_fpr_0.01"].notna().all()
    assert pooled["tpr_at_fpr_0.001"].isna().all()  # 960 non-members
    assert per_model[["tpr_at_fpr_0.01", "tpr_at_fpr_0.01_low"]].isna().all(axis=None)


def test_roc(result):
    attack, tables = result
    for epoch in EPOCHS:
        world = load(epoch)
        curve = tables["roc"].query("epoch == @epoch and aggregation == 'pooled'")
        assert curve["fpr"].min() >= 1 / 960
        assert curve["fpr"].is_monotonic_increasing
        scores = attack.score(world, "pairs")
        expected = roc(scores[world.mask], scores[~world.mask], curve["fpr"].to_numpy()).tpr
        np.testing.assert_allclose(curve["tpr"], expected)
        assert ((curve["low"] <= curve["tpr"]) & (curve["tpr"] <= curve["high"])).all()
        assert ((curve["low"] >= 0) & (curve["high"] <= 1)).all()
        luck, group = tprs_by_chance(scores[world.mask], scores[~world.mask], curve["fpr"], 0.9), groups(8, 4)
        parts = [world.take(np.flatnonzero(group != g)) for g in range(4)]
        given = [(part.mask, attack.score(part, "pairs")) for part in parts]
        deleted = [roc(x[mask], x[~mask], curve["fpr"].to_numpy()).tpr for mask, x in given]
        expected = limits(np.array([expected, *deleted]), np.full(4, 2), 8 * 120, 0.9, luck)
        np.testing.assert_allclose(curve[["low", "high"]].to_numpy().T, expected, atol=1e-12)
        models = tables["roc"].query("epoch == @epoch and aggregation == 'per_model'")
        assert models["fpr"].min() >= 1 / (~world.mask).sum(axis=1).min()
        assert models.notna().all(axis=None)


def test_null_is_calibrated_anew_on_the_same_swaps(result):
    attack, tables = result
    for epoch in EPOCHS:
        found = {"pooled": [], "per_model": []}
        for draw in range(null_draws(16, 120, 3)):
            world = load(epoch)
            world = world.swap(swaps(world.mask, 11, draw))
            scores = attack.score(world, "pairs")
            models = [roc(s[m], s[~m], np.array([0.01, 0.05])) for s, m in zip(scores, world.mask, strict=True)]
            pooled = roc(scores[world.mask], scores[~world.mask], np.array([0.01]))
            found["pooled"].append([pooled.auc, pooled.tpr[0]])
            found["per_model"].append(np.mean([[m.auc, m.tpr[0]] for m in models], axis=0))
            for name, values in found.items():
                row = row_of(tables["null"], epoch=epoch, draw=draw, aggregation=name)
                np.testing.assert_allclose(row[["auc", "tpr_at_fpr_0.01"]].astype(float), values[-1], atol=1e-12)
        for name, values in found.items():
            row = row_of(tables["metrics"], epoch=epoch, aggregation=name)
            means = row[["null_auc", "null_tpr_at_fpr_0.01"]].astype(float)
            np.testing.assert_allclose(means, np.mean(values, axis=0), atol=1e-12)


def test_null_tells_what_the_convention_makes_of_noise():
    """TPR at 1 % FPR of one model with 300 non-members: 4 of 301 places lie above the third largest of them."""
    world = gaussian_world(3, 16, 600, 2.0)
    attack = build(LIRA)
    tables = evaluate_checkpoint(attack, Prepared.of(attack, world), replace(SETTINGS, draws=30))
    table = tables["metrics"].set_index("aggregation")
    assert table.loc["per_model", "null_tpr_at_fpr_0.01"] == pytest.approx(4 / 301, abs=0.001)
    assert table.loc["pooled", "null_tpr_at_fpr_0.01"] == pytest.approx(0.01, abs=0.001)


def test_pooling(result):
    attack, tables = result
    for epoch in EPOCHS:
        rows = {name: row_of(tables["metrics"], epoch=epoch, aggregation=name) for name in ("pooled", "per_model")}
        loss = rows["per_model"]["auc"] - rows["pooled"]["auc"]
        assert rows["pooled"]["pooling_loss"] == pytest.approx(loss, abs=1e-12)
        kept = (
            tables["replicates"]
            .query("epoch == @epoch and metric == 'auc'")
            .pivot(index="group", columns="aggregation")
        )
        deleted = (kept["value"]["per_model"] - kept["value"]["pooled"]).to_numpy()
        low, _ = interval(loss, deleted, np.full(4, 2), 0.9)
        assert rows["pooled"]["pooling_loss_at_least"] == pytest.approx(low, abs=1e-12)
        assert rows["per_model"][["pooling_loss", "target_spread", "auc_se_samples"]].isna().all()
        scores, mask = attack.score(load(epoch), "pairs"), load(epoch).mask
        spread = target_spread(load(epoch).split(scores)[1], mask)
        assert rows["pooled"]["target_spread"] == pytest.approx(spread, abs=1e-12)


def test_rates(result):
    attack, tables = result
    names = ["lr1"] * (attack.threshold is not None) + ["fpr0.01", "fpr0.05", "fpr0.1"]
    assert list(tables["rates"]["threshold"].unique()) == names
    for epoch, part in itertools.product(EPOCHS, ("scored", "sham")):
        loader, first = (load, 0) if part == "scored" else (load_sham, 120)
        world = loader(epoch)
        scores = attack.score(world, "halves")
        for name in names:
            called = np.zeros(scores.shape, dtype=bool)
            for half in (0, 1):
                models = (np.arange(16) // 2) % 2 == half
                others = np.sort(scores[models][~world.mask[models]])[::-1]
                allowed = int(float(name[3:]) * len(others)) if name != "lr1" else 0
                called[models] = scores[models] > others[allowed] if name != "lr1" else scores[models] >= 0
                if name != "lr1":
                    assert called[models][~world.mask[models]].mean() <= float(name[3:])
            table = tables["rates"]
            table = table[(table["epoch"] == epoch) & (table["part"] == part) & (table["threshold"] == name)]
            np.testing.assert_array_equal(table["sample"], first + np.arange(world.mask.shape[1]))
            np.testing.assert_array_equal(table["d_in"], (called & world.mask).sum(axis=0))
            np.testing.assert_array_equal(table["d_out"], (called & ~world.mask).sum(axis=0))
            np.testing.assert_array_equal(table["d_both"], (called[0::2] & called[1::2]).sum(axis=0))
            assert (table[["n_in", "n_out"]] == 8).all(axis=None)


def test_the_same_again_bit_for_bit(result):
    attack, tables = result
    again = evaluated(attack, EPOCHS, load, load_sham)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name], check_exact=True)


def test_one_checkpoint_at_a_time():
    calls = []

    def noting(kind, loader):
        def load_one(epoch):
            calls.append((kind, epoch))
            return loader(epoch)

        return load_one

    evaluated(build({"name": "loss"}), EPOCHS, noting("scored", load), noting("sham", load_sham))
    assert calls == [(kind, epoch) for epoch in EPOCHS for kind in ("scored", "sham")]


def test_too_few_models_for_a_jackknife_have_no_interval():
    attack = build(LIRA)
    with pytest.raises(ValueError, match="at least 8 models"):
        evaluated(attack, [1], lambda e: load(e, 6), lambda e: load_sham(e, 6))
    rmia = build(ATTACKS[2])
    metrics = evaluated(rmia, [1], lambda e: load(e, 4), lambda e: load_sham(e, 4))["metrics"]
    assert metrics["auc"].notna().all()
    assert metrics[["auc_low", "auc_high"]].isna().all(axis=None)
    assert set(metrics["groups"]) == {0}
    metrics = evaluated(attack, [1], lambda e: load(e, 8), lambda e: load_sham(e, 8))["metrics"]
    assert metrics[["auc_low", "auc_high"]].notna().all(axis=None)


def test_swaps_make_new_halves_that_are_fair_and_independent():
    mask = membership(120, range(16), 0, "pool", "scored")
    draws = np.array([swaps(mask, 0, draw) ^ mask[0::2] for draw in range(200)])
    assert (draws.sum(axis=2) == 60).all()
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=4.5 * 0.5 / np.sqrt(200))
    together = np.corrcoef(draws.reshape(200, -1)[:, ::17].T)
    assert np.abs(together - np.eye(len(together))).max() < 0.35
    assert (draws[0] ^ draws[1]).mean() == pytest.approx(0.5, abs=0.05)
    assert (swaps(mask, 1, 0) ^ swaps(mask, 0, 0)).mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(swaps(~mask, 0, 3) ^ ~mask[0::2], draws[3])


def test_swaps_of_uneven_masks_keep_their_sizes():
    """What a model's TPR at a small FPR is on noise depends on its number of non-members."""
    mask = np.zeros((4, 120), bool)
    mask[0, :24], mask[2, :84] = True, True
    mask[1::2] = ~mask[0::2]
    draws = np.array([swaps(mask, 0, draw) ^ mask[0::2] for draw in range(200)])
    assert (draws.sum(axis=2) == [24, 84]).all()
    np.testing.assert_allclose(draws.mean(axis=0).T - [0.2, 0.7], 0, atol=4.5 * 0.5 / np.sqrt(200))


def test_each_run_has_a_null_of_its_own():
    """On the very same scores: of one seed the draws of two runs are the same, of their own independent."""
    seeds = [
        null_seed(0, "pool", "run"),
        null_seed(0, "pool", "run b"),
        null_seed(0, "pool b", "run"),
        null_seed(1, "pool", "run"),
    ]
    assert len(set(seeds)) == 4
    assert null_seed(0, "pool", "run") == seeds[0]
    world = load(3)

    def draws(seed):
        attack, settings = build({"name": "loss"}), replace(SETTINGS, seed=seed, draws=200)
        table = evaluate_checkpoint(attack, Prepared.of(attack, world), settings)["null"]
        return table.query("aggregation == 'per_model'")["auc"].to_numpy()

    first = draws(seeds[0])
    for seed in seeds[1:]:
        assert abs(np.corrcoef(first, draws(seed))[0, 1]) < 4 / np.sqrt(200)
    np.testing.assert_array_equal(draws(seeds[0]), first)


@pytest.mark.parametrize(("n_models", "n_samples"), [(8, 20), (8, 400), (32, 100), (64, 4000)])
def test_a_small_study_takes_as_many_draws_as_show_a_bias_of_one_per_cent(n_models, n_samples):
    rng = np.random.default_rng(0)
    ranks = np.argsort(rng.random((2000, n_samples)), axis=1)[:, : n_samples // 2]
    aucs = (ranks.mean(axis=1) - (n_samples / 2 - 1) / 2) / (n_samples / 2)
    error = aucs.std() / np.sqrt(n_models * null_draws(n_models, n_samples, 10))
    bias = 0.02 if n_models == 8 else 0.01
    assert error <= 1.06 * bias / 8
    assert null_draws(n_models, n_samples, 10) == 10 or error >= 0.94 * bias / 8
    assert null_draws(n_models, n_samples, 2000) == 2000


def test_a_network_whose_pairs_are_equal_is_exactly_null():
    """Untrained models that share their start: every score is a tie within its pair."""
    world = load(0)
    equal = Signals.of_margins(
        np.repeat(world.margins[0::2], 2, axis=0), world.mask, np.repeat(world.population["margin"][0::2], 2, axis=0)
    )
    for options in ATTACKS:
        tables = evaluated(build(options), [0], lambda e: equal, load_sham)
        assert row_of(tables["metrics"], aggregation="pooled")["auc"] == 0.5
        np.testing.assert_allclose(tables["null"]["auc"], 0.5, rtol=0, atol=1e-15)
        assert null_test(tables["null"].query("aggregation == 'per_model'")[["auc"]].to_numpy(), 0.01, 99, 0).passed


def test_the_error_from_the_choice_of_samples():
    """Against the spread over many draws of samples whose effects differ, where many models average their noise out."""
    attack, found, errors = build({"name": "loss"}), [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        world = gaussian_world(seed, 64, 300, 0.0)
        effects = rng.exponential(1.0, 300)
        signals = Signals.of_margins(world.margins + effects * world.mask, world.mask, world.population["margin"])
        tables = evaluate_checkpoint(attack, Prepared.of(attack, signals), SETTINGS)
        metrics = tables["metrics"].set_index("aggregation").loc["pooled"]
        found.append(metrics["auc"])
        errors.append(metrics["auc_se_samples"])
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.35)
