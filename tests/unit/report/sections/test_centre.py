"""The centre of mass: how far it moved, with the limits of its curves."""

import math

import numpy as np
import pandas as pd
import pytest

from memdyn.report.sections import centre as centre_section
from memdyn.report.sections.centre import tabulate_centre
from report_study import shown, texts
from synthetic_tables import fake_pool, study_tables


@pytest.fixture(scope="module")
def tables():
    """Of a study whose last run failed its null control."""
    return study_tables(fake_pool(), n_scored=150, models=16, failed_null=True)


def test_centre_table_has_the_limits_of_the_curves(tables):
    last = tables["centre"]["epoch"].max()
    rows = [(epoch, name, 9 + epoch) for epoch in (0, last) for name in ("displacement", "path_length")]
    curves = pd.DataFrame(rows, columns=["epoch", "figure", "low"])
    curves = curves.assign(high=curves["low"] + 1, null_low=0.0, null_high=0.5, samples="all", threshold="lr1")
    curves = curves.assign(run="mlp-sgd", attack="lira")
    table = tabulate_centre(shown(tables, curves=curves))
    (row,) = (row for row in table.rows if (row[0].text, row[1].text) == ("mlp-sgd", "lira"))
    assert row[2].text.endswith(f"[{9 + last:.1f}, {10 + last:.1f}]") and row[4].text.endswith("[0.0, 0.5]")
    assert not any("[" in cell.text for other in table.rows if other is not row for cell in other)


def test_centre_table_measures_displacement_in_percentage_points(tables):
    table = tabulate_centre(shown(tables))
    path = tables["centre"].query("run == 'mlp-sgd' and part == 'scored' and threshold == 'lr1'")
    first, last = path.iloc[0], path.iloc[-1]
    expected = 100 * math.hypot(last["fpr"] - first["fpr"], last["tpr"] - first["tpr"])
    assert float(texts(table)[0][2]) == pytest.approx(expected, abs=0.051)


def test_distances_begin_at_zero():
    assert centre_section._distance(1.8, -2.5, 6.0) == "1.8 [0.0, 6.0]"
    assert centre_section._distance(1, np.nan, np.nan) == "1.0"
