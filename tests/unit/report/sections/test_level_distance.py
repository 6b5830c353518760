"""The section of the level distance: what it draws and tabulates of each run, level and norm."""

import numpy as np
import pandas as pd
import pytest

from memdyn.dynamics.separation import CONTROLS
from memdyn.report.sections.level_distance import tabulate_distance
from report_study import draw, shown, texts
from synthetic_tables import fake_pool, study_tables

LEVELS, RUNS = ("q0.99", "gap"), ("mlp-sgd", "cnn-sam")


@pytest.fixture(scope="module")
def tables():
    rows = [
        {"run": run, "epoch": epoch, "norm": norm, "level": level, "control": control, "auc": 0.5 + 0.01 * place}
        for run in RUNS
        for epoch in (10, 20)
        for norm in ("l2", "linf")
        for level in LEVELS
        for place, control in enumerate(CONTROLS)
    ]
    found = pd.DataFrame(rows)
    found = found.assign(low=found["auc"] - 0.02, high=found["auc"] + 0.02, margin_auc=0.6, difference=0.01)
    found = found.assign(difference_low=-0.01, difference_high=0.03, unreached_in=0.0, unreached_out=0.125)
    return study_tables(fake_pool(), n_scored=60, models=8) | {"level_distance": found}


def test_a_figure_a_norm_with_a_panel_a_level(tables):
    drawings = draw(tables, "level-distance")
    assert [drawing.record.name for drawing in drawings] == ["level-distance-l2", "level-distance-linf"]
    assert [drawing.record.values["norm"] for drawing in drawings] == ["L2", "L-infinity"]
    for drawing in drawings:
        panels = drawing.figure.axes
        assert [axes.get_title() for axes in panels] == [f"level {level}" for level in LEVELS]
        assert [label.get_text() for label in panels[0].get_yticklabels()] == list(RUNS)
        values = sorted(x for line in panels[0].lines for x in np.atleast_1d(line.get_xdata()) if x in (0.6, 0.53))
        assert values == [0.53, 0.53, 0.6, 0.6]  # matched and the margin's, of two runs


def test_limits_may_be_missing(tables):
    bare = tables["level_distance"].assign(low=np.nan, high=np.nan)
    assert len(draw(tables | {"level_distance": bare}, "level-distance")) == 2


def test_the_table_holds_the_last_checkpoint_with_its_controls(tables):
    table = tabulate_distance(shown(tables))
    assert len(table.rows) == 2 * 2 * 2 and len(table.columns) == len(table.rows[0])
    assert texts(table)[0] == [
        *("mlp-sgd", "l2", "q0.99", "0.500 [0.480, 0.520]", "0.600", "0.520 [0.500, 0.540]", "0.530 [0.510, 0.550]"),
        *("+0.010 [−0.010, +0.030]", "0.0 %, 12.5 %"),
    ]
