"""Lower bounds of epsilon on the page."""

import numpy as np
import pandas as pd
import pytest

from memdyn.report.page.checks import FAILED, PASSED, checks
from memdyn.report.page.render import render_page
from memdyn.report.record import INDEX, write_index
from memdyn.report.sections.audit import tabulate_audit
from report_study import CONTEXT, analysed, shown, texts


@pytest.fixture
def tables():
    runs = analysed()["runs"]
    private, bare, _ = runs["run"]
    rows = [
        (private, "guesses", "all", 60, 80, 1.25, 4.0),
        (private, "rates", "all", 3, 4, 0.0, 4.0),
        (private, "guesses", "8", 28, 40, 0.5, 4.0),
        (private, "guesses", "9", 32, 40, 0.75, 4.0),
        (bare, "guesses", "all", 79, 80, 3.0, np.inf),
        (bare, "rates", "all", 4, 4, 0.5, np.inf),
        (bare, "guesses", "8", 40, 40, 2.5, np.inf),
    ]
    columns = ["run", "method", "target", "correct", "guesses", "epsilon_lower", "epsilon"]
    audit = pd.DataFrame(rows, columns=columns).assign(delta=1e-5, confidence=0.95, canaries=400, violated=False)
    return {"runs": runs[runs["run"].isin([private, bare])].assign(n_failed=0, n_planned=16), "audit": audit}


def test_a_row_a_run(tables):
    table = tabulate_audit(shown(tables))
    private, bare = texts(table)
    assert private[1:] == ["60 of 80", "1.25", "0.75", "3 of 4", "0.00", "4.00", "none"]
    assert bare[1:] == ["79 of 80", "3.00", "2.50", "4 of 4", "0.50", "∞", "none"]
    assert len(private) == len(table.columns) and "δ = 1e-05" in table.caption and "95 %" in table.caption


def test_a_contradiction_is_told_and_marks_the_page(tables):
    assert [(check.status, check.section) for check in checks(tables)] == [(PASSED, "audit"), (PASSED, "run")]
    private = tables["audit"]["run"] == tables["runs"]["run"].iloc[0]
    wrong = tables["audit"].assign(violated=private & (tables["audit"]["target"] == "all"))
    found = checks(tables | {"audit": wrong})[0]
    assert found.status == FAILED and tables["runs"]["run"].iloc[0] in found.text
    rows = tabulate_audit(shown(tables, audit=wrong)).rows
    assert [row[-1].text for row in rows] == ["bound above ε", "none"] and rows[0][-1].kind == "failed"


def test_one_target_of_many_alone_is_no_contradiction(tables):
    """Of sixteen bounds at 95 % one may well be above."""
    single = tables["audit"].assign(violated=tables["audit"]["target"] == "8")
    assert checks(tables | {"audit": single})[0].status == PASSED


def test_luck_is_told_beside_the_fault(tables):
    wrong = tables["audit"].assign(violated=True)
    found = checks(tables | {"audit": wrong})[0]
    assert "a fault, or luck that each bound has with a chance of at most 5 %" in found.text
    assert "at most 5 %" in tabulate_audit(shown(tables)).caption


def test_no_check_where_no_run_has_a_guarantee(tables):
    """A green line over no run would say that something was held to something."""
    bare = tables["audit"].assign(epsilon=np.inf)
    assert [check.section for check in checks(tables | {"audit": bare})] == ["run"]


def test_an_audit_whose_runs_all_failed_has_an_audits_page(tables, tmp_path):
    runs = tables["runs"].assign(status="failed", reason="all models failed", n_failed=16)
    empty = {"runs": runs, "audit": tables["audit"][:0]}
    assert [(check.status, check.section) for check in checks(empty)] == [(FAILED, "run")]
    write_index([], tmp_path / INDEX)
    page = render_page(empty, tmp_path, CONTEXT)
    assert "member of each model by a fair coin" in page
    assert "complementary" not in page and "null control" not in page and "with their pairs" not in page
