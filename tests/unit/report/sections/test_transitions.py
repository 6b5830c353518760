"""The matrix of transitions between zones."""

import pytest

from report_study import analysed, draw_one

RUN = "mlp-sgd"


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_transition_cells_hold_probability_and_null_and_unvisited_rows_a_dash(tables):
    figure = draw_one(tables, "transitions-lira").figure
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("–") == 5
    assert sum(word.startswith("null") for word in words) == 20
    pooled = tables["transitions"].query("epoch != epoch and run == @RUN")
    row = pooled.query("zone_from == 'chance' and zone_to == 'chance'").iloc[0]
    assert f"{100 * row['probability']:.0f}" in words or f"{100 * row['probability']:.1f}" in words
