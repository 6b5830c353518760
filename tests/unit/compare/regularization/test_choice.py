"""Selection by the authors' rules, the front, combinations against their parts."""

import numpy as np
import pytest

from memdyn.compare.regularization.choice import combinations_table, front_table, selection_table
from regularized_worlds import PLAIN, changed, world

SETTINGS = {
    "base": PLAIN,
    "weak": changed(accuracy=0.02, avg=-0.02, pow=-0.02),  # of one mechanism at three strengths
    "middle": changed(accuracy=-0.004, avg=-0.1, pow=-0.08),
    "strong": changed(accuracy=-0.03, avg=-0.18, pow=-0.2),
    "other": changed(accuracy=0.01, avg=0.1, pow=-0.15),
}
NAMED = {name: {"crop": name} for name in ("weak", "middle", "strong")} | {"other": {"smoothing": "1"}}


def test_the_rules_choose():
    """The baseline's accuracy is .75: rad_0.01 asks for more than .7425, rad_0.05 for more than .7125."""
    table = selection_table(world(SETTINGS, NAMED, noise=0, own_noise=0), [0.01, 0.05]).set_index(["rule", "mechanism"])
    chosen = {key: row["run"] for key, row in table.iterrows()}
    assert chosen == {
        ("max_accuracy", "crop"): "weak",
        ("rad_0.01", "crop"): "middle",
        ("rad_0.05", "crop"): "strong",
        ("max_accuracy", "smoothing"): "other",
        ("rad_0.01", "smoothing"): "other",
        ("rad_0.05", "smoothing"): "other",
        ("max_accuracy", "any"): "weak",
        ("rad_0.01", "any"): "middle",
        ("rad_0.05", "any"): "strong",
    }
    assert table.loc[("rad_0.01", "crop"), "leak"] == pytest.approx(0.14), "the larger of AVG .10 and POW .14"
    assert table.loc[("rad_0.01", "smoothing"), "leak"] == pytest.approx(0.30)
    assert table.loc[("max_accuracy", "any"), "settings"] == 4


def test_no_setting_is_accurate_enough():
    table = selection_table(world({"base": PLAIN, "bad": changed(accuracy=-0.2)}), [0.01])
    assert dict(zip(table["rule"], table["run"], strict=True)) == {"max_accuracy": "bad", "rad_0.01": ""}
    assert selection_table(world({"base": PLAIN, "gone": None}), [0.01]).empty
    untested = {key: curve for key, curve in PLAIN.items() if key != ("", "accuracy_test")}
    assert selection_table(world({"base": untested, "a": untested}), [0.01]).empty


def test_the_front():
    runs = {
        "base": PLAIN,  # accuracy .75, leak .70
        "good": changed(accuracy=0.02, lira=-0.1, rmia=-0.1),
        "private": changed(accuracy=-0.1, lira=-0.19, rmia=-0.19),
        "bad": changed(accuracy=-0.2, lira=0.1, rmia=0.1),
    }
    table = front_table(world(runs)).query("attack == 'best strong'").set_index("run")
    assert table["on_front"].to_dict() == {"base": False, "good": True, "private": True, "bad": False}
    assert table["dominated_by"].to_dict() == {"base": "good", "good": "", "private": "", "bad": "private"}
    assert ((table["leak_low"] < table["leak"]) & (table["leak"] < table["leak_high"])).all()
    assert table.loc["base", "accuracy"] == pytest.approx(0.75, abs=0.01)


def test_a_tie_keeps_both_on_the_front_and_nothing_sure_dominates():
    table = front_table(world({"base": PLAIN, "same": PLAIN}, noise=0, own_noise=0)).query("metric == 'auc'")
    assert table["on_front"].all() and (table["dominated_by"] == "").all()


def test_combinations_against_their_parts():
    named = {"a": {"crop": "2"}, "b": {"decay": "1"}, "ab": {"crop": "2", "decay": "1"}}
    runs = {
        "base": PLAIN,
        "a": changed(lira=-0.05),
        "b": changed(lira=-0.02),
        "ab": changed(lira=-0.08, accuracy=-0.01),
    }
    table = combinations_table(world(runs, named, noise=0, own_noise=0)).set_index(["run", "part", "attack"])
    assert table.loc[("ab", "a", "lira"), "difference"] == pytest.approx(-0.03)
    assert table.loc[("ab", "b", "lira"), "difference"] == pytest.approx(-0.06)
    assert table.loc[("ab", "a", ""), "difference"] == pytest.approx(-0.01)
    assert set(table["part_mechanism"]) == {"crop 2", "decay 1"} and set(table["mechanism"]) == {"crop 2 + decay 1"}
    runs["b"] = None
    assert combinations_table(world(runs, named)).empty or np.isnan(combinations_table(world(runs, named))["low"]).any()
