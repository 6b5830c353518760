"""The power law: without a fit there are points only."""

import numpy as np
import pytest

from report_study import analysed, draw_one


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_power_law_without_a_fit_shows_points_only(tables):
    fits = tables["power_law_fits"].assign(slope=np.nan)
    one = draw_one(tables | {"power_law_fits": fits}, "power-law").figure.axes[0]
    two = draw_one(tables, "power-law").figure.axes[0]
    labels = [text.get_text() for text in two.get_legend().get_texts()]
    assert labels == [f"{fpr} % FPR: slope −0.50 [−0.60, −0.40]" for fpr in (1, 10)]
    assert len(two.lines) - len(one.lines) == 2
