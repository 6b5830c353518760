"""Early determination: slow re-derivation, worlds with known truth, nulls, coverage."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from dynamic_worlds import dynamic_world
from memdyn.attacks.base import build
from memdyn.dynamics.baselines import BASELINES
from memdyn.dynamics.early import EarlyOptions, early_tables, findings
from memdyn.dynamics.half_targets import counted_rates, effects_of
from memdyn.dynamics.latent import SHARES, latent_limits
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.top_share import SampleJackknife, highest
from memdyn.dynamics.zones import ZoneBounds
from memdyn.stats import jackknife

LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})
OPTIONS = EarlyOptions(
    top=0.1,
    threshold="lr1",
    baselines=BASELINES,
    bounds=ZoneBounds(hv_tpr=0.8, hv_fpr=0.2, vulnerable_advantage=0.5, test_level=0.05),
    hv_splits=0,
    level=0.95,
)


def risky_world(seed: int, n_models: int, n: int, weights: list[float], scale: float = 1.0):
    """d'_i(t) = scale_t (w_t a_i + sqrt(1 - w_t^2) b_i), a and b fixed standard normals: corr(t, T) is known."""
    a, b = np.random.default_rng([10, n]).normal(size=(2, n))
    w = np.array(weights)[:, None]
    truth = scale * (w * a + np.sqrt(1 - w**2) * b)
    truth[0] = 0
    return dynamic_world(seed, n_models, truth, np.zeros_like(truth)), truth


def at(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1, where
    return table.iloc[0]


def test_highest_is_a_set_and_shares_ties():
    scores = np.array([[3.0, 1, 2, 5], [1, 1, 1, 0], [0, 0, 0, 0]])
    weights = highest(scores, np.array([2, 2, 0]))
    assert weights.tolist() == [[1, 0, 0, 1], [2 / 3, 2 / 3, 2 / 3, 0], [0, 0, 0, 0]]


def test_tables_are_loops_over_sets():
    world, _ = risky_world(0, 32, 50, [0, 0.5, 1.0], 2)
    splits = Splits.random(16, 2, 4, 0)
    tables = early_tables(world, LIRA, splits, replace(OPTIONS, hv_splits=1))
    load = world.loader("scored")
    effects = {epoch: list(effects_of(load(epoch), splits)) for epoch in world.epochs}
    zones = {
        epoch: [
            (tpr >= 0.8) & (fpr <= 0.2)
            for fpr, tpr in counted_rates(LIRA, load(epoch), splits.for_attack(LIRA, 1), "lr1")
        ]
        for epoch in world.epochs
    }

    def top(score):
        return set(np.argsort(score)[-5:].tolist())

    def measures(epoch, replicate):
        rows = []
        for h in range(4):
            score = effects[epoch][replicate][h]
            early, final = top(score), top(effects[2][replicate][h ^ 1])
            hits = len(early & final)
            others = [i for i in range(50) if i not in final]
            wins = [score[i] > score[j] for i in final for j in others]
            rows.append([hits / len(early), hits / len(final), hits / len(early | final), np.mean(wins)])
        return np.mean(rows, axis=0)

    early = tables["early"]
    for epoch in world.epochs:
        values = [measures(epoch, r) for r in range(5)]
        low, high = np.clip(jackknife.interval(values[0], np.array(values[1:]), splits.sizes, 0.95), 0, 1)
        for k, metric in enumerate(("precision", "recall", "jaccard", "auroc")):
            row = at(early, target="top", predictor="d_prime", epoch=epoch, metric=metric)
            expected = values[0][k], low[k], high[k], measures(2, 0)[k], [0.1, 0.1, 5 * 0.1 / 9.5, 0.5][k]
            got = row[["estimate", "low", "high", "ceiling", "chance"]].tolist()
            np.testing.assert_allclose(got, expected, rtol=1e-6)
            groups = tables["replicates"].query(
                f"target == 'top' and predictor == 'd_prime' and epoch == {epoch} and metric == '{metric}'"
            )
            np.testing.assert_allclose(groups.sort_values("group")["value"], [value[k] for value in values[1:]])

        recalls = [(zones[epoch][0][h] & zones[2][0][h ^ 1]).sum() / zones[2][0][h ^ 1].sum() for h in range(2)]
        row = at(early, target="hv", predictor="d_prime", epoch=epoch, metric="recall")
        assert row["estimate"] == pytest.approx(np.mean(recalls))

        observed = np.mean([stats.spearmanr(effects[epoch][0][h], effects[2][0][h ^ 1])[0] for h in range(4)])
        row = at(early, target="top", predictor="d_prime", epoch=epoch, metric="rank_correlation")
        assert row["estimate"] == pytest.approx(observed, abs=1e-6)

    final = {name: at(early, target="top", predictor="d_prime", epoch=2, metric=name) for name in ("recall", "auroc")}
    for metric in ("recall_share", "recall_over_ceiling", "disattenuated"):
        assert at(early, target="top", predictor="d_prime", epoch=2, metric=metric)["estimate"] == pytest.approx(1)
    assert final["recall"]["ceiling"] == final["recall"]["estimate"]
    assert set(early["predictor"]) == {"d_prime", *BASELINES}
    assert not early.duplicated(["target", "predictor", "models", "epoch", "metric"]).any()


def test_baselines_read_members_of_the_early_half():
    rng = np.random.default_rng(1)
    hard = rng.normal(size=200)
    t = np.arange(3)[:, None]
    world = dynamic_world(1, 32, t * np.exp(hard), t - 2 * hard)
    early = early_tables(world, LIRA, Splits.random(16, 3, 16, 0), OPTIONS)["early"]

    def auroc(predictor, models, epoch):
        return at(early, target="top", predictor=predictor, models=models, epoch=epoch, metric="auroc")["estimate"]

    assert auroc("loss", "mean", 0) > auroc("loss", "one", 0) > 0.8, "hard samples are at risk, and start low"
    assert auroc("loss", "one", 0) == pytest.approx(auroc("margin", "one", 0)), "one order in one model"
    assert auroc("lt_iqr", "one", 1) == auroc("forgetting", "one", 0) == 0.5, "nothing to see yet"
    recall = at(early, target="top", predictor="forgetting", models="one", epoch=0, metric="recall")
    assert recall["estimate"] == pytest.approx(0.1), "all tied: chance"


def test_disattenuated_correlation_finds_the_truth():
    world, truth = risky_world(2, 64, 600, [0, 0.3, 0.8, 1.0], 1.0)
    early = early_tables(world, LIRA, Splits.random(32, 5, 16, 0), OPTIONS)["early"]
    for epoch in (1, 2):
        true = stats.spearmanr(truth[epoch], truth[3]).statistic
        raw = at(early, epoch=epoch, metric="rank_correlation")
        row = at(early, epoch=epoch, metric="disattenuated")
        assert raw["estimate"] < true and row["low"] < true < row["high"], "noise lowers it, and is removed"
    assert raw["high"] < true
    assert np.isnan(at(early, epoch=0, metric="disattenuated")["estimate"]), "nothing to correlate before training"
    share = early[(early["metric"] == "recall_share") & (early["predictor"] == "d_prime")].set_index("epoch")[
        "estimate"
    ]
    assert share[1] < share[2] < share[3] == 1


def test_exact_models_know_everything_early():
    truth = np.random.default_rng(3).normal(1, 1, 200) * np.array([[0], [1], [2]])
    world = dynamic_world(3, 32, 100 * truth, np.zeros_like(truth), deviation=0.01)
    early = early_tables(world, LIRA, Splits.random(16, 2, 16, 0), OPTIONS)["early"]
    row = at(early, target="top", predictor="d_prime", epoch=1, metric="recall")
    assert row["estimate"] > 0.95 and row["ceiling"] > 0.95


def test_null_world_gives_chance_and_a_plain_ratio_that_misleads():
    n, ratios, options = 400, [], replace(OPTIONS, baselines=())
    for seed in range(6):
        world = dynamic_world(20 + seed, 32, np.zeros((3, n)), np.zeros((3, n)))
        early = early_tables(world, LIRA, Splits.random(16, 4, 16, 0), options)["early"]
        for metric, chance in (("recall", 0.1), ("auroc", 0.5)):
            row = at(early, target="top", predictor="d_prime", epoch=1, metric=metric)
            assert abs(row["estimate"] - chance) < 4 * row["se"]
            assert row["chance"] == pytest.approx(chance)
        ratios.append(at(early, predictor="d_prime", epoch=1, metric="recall_over_ceiling")["estimate"])
    assert np.mean(ratios) == pytest.approx(1, abs=0.25), "no leak, and yet 'all' of it is known early"


def test_limits_lie_where_the_metrics_can():
    truth = np.random.default_rng(3).normal(0, 1, 60) * np.array([[0], [0.2], [0.2]])
    world = dynamic_world(5, 16, truth, np.zeros_like(truth))
    early = early_tables(world, LIRA, Splits.random(8, 2, 4, 0), OPTIONS)["early"]
    assert early["groups"].eq(4).any()
    for metric in ("precision", "recall", "jaccard", "auroc", "rank_correlation", "reliability"):
        rows = early[(early["metric"] == metric) & early["low"].notna()]
        least = -1 if metric in ("rank_correlation", "reliability") else 0
        assert len(rows) and rows["low"].min() >= least and rows["high"].max() <= 1, metric
        assert (rows["low"] <= rows["estimate"]).all() and (rows["estimate"] <= rows["high"]).all()


def test_findings_are_the_sentence():
    world, _ = risky_world(4, 32, 200, [0, 0.5, 0.9, 0.95, 1.0], 3)
    early = early_tables(world, LIRA, Splits.random(16, 2, 16, 0), OPTIONS)["early"]
    found = findings(early, 0.5)
    row = found.iloc[0]
    assert (row["epoch"], row["last_epoch"]) == (2, 4)
    recall = at(early, target="top", predictor="d_prime", epoch=2, metric="recall")
    assert row["recall"] == recall["estimate"] and row["recall_low"] == recall["low"]
    assert row["sentence"] == (
        f"after 2 of 4 epochs, {recall['estimate']:.0%} [{max(recall['low'], 0):.0%}, {min(recall['high'], 1):.0%}] "
        f"of the samples finally at risk are found (ceiling {recall['ceiling']:.0%})"
    )


def test_no_sample_at_risk_is_said_so():
    """No d' here makes a highly vulnerable sample."""
    world, _ = risky_world(5, 32, 40, [0, 0.5, 1.0], 0.01)
    never = replace(OPTIONS.bounds, hv_tpr=1.0, hv_fpr=0.0)
    options = replace(OPTIONS, bounds=never, hv_splits=1, baselines=())
    early = early_tables(world, LIRA, Splits.random(16, 2, 4, 0), options)["early"]
    found = findings(early, 0.5).set_index("target")
    assert found.loc["hv", "sentence"] == "no sample is finally at risk" and np.isnan(found.loc["hv", "recall"])
    assert found.loc["top", "sentence"].startswith("after 1 of 2 epochs")


def test_few_models_give_estimates_without_intervals():
    world, _ = risky_world(5, 8, 60, [0, 0.5, 1.0], 3)
    tables = early_tables(world, LIRA, Splits.random(4, 3, 16, 0), replace(OPTIONS, hv_splits=1))
    assert set(tables["early"]["target"]) == {"top"} and tables["replicates"].empty
    row = at(tables["early"], target="top", predictor="d_prime", epoch=1, metric="recall")
    assert np.isfinite(row["estimate"]) and np.isnan(row["low"])
    assert "[" not in findings(tables["early"], 0.5).iloc[0]["sentence"]


def early_and_final(seed: int, n: int):
    """d' [4, n] of four halves, early and final; early, final and other halves agree in part."""
    rng = np.random.default_rng([20, seed])
    early, final = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], n).T
    return tuple(truth + 0.5 * rng.normal(size=(4, n)) for truth in (early, final))


def share_by_loop(early, final, top):
    """(recall - chance) / (ceiling - chance), of sets."""
    n = early.shape[1]
    size = round(top * n)
    found = {}
    for name, scores in (("early", early), ("ceiling", final)):
        hits = [len({*np.argsort(scores[h])[-size:]} & {*np.argsort(final[h ^ 1])[-size:]}) / size for h in range(4)]
        found[name] = np.mean(hits) - size / n
    return found["early"] / found["ceiling"]


def sample_error(final, early):
    by_samples = SampleJackknife(final, 0.1)
    return by_samples.error(by_samples.recalls(early))


def test_choice_of_samples_against_a_loop():
    early, final = early_and_final(0, 96)
    group = np.arange(96) % 16
    deleted = [share_by_loop(early[:, group != g], final[:, group != g], 0.1) for g in range(16)]
    expected = np.sqrt(15 / 16 * ((np.array(deleted) - np.mean(deleted)) ** 2).sum())
    assert sample_error(final, early) == pytest.approx(expected)


def test_choice_of_samples_is_the_spread_over_samples(capsys):
    """300 draws of 500 samples: the jackknife's variance against that of the shares themselves."""
    shares, variances = [], []
    for seed in range(300):
        early, final = early_and_final(seed, 500)
        shares.append(share_by_loop(early, final, 0.1))
        variances.append(sample_error(final, early) ** 2)
    ratio = np.sqrt(np.mean(variances)) / np.std(shares)
    with capsys.disabled():
        print(f"\nstandard error of the choice of samples over the true one: {ratio:.2f}")
    assert 0.85 < ratio < 1.3


def test_table_has_the_error_of_the_choice_of_samples():
    world, _ = risky_world(0, 32, 50, [0, 0.5, 1.0], 2)
    splits = Splits.random(16, 2, 4, 0)
    early = early_tables(world, LIRA, splits, OPTIONS)["early"]
    load = world.loader("scored")
    first, last = (next(effects_of(load(epoch), splits)) for epoch in (1, 2))
    row = at(early, target="top", predictor="d_prime", epoch=1, metric="recall_share")
    assert row["se_samples"] == pytest.approx(sample_error(last, first), rel=1e-3)
    with_error = early[early["se_samples"].notna()]
    assert set(with_error["metric"]) == {"recall_share", "latent_share"} and len(with_error) == 2 * len(world.epochs)


def test_latent_share_is_that_of_its_profile():
    world, _ = risky_world(6, 32, 300, [0, 0.6, 1.0], 2)
    splits = Splits.random(16, 3, 16, 0)
    tables = early_tables(world, LIRA, splits, replace(OPTIONS, baselines=()))
    row = at(tables["early"], epoch=1, metric="latent_share")
    profile = tables["profiles"].query("epoch == 1")
    assert (row["low"], row["high"]) == latent_limits(profile, 0.95)
    recall = at(tables["early"], target="top", epoch=1, metric="recall")["estimate"]
    expected = recall - profile["excess"].to_numpy().reshape(2, -1)
    assert row["estimate"] == pytest.approx(np.mean([np.interp(recall, one, SHARES) for one in expected]))
    values = tables["replicates"].query("metric == 'latent_share' and epoch == 1")["value"]
    assert row["se"] == pytest.approx(jackknife.standard_error(row["estimate"], values.to_numpy(), splits.sizes))
    untrained = at(tables["early"], epoch=0, metric="latent_share")
    assert untrained[["estimate", "low", "high"]].isna().all(), "nothing to order before training"
    last = at(tables["early"], epoch=2, metric="latent_share")
    assert last["estimate"] > 0.9 and last["high"] == 1


@pytest.mark.slow
def test_intervals_cover(capsys):
    """Nominal 95 %, at least 93 % up to the binomial error. Estimand: the mean over worlds of the same samples."""
    replications, splits, rows = 80, Splits.random(16, 4, 8, 0), []
    names = [("recall", 1), ("recall", 2), ("auroc", 1), ("recall_share", 1), ("rank_correlation", 1)]
    options = replace(OPTIONS, baselines=())
    names += [("disattenuated", 1), ("reliability", 2)]
    for seed in range(replications):
        world, truth = risky_world(seed, 32, 100, [0, 0.7, 1.0], 1.0)
        early = early_tables(world, LIRA, splits, options)["early"]
        early = early[early["predictor"] == "d_prime"].set_index(["metric", "epoch"])
        rows.append(early.loc[names, ["estimate", "low", "high", "se"]].to_numpy(dtype=float))
    values = np.array(rows)
    means = values[:, :, 0].mean(axis=0)
    covered = ((values[:, :, 1] <= means) & (means <= values[:, :, 2])).mean(axis=0)
    ratio = values[:, :, 3].mean(axis=0) / values[:, :, 0].std(axis=0)
    with capsys.disabled():
        for name, mean, c, r in zip(names, means, covered, ratio, strict=True):
            print(f"\n  {name}: mean {mean:.3f}, coverage {c:.3f}, SE over SD {r:.2f}", end="")
    assert (covered >= 0.93 - 1.75 * np.sqrt(0.93 * 0.07 / replications)).all()
    true = stats.spearmanr(truth[1], truth[2]).statistic
    assert means[names.index(("disattenuated", 1))] == pytest.approx(true, abs=0.05)
