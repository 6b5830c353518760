"""The first line of the page: all checks."""

import numpy as np
import pytest

from memdyn.report.page.checks import FAILED, PASSED, WARNED, checks, worst
from synthetic_dynamics import analysis_tables
from synthetic_tables import RUNS, fake_pool, study_tables

A, B, C = RUNS  # mlp-sgd, cnn-sgd (leaks most), cnn-sam


@pytest.fixture(scope="module")
def tables():
    plain = study_tables(fake_pool(2000), n_scored=1500, models=16)
    verdicts = analysis_tables(plain["samples"])["tail_verdicts"].assign(verdict="holds")
    return plain | {"runs": plain["runs"].assign(n_failed=0, n_planned=16), "tail_verdicts": verdicts}


def line(tables):
    return {check.section: check for check in checks(tables)}


def changed(table, run, **values):
    """A table with other values in the rows of one run."""
    return table.assign(**{name: table[name].where(table["run"] != run, value) for name, value in values.items()})


def test_green_only_if_all_checks_are(tables):
    found = checks(tables)
    assert [check.status for check in found] == [PASSED] * 6 and worst(found) == PASSED
    assert [check.section for check in found] == ["null", "tails", "run", "run", "roc", "run"]
    assert found[0].text == "null control of 3 runs" and found[3].text == "16 models a run"


@pytest.mark.parametrize(
    ("name", "change", "status", "words", "section"),
    [
        ("null", lambda t: changed(t, B, passed=False), FAILED, "null control FAILED for cnn-sgd", "null"),
        ("null", lambda t: t[t["run"] != B], WARNED, "not done for cnn-sgd", "null"),
        ("null", lambda t: None, WARNED, "null control not done", "null"),
        (
            "tail_verdicts",
            lambda t: changed(t, B, verdict="fails"),
            FAILED,
            "FAILED for cnn-sgd: no parametric",
            "tails",
        ),
        ("tail_verdicts", lambda t: changed(t, C, verdict="undecided"), WARNED, "undecided for cnn-sam", "tails"),
        ("runs", lambda t: changed(t, A, n_failed=1), WARNED, "1 of 48 models diverged, in mlp-sgd", "run"),
        ("runs", lambda t: changed(t, A, n_failed=2), FAILED, "2 of 48 models diverged", "run"),
        ("runs", lambda t: t.assign(n_models=14), WARNED, "few models (14)", "run"),
        ("attack_metrics", lambda t: t.assign(auc_low=np.nan), FAILED, "too few for intervals", "run"),
        ("attack_metrics", lambda t: t.assign(n_samples=999), WARNED, "only 7 false alarms at 0.1 % FPR", "roc"),
        ("pools", lambda t: t.assign(duplicates_dropped=200), WARNED, "200 duplicates dropped", "run"),
        ("pools", lambda t: t.assign(duplicates_dropped=2000), FAILED, "2000 duplicates dropped", "run"),
    ],
)
def test_a_check_that_fails_says_which_and_where(tables, name, change, status, words, section):
    value = change(tables[name])
    study = {key: table for key, table in (tables | {name: value}).items() if table is not None}
    (bad,) = [check for check in checks(study) if check.status != PASSED]
    assert (bad.status, bad.section) == (status, section) and words in bad.text
    assert worst(checks(study)) == status


def test_duplicates_are_a_share_of_the_source_and_not_of_a_small_pool_from_it(tables):
    """300 of 60,000 samples are few, also where the pool has 1,000 of the others."""
    parts = {"scored": 600, "sham": 100, "population": 100, "test": 200, "spare": 0}
    pools = tables["pools"].assign(**parts, duplicates_dropped=300, samples_in_source=60_000)
    (check,) = [check for check in checks(tables | {"pools": pools}) if "duplicates" in check.text]
    assert (check.status, check.text) == (PASSED, "300 duplicates dropped")
    of_old = pools.assign(samples_in_source=None)
    assert worst(checks(tables | {"pools": of_old})) == FAILED, "of 1,300"


def test_a_study_without_analysis_has_no_tail_to_check(tables):
    assert "tails" not in line({name: t for name, t in tables.items() if name != "tail_verdicts"})
    assert [check.section for check in checks({"runs": tables["runs"].drop(columns="n_failed")})] == ["null"]
