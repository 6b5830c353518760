"""Differences between runs: of a TPR at a few false positives they must know the luck of its threshold."""

import numpy as np
import pandas as pd
import pytest
from bench_intervals import margins

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.refits import Deletions, refits
from memdyn.attacks.signals import Signals
from memdyn.compare.differences import FEW, run_differences
from memdyn.stats.jackknife import Pairs, difference, interval
from memdyn.stats.rates import limits_of_roc
from memdyn.stats.roc import roc
from memdyn.stats.threshold_luck import tprs_by_chance
from memdyn.terms import FPRS, METRICS

LOSS, GROUPS, LEVEL = build({"name": "loss"}), 16, 0.95


def tables(worlds, seed, n_models, n_samples=100):
    """Metrics and replicates of runs, as the attack stage writes them, and the groups' sizes."""
    metrics, replicates, sizes = [], [], {}
    for place, (run, world) in enumerate(worlds.items()):
        values, mask = margins(world, 2 * seed + place, n_models, n_samples)
        signals = Signals.of_margins(values, mask, values[:, :5])
        deletions = Deletions.of(LOSS, signals.pairs, signals.half, GROUPS)
        splits = [one.given.signals.split(one.scores) for one in refits(LOSS, Prepared.of(LOSS, signals), deletions)]
        curves = [roc(*both, np.array(FPRS)) for both in splits]
        found = np.array([[curve.auc, *curve.tpr] for curve in curves])
        luck = tprs_by_chance(*splits[0], np.array(FPRS), LEVEL)
        low, high = limits_of_roc(found, deletions.sizes, n_models // 2 * n_samples, LEVEL, luck)
        key = {"run": run, "attack": "loss", "epoch": 1, "aggregation": "pooled"}
        row = key | {"n_models": n_models, "n_samples": n_samples}
        for k, metric in enumerate(METRICS):
            row |= {metric: found[0, k], f"{metric}_low": low[k], f"{metric}_high": high[k]}
            groups = zip(deletions.groups, found[1:, k], strict=True)
            replicates += [key | {"metric": metric, "group": group, "value": value} for group, value in groups]
        metrics.append(row)
        sizes[run] = Pairs.of(n_models).sizes(GROUPS)
    return pd.DataFrame(metrics), pd.DataFrame(replicates), dict.fromkeys(worlds, "pool"), sizes


def differences(given):
    return run_differences(*given, LEVEL).set_index("metric")


def test_limits_of_few_false_positives_are_no_narrower_than_those_of_the_runs():
    """Of 8 x 400 non-members .1 % is three, 1 % thirty-two."""
    given = tables({"a": "strong", "b": "even"}, 0, 16, 400)
    metrics, replicates, _, sizes = given
    found = differences(given)
    for metric in METRICS:
        a, b = metrics[metric]
        mine = replicates[replicates["metric"] == metric].groupby("run")["value"]
        deleted = [mine.get_group(run).to_numpy() for run in "ab"]
        value, low, high = difference((a, b), tuple(deleted), (sizes["a"], sizes["b"]), LEVEL)
        if metric == "tpr_at_fpr_0.001":
            assert 0.001 * 3200 < FEW < 0.01 * 3200
            (a_low, b_low), (a_high, b_high) = (metrics[f"{metric}_{end}"] for end in ("low", "high"))
            low = min(low, a - b - np.sqrt((a - a_low) ** 2 + (b_high - b) ** 2))
            high = max(high, a - b + np.sqrt((a_high - a) ** 2 + (b - b_low) ** 2))
        assert found.loc[metric, ["difference", "low", "high"]].tolist() == pytest.approx([value, low, high])


def test_they_cover(replications=80):
    """Of 1,600 non-members .1 % is one false positive: limits of the jackknife alone hold the mean in .76 to .85."""
    worlds, metric = {"a": "strong", "b": "even"}, "tpr_at_fpr_0.001"
    drawn = [tables(worlds, seed, 32) for seed in range(replications)]
    rows = pd.DataFrame([differences(each).loc[metric] for each in drawn])
    truth = rows["difference"].mean()
    covered = (rows["low"] <= truth) & (truth <= rows["high"])
    assert covered.mean() >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / replications)
    alone, sizes = [], drawn[0][-1]["a"]
    for _, replicates, *_ in drawn:
        mine = replicates[replicates["metric"] == metric]
        wide = mine.pivot(index="group", columns="run", values="value")
        alone.append((wide["a"] - wide["b"]).to_numpy())
    low, high = np.array([interval(v, d, sizes, LEVEL) for v, d in zip(rows["difference"], alone, strict=True)]).T
    assert ((low <= truth) & (truth <= high)).mean() < 0.9
