"""Runs of DP-SGD on the page: their table, and the bound on the plane and on the ROC."""

import numpy as np
import pandas as pd
import pytest

from memdyn.report.sections.private import tabulate_privacy
from memdyn.stats.privacy import exchange_bound
from report_study import analysed, draw_one, shown, texts

PAIRS = {1e-6: 3.0, 1e-5: 2.5, 0.01: 1.0}


def dp_of(runs):
    """One with noise, and another without, at two checkpoints."""
    noisy, bare = runs
    shared = {"clip": 1.0, "lot": 256, "rate": 0.128, "norm": "", "accountant": "prv"}
    rows = [
        {
            "run": noisy,
            "epoch": epoch,
            "delta": d,
            "noise": 2.0,
            "steps": 8 * epoch,
            "epsilon": e * epoch / 20,
            **shared,
        }
        for epoch in (10, 20)
        for d, e in PAIRS.items()
    ]
    rows += [
        {"run": bare, "epoch": epoch, "delta": 1e-5, "noise": 0.0, "steps": 8 * epoch, "epsilon": np.inf, **shared}
        for epoch in (10, 20)
    ]
    return pd.DataFrame(rows).assign(stated=lambda table: table["delta"] == 1e-5)


@pytest.fixture(scope="module")
def study():
    return analysed() | {"dp": dp_of(list(analysed()["runs"]["run"][:2]))}


def dashed(axes):
    return [line for line in axes.lines if line.get_gid() == "bound"]


def test_the_table_is_of_the_last_checkpoint_and_the_recipes_delta(study):
    table = tabulate_privacy(shown(study))
    (noisy, bare), place = texts(table), table.columns.index("ε")
    assert len(table.columns) == len(noisy)
    assert noisy[place : place + 2] == ["2.5", "1e-05"] and bare[place] == "∞"
    most = exchange_bound([0.001, 0.01], list(PAIRS.values()), list(PAIRS))
    assert noisy[place + 2 : place + 4] == [f"{100 * tpr:.1f} %" for tpr in most] and bare[place + 2] == "–"


def test_the_bound_is_on_the_plane_of_its_run(study):
    drawing = draw_one(study, "plane-lira")
    panels = [axes for axes in drawing.figure.axes if axes.get_title().startswith("epoch")]
    lines = [line for axes in panels for line in dashed(axes)]
    assert len(lines) == sum(bool(dashed(axes)) for axes in panels) == len(panels) // 3  # of the first of three runs
    for line in lines:
        x, y = line.get_data()
        np.testing.assert_allclose(y, exchange_bound(x, list(PAIRS.values()), list(PAIRS)))
    assert "no attack's rates" in drawing.record.values["bound"]


def test_the_bound_is_on_the_roc(study):
    drawing = draw_one(study, "roc")
    assert all(len(dashed(axes)) == 1 for axes in drawing.figure.axes if axes.get_title())
    assert drawing.record.values["bound"]


def test_without_such_runs_nothing_is_drawn():
    drawing = draw_one(analysed(), "roc")
    assert not any(dashed(axes) for axes in drawing.figure.axes) and drawing.record.values["bound"] == ""
