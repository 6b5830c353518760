"""Onset: samples without any are counted."""

import pytest

from report_study import analysed, draw_one


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_onset_counts_the_censored(tables):
    drawing = draw_one(tables, "onset-lira")
    line = drawing.figure.axes[0].lines[0]
    assert line.get_ydata()[-1] == pytest.approx(50 / 150)
    assert "mlp-sgd 67 %" in drawing.record.values["censored"]
