"""Difficulty: correlations, and planted samples."""

import pytest

from memdyn.report.sections.difficulty import tabulate_correlations, tabulate_planted
from report_study import analysed, shown
from synthetic_tables import RUNS


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_correlation_table_has_a_row_a_difficulty_and_is_bold_where_decided(tables):
    table = tabulate_correlations(shown(tables))
    assert len(table.rows) == 3 * 6
    assert all(row[3].kind == "strong" for row in table.rows) and not any(row[5].kind for row in table.rows)
    undecided = tables["correlations"].assign(low_total=-0.1, high_total=0.1)
    table = tabulate_correlations(shown(tables, correlations=undecided, reliabilities=tables["reliabilities"].head(0)))
    assert not any(row[3].kind for row in table.rows) and {row[-1].text for row in table.rows} == {"–"}


def test_planted_samples_have_a_row_a_quantity(tables):
    table = tabulate_planted(shown(tables))
    assert table.columns == ["by", *RUNS] and table.rows[0][0].text == "d′"
