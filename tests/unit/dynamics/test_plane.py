"""Counted states of samples: a hand-made example, and the table's contract."""

import numpy as np
import pandas as pd
import pytest

from memdyn.dynamics.plane import samples_table, with_rates
from memdyn.dynamics.zones import ZoneBounds
from memdyn.stats.intervals import paired_advantage
from memdyn.terms import threshold_label

BOUNDS = ZoneBounds(hv_tpr=0.9, hv_fpr=0.1, vulnerable_advantage=0.5, test_level=0.05)
KEYS = ["run", "attack", "threshold", "folds", "epoch", "sample_id", "label"]
RATES = ["n_in", "n_out", "tpr", "fpr", "advantage", "advantage_low", "advantage_high", "design_effect"]
COLUMNS = [*KEYS, *RATES, "d_prime", "d_prime_low", "d_prime_high", "zone"]


@pytest.fixture
def rates():
    """Three samples, two thresholds, two checkpoints, 10 pairs; sham rows lie behind the scored ones."""
    rows = [
        {"part": part, "threshold": threshold, "folds": "2", "epoch": epoch, "sample": sample} | counts
        for threshold in ("lr1", "fpr0.05")
        for epoch in (0, 4)
        for part, sample, counts in [
            ("scored", 0, {"n_in": 10, "n_out": 10, "d_in": 10, "d_out": 0, "d_both": 0}),
            ("scored", 1, {"n_in": 10, "n_out": 10, "d_in": 5, "d_out": 5, "d_both": 2}),
            ("scored", 2, {"n_in": 10, "n_out": 10, "d_in": 1, "d_out": 8, "d_both": 1}),
            ("sham", 3, {"n_in": 10, "n_out": 10, "d_in": 5, "d_out": 5, "d_both": 3}),
        ]
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def statistics():
    return pd.DataFrame(
        {
            "epoch": np.repeat([0, 4], 3),
            "sample": [0, 1, 2] * 2,
            "d_prime": [0.0] * 3 + [3.0, 0.1, -2.0],
            "d_prime_low": [-0.5] * 3 + [2.0, -0.4, -2.6],
            "d_prime_high": [0.5] * 3 + [4.0, 0.6, -1.4],
            "p_value": [0.5] * 3 + [0.0001, 0.9, 0.0002],
        }
    )


def make(rates, statistics):
    labels, sample_ids = np.array([7, 8, 9, 0]), np.array([100, 200, 300, 400])
    effects = rates[["threshold", "epoch", "sample"]].assign(design_effect=2.0)
    return samples_table(rates, statistics, labels, sample_ids, BOUNDS, 0.95, effects, "mlp-abc", "lira")


def test_states_and_zones(rates, statistics):
    table = make(rates, statistics)
    assert list(table.columns) == COLUMNS and len(table) == 12
    last = table[(table["epoch"] == 4) & (table["threshold"] == "lr1")].set_index("sample_id")
    assert last["zone"].tolist() == ["highly_vulnerable", "chance", "inverted"]
    assert last["label"].tolist() == [7, 8, 9]
    assert last.loc[300, ["tpr", "fpr"]].tolist() == [0.1, 0.8]
    assert last.loc[300, "advantage"] == pytest.approx(-0.7) and last.loc[
        300, ["d_prime", "d_prime_low", "d_prime_high"]
    ].tolist() == [-2, -2.6, -1.4]
    low, high = paired_advantage(1, 8, 1, 10, 0.95, 2.0)
    assert last.loc[300, ["advantage_low", "advantage_high"]].tolist() == [low, high]
    first = table[(table["epoch"] == 0) & (table["threshold"] == "lr1")]
    assert first["zone"].tolist() == ["highly_vulnerable", "chance", "chance"], "the test is made per checkpoint"


def test_missing_statistics_are_named(rates, statistics):
    with pytest.raises(ValueError, match=r"epoch 4.* sample 2"):
        make(rates, statistics.iloc[:-1])


def test_missing_design_effects_are_named(rates, statistics):
    effects = rates[["threshold", "epoch", "sample"]].assign(design_effect=2.0)
    ids = np.arange(4), np.arange(4)
    with pytest.raises(ValueError, match="no design effect for threshold lr1, epoch 0, sample 0"):
        samples_table(rates, statistics, *ids, BOUNDS, 0.95, effects.iloc[1:], "mlp-abc", "lira")


def test_rates_are_counts_over_models(rates):
    table = with_rates(rates)
    assert table["tpr"].tolist()[:4] == [1.0, 0.5, 0.1, 0.5] and table["fpr"].tolist()[:4] == [0.0, 0.5, 0.8, 0.5]


def test_threshold_labels():
    assert [threshold_label(t) for t in ("lr1", 0.05, 0.01)] == ["lr1", "fpr0.05", "fpr0.01"]
