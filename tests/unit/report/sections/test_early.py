"""Early determination: limits of a share, and a line a measure."""

import pytest

from memdyn.report.sections.early import tabulate_early
from report_study import analysed, draw_one, shown
from synthetic_tables import EPOCHS


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_a_latent_share_is_shown_within_its_limits(tables):
    latent = tables["early"]["metric"] == "latent_share"
    assert latent.any()
    for estimate, limits, expected in (
        (1.04, (0.9, 1.0), "1.000 [0.900, 1.000]"),
        (-0.1, (0.0, 0.2), "0.000 [0.000, 0.200]"),
    ):
        numbers = {"estimate": estimate, "low": limits[0], "high": limits[1]}
        early = tables["early"].assign(**{k: tables["early"][k].mask(latent, v) for k, v in numbers.items()})
        table = tabulate_early(shown(tables, early=early))
        found = [row[table.columns.index("without noise")].text for row in table.rows]
        assert expected in found and set(found) == {expected, "–"}


def test_trend_is_a_line_a_measure(tables):
    figure = draw_one(tables, "early-more-lira").figure
    lines = [line for line in figure.axes[-1].lines if len(line.get_xdata()) == len(EPOCHS)]
    assert len(lines) == 4
