"""What history adds: differences of attacks within a run, against the definition, and whether its intervals cover."""

import numpy as np
import pandas as pd
import pytest

from history_worlds import autoregressive
from memdyn.attacks.base import Prepared
from memdyn.attacks.lira import LiRA
from memdyn.attacks.log_ratio_sum import LogRatioSum
from memdyn.attacks.refits import Deletions, refits
from memdyn.compare.history import COLUMNS, history_gain
from memdyn.stats.jackknife import interval
from memdyn.stats.roc import roc
from memdyn.tables import STAGES

METRICS = ("auc", "tpr_at_fpr_0.01")
REPLICATIONS = 100
ALONE = {"log_ratio_sum": "lira"}


def tables(world, attacks, groups=8, run="a"):
    """Metrics and replicates of attacks at one checkpoint, as the attack stage writes them, and the groups' sizes."""
    metrics, replicates = [], []
    for label, attack in attacks.items():
        given = Prepared.of(attack, world)
        deletions = Deletions.of(attack, world.pairs, world.half, groups)
        found = [
            (curve.auc, curve.tpr[0])
            for refit in refits(attack, given, deletions)
            for curve in [roc(*refit.given.signals.split(refit.scores), np.array([0.01]))]
        ]
        keys = {"run": run, "attack": label, "epoch": 3, "aggregation": "pooled"}
        row = dict(zip(METRICS, found[0], strict=True))
        metrics.append(keys | row | {f"{name}_low": 0.0 for name in METRICS})
        for group, values in zip(deletions.groups, found[1:], strict=True):
            for metric, value in zip(METRICS, values, strict=True):
                replicates.append(keys | {"metric": metric, "group": group, "value": value})
    columns = ["run", "attack", "epoch", "aggregation", "metric", "group", "value"]
    return pd.DataFrame(metrics), pd.DataFrame(replicates, columns=columns), {run: world.pairs.sizes(groups)}


def attacks(variance="global"):
    return {"log_ratio_sum": LogRatioSum(variance, 10), "lira": LiRA("online", variance)}


def test_is_the_jackknife_of_the_difference():
    metrics, replicates, sizes = tables(autoregressive(0, 16, 60, 0.5, np.ones(3)), attacks())
    table = history_gain(metrics, replicates, ALONE, sizes, 0.9)
    assert list(table) == COLUMNS and len(table) == 2 and set(table["reference"]) == {"lira"}
    assert set(STAGES["study"]["history_gain"].checked(table)) == set(COLUMNS)
    for row in table.itertuples():
        value, reference = (metrics.set_index("attack").loc[name, row.metric] for name in ("log_ratio_sum", "lira"))
        assert (row.value, row.reference_value, row.difference) == (value, reference, value - reference)
        of_metric = replicates[replicates["metric"] == row.metric]
        wide = of_metric.pivot(index="group", columns="attack", values="value")
        low, high = interval(row.difference, (wide["log_ratio_sum"] - wide["lira"]).to_numpy(), np.ones(8), 0.9)
        assert (row.low, row.high) == pytest.approx((low, high))


def test_only_attacks_and_checkpoints_that_both_have_are_compared():
    metrics, replicates, sizes = tables(autoregressive(0, 16, 60, 0.5, np.ones(3)), attacks())
    for alone in ({}, {"log_ratio_sum": "loss"}, {"sequence": "lira"}):
        empty = history_gain(metrics, replicates, alone, sizes, 0.9)
        assert list(empty) == COLUMNS and not len(empty)
    later = metrics[metrics["attack"] == "lira"].assign(epoch=5)
    table = history_gain(pd.concat([metrics, later]), replicates, ALONE, sizes, 0.9)
    assert set(table["epoch"]) == {3}


def test_no_replicates_no_limits():
    metrics, replicates, sizes = tables(autoregressive(0, 6, 60, 0.5, np.ones(3)), attacks(), groups=3)
    assert not len(replicates)
    table = history_gain(metrics, replicates, ALONE, sizes, 0.9)
    assert table["difference"].notna().all() and table[["low", "high"]].isna().all(axis=None)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["normal", "heavy", "ties"])
def test_intervals_cover(noise, capsys):
    """Truth: the mean over all replications, which is the expectation with so many models of these samples."""
    found = []
    for seed in range(REPLICATIONS):
        world = autoregressive(seed, 16, 60, 0.5, np.ones(3), noise=noise, model_effect=0.3, samples_seed=0)
        table = history_gain(*tables(world, attacks())[:2], ALONE, {"a": np.ones(8, int)}, 0.95).set_index("metric")
        found.append(table.loc[list(METRICS), ["difference", "low", "high"]].to_numpy())
    difference, low, high = np.moveaxis(np.array(found), 2, 0)
    truth = difference.mean(axis=0)
    covered = ((low <= truth) & (truth <= high)).mean(axis=0)
    width = (high - low).mean(axis=0) / (2 * 2.365 * difference.std(axis=0))
    with capsys.disabled():
        print(f"\n  history_gain, {noise}: coverage {covered.round(3)}, width over SD {width.round(2)}")
    assert (covered >= 0.93 - 2 * np.sqrt(0.95 * 0.05 / REPLICATIONS)).all()
