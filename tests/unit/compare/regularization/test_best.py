"""Runs' metrics side by side: limits of TPRs that hold the luck of thresholds come along."""

import numpy as np
import pandas as pd
import pytest

from memdyn.compare.regularization.series import BEST, Against, runs_series
from memdyn.compare.series import Comparison
from memdyn.stats.jackknife import Pairs
from memdyn.terms import METRICS


def test_a_leak_at_a_few_false_positives_has_limits_of_its_own():
    """Of 8 x 100 non-members .1 % is fewer than one: of the largest of two attacks those of the larger one."""
    metric, epochs = METRICS[1], [1, 2]
    rows, deleted = [], []
    for attack, values in (("one", [0.2, 0.1]), ("two", [0.1, 0.3])):
        for epoch, value in zip(epochs, values, strict=True):
            key = {"run": "a", "attack": attack, "epoch": epoch, "aggregation": "pooled"}
            limits = {f"{metric}_low": value - 0.05, f"{metric}_high": value + 0.4 * value}
            rows.append(key | {metric: value, "n_models": 16, "n_samples": 100} | limits)
            deleted += [key | {"metric": metric, "group": g, "value": value + 0.001 * g} for g in range(8)]
    nothing = pd.DataFrame(columns=["run", "attack", "metric", "epoch", "value"])
    tables = {"attack_metrics": pd.DataFrame(rows), "replicates": pd.DataFrame(deleted), "uncalibrated": nothing}
    tables["uncalibrated_replicates"] = nothing.assign(group=0)
    series = runs_series(tables, ["one", "two"])
    np.testing.assert_allclose(series["a"][BEST, metric].few, [[0.15, 0.25], [0.28, 0.42]])
    sizes = {"a": Pairs.of(16).sizes(8)}
    against = Against(series, {}, Comparison({"a": "pool"}, sizes, 0.95), ["one", "two"], {})
    assert against.limits("a", (BEST, metric)) == pytest.approx((0.3, 0.25, 0.42))
    assert against.limits("a", ("one", metric)) == pytest.approx((0.1, 0.05, 0.14))
