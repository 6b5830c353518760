"""Counted rates of samples: a hand-made example."""

import pandas as pd
import pytest

from memdyn.dynamics.plane import with_rates
from memdyn.terms import threshold_label


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


def test_rates_are_counts_over_models(rates):
    table = with_rates(rates)
    assert table["tpr"].tolist()[:4] == [1.0, 0.5, 0.1, 0.5] and table["fpr"].tolist()[:4] == [0.0, 0.5, 0.8, 0.5]


def test_threshold_labels():
    assert [threshold_label(t) for t in ("lr1", 0.05, 0.01)] == ["lr1", "fpr0.05", "fpr0.01"]
