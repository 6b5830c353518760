"""The null control: its verdict in the figure and in the table."""

import pytest

from memdyn.compare import nulls
from memdyn.report.draw import style
from memdyn.report.sections.null import tabulate_null
from report_study import draw, shown, texts
from synthetic_tables import fake_pool, study_tables


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


@pytest.fixture(scope="module")
def tables():
    """Of a study whose last run failed its null control."""
    return study_tables(fake_pool(), n_scored=150, models=16, failed_null=True)


def test_null_panel_says_which_run_failed(pool):
    tables = study_tables(pool, n_scored=60, models=8, failed_null=True)
    (drawing,) = draw({name: tables[name] for name in ("runs", "null", "null_draws")}, "null")
    verdicts = {axes.get_title(): axes.title.get_color() for axes in drawing.figure.axes if axes.get_title()}
    assert [title.splitlines()[1].split(",")[0] for title in verdicts] == ["passed", "passed", "FAILED"]
    assert list(verdicts.values())[-1] == style.FAILED


def test_null_table_says_what_it_could_have_seen(tables):
    table = tabulate_null(shown(tables))
    assert texts(table)[0][3:] == ["0.5003", "± 0.0021", "20", "passed"] and texts(table)[-1][-1] == "FAILED"


def test_null_table_tells_the_level_that_the_test_has(tables):
    caption = tabulate_null(shown(tables)).caption
    assert f"fails where p is at most {nulls._ALPHA:g}." in caption
