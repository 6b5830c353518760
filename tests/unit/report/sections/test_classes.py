"""Curves of single classes: their order, their names, and what is left out of many."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from memdyn.report.sections.classes import class_names
from report_study import analysed, draw_one
from synthetic_tables import RUNS, fake_pool

RUN = "mlp-sgd"


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_classes_are_ordered_by_what_they_leak_and_both_ends_of_many_are_shown(tables, pool):
    drawing = draw_one(tables, "classes-lira")
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles == ["class 2", "class 1", "class 0"] and not drawing.record.values["omitted"]
    worst = tables["curves"].query("figure == 'advantage' and samples == '2' and run == @RUN")
    line = drawing.figure.axes[0].lines[0]
    assert np.allclose(line.get_ydata(), worst["value"]) and len(drawing.figure.axes[0].collections) == len(RUNS)

    one = tables["curves"].query("figure == 'advantage' and samples == '0'")
    many = pd.concat([one.assign(samples=str(c), value=one["value"] * (c + 1)) for c in range(100)])
    drawing = draw_one({"runs": tables["runs"], "curves": many}, "classes-lira")
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles == [f"class {c}" for c in [*range(99, 89, -1), *range(9, -1, -1)]]
    assert drawing.record.values["omitted"] == "Of 100 classes, the first and the last 10."


def test_classes_have_the_names_on_which_all_pools_agree(pool):
    other = replace(pool, class_names=[*pool.class_names[:-1], "another"])
    last = len(pool.class_names) - 1
    assert class_names(["a", "b"], {"a": pool, "b": pool}) == {str(k): n for k, n in enumerate(pool.class_names)}
    names = class_names(["a", "b", "c"], {"a": pool, "b": other})
    assert names[str(last)] == f"class {last}" and names["0"] == pool.class_names[0]
