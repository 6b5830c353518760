"""Comparison of runs: which pairs, at which point of their clocks, in which units."""

import re

import numpy as np
import pandas as pd
import pytest

from memdyn.report.compared import is_known, shown_pairs
from memdyn.report.sections.comparison import (
    factor_rows,
    highest_common,
    tabulate_differences,
    tabulate_equal_accuracy,
)
from report_study import analysed, draw_one, shown, texts
from synthetic_tables import RUNS

EARLY = dict.fromkeys(RUNS, 5.0)
UNSURE = "not determined: a run is about at this value for long"


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_many_pairs_are_those_that_differ_in_one_factor():
    pairs = [("a", f"b{k}", "optimizer" if k < 3 else "") for k in range(13)]
    table = pd.DataFrame(pairs, columns=["run_a", "run_b", "factor"])
    shown, words = shown_pairs(table)
    assert set(shown["run_b"]) == {"b0", "b1", "b2"} and words.endswith("(10 more).")
    for few in (table.head(12), table.assign(factor="")):
        shown, words = shown_pairs(few)
        assert len(shown) == len(few) and words == ""


def test_factors_show_the_last_point_that_has_a_difference(tables):
    table = tables["factor_differences"]
    found = highest_common(table)
    assert (found["at"] == 0.5).all() and found["difference"].notna().all()
    changed = table.assign(difference=table["difference"].where(table["at"] < 0.5))
    assert (highest_common(changed)["at"] == 0.1).all()
    other = table.assign(threshold=table["threshold"].replace("lr1", "fpr0.01"))
    loss = table.query("threshold == ''").assign(attack="loss")
    chosen = factor_rows(pd.concat([table, other, loss]), "lr1", EARLY)
    assert set(chosen["threshold"]) == {"", "lr1"} and set(chosen["attack"]) == {"lira"}


def test_squared_speeds_are_shown_in_points(tables):
    table = tables["factor_differences"]
    given, shown = highest_common(table), factor_rows(table, "lr1", EARLY)
    for metric, unit in (("speed_squared_corrected", 100**2), ("advantage", 1), ("auc", 1)):
        one, other = (t[t["metric"] == metric] for t in (given, shown))
        for end in ("difference", "low", "high"):
            np.testing.assert_allclose(other[end], unit * one[end])


def test_the_early_recall_is_compared_early(tables):
    table = tables["factor_differences"].query("metric == 'auc' and run_a == 'mlp-sgd'")
    epochs = {0.1: 5.0, 0.5: 20.0}
    recall = table.assign(metric="latent_share", at=table["at"].map(epochs), difference=table["at"])
    rows = factor_rows(pd.concat([table, recall]), "lr1", EARLY).query("metric == 'latent_share'")
    assert set(rows["matched_by"]) == {"epoch"} and (rows["difference"] == 0.1).all() and len(rows) == 2
    study = {name: tables[name] for name in ("runs", "findings")}
    few = EARLY | {next(iter(RUNS)): 0.0}
    assert len(factor_rows(recall, "lr1", few)) < len(rows), "early is early in both runs"
    drawing = draw_one(study | {"factor_differences": pd.concat([table, recall])}, "factors-lira")
    assert [axes.get_title() for axes in drawing.figure.axes if axes.get_visible()] == [
        "AUC",
        "early recall above chance,\nwithout noise",
    ]


def test_marks_without_an_interval_have_no_bar(tables):
    axes = {a.get_title(): a for a in draw_one(tables, "factors-lira").figure.axes}
    assert len(axes["mean advantage"].containers) == len(axes["squared speed, points²"].containers) == 3
    bars = [
        sum(len(c[2][0].get_segments()) for c in axes[t].containers)
        for t in ("mean advantage", "squared speed, points²")
    ]
    assert bars == [8, 0]  # of three pairs and three matchings one has no overlap


def test_what_is_not_determined_is_not_shown(tables):
    table = tables["factor_differences"]
    assert is_known(table).sum() == table["difference"].notna().sum()
    high = table["at"] == 0.5
    unsure = table.assign(status=table["status"].where(~high | (table["matched_by"] == "epoch"), UNSURE))
    best = highest_common(unsure).set_index("matched_by")["at"]
    assert (best["epoch"] == 0.5).all() and (best["accuracy_test"] == 0.1).all()
    rows = texts(tabulate_equal_accuracy(shown(tables, factor_differences=unsure)))
    assert [row[3:5] for row in rows] == [["0.100", "2.0, 1.6"], ["0.500", "10.0, 8.0"]] * 3
    assert rows[1][5:] == ["not determined", "not determined", "–"] and "[" in rows[0][5]
    impossible = table.assign(low=-1.01, high=0.2)
    assert set(impossible.loc[is_known(impossible), "metric"]) == {"advantage", "speed_squared_corrected"}


def test_differences_are_bold_where_the_interval_excludes_zero(tables):
    table = tabulate_differences(shown(tables))
    assert len(table.rows) == 9
    for row in table.rows:
        for cell in row[3:]:
            low, high = re.search(r"\[(\S+), (\S+)\]", cell.text).groups()
            same_sign = low[0] == high[0]
            assert same_sign == (cell.kind == "strong") or "0.000" in cell.text
