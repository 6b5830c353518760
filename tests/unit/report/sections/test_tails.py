"""The tail check: what is drawn, and the operating points beside it."""

import numpy as np
import pytest

from memdyn.report.sections.tails import tabulate_tails
from report_study import analysed, draw_one, shown, texts
from synthetic_tables import RUNS


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_infinite_scores_are_not_drawn(tables):
    (first, *_) = draw_one(tables, "tails").figure.axes
    drawn = np.concatenate([np.asarray(container[0].get_ydata(), dtype=float) for container in first.containers])
    assert len(drawn) == 2 * 7 and np.isfinite(drawn).all()


def test_tail_table_has_the_operating_points(tables):
    table = tabulate_tails(shown(tables))
    assert table.columns[-2:] == ["mean AUC", "mean TPR at 0.1 % FPR"] and len(table.rows) == 2 * len(RUNS)
    scored, sham = texts(table)[:2]
    assert scored[-3:] == ["holds", "0.7000 [0.6960, 0.7040]", "0.0200 [0.0160, 0.0240]"]
    assert sham[-3:] == ["undecided", "0.5000 [0.4960, 0.5040]", "–"]
