"""Verdicts on the claims, what they rest on, and sentences on early determination."""

import numpy as np
import pytest

from memdyn.report.sections.claims import equally_far, sentences, tabulate_claim_cells, tabulate_claims
from report_study import analysed, shown, texts
from synthetic_tables import RUNS


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_claims_say_what_they_rest_on_by_the_names_of_runs(tables):
    table = tabulate_claims(shown(tables))
    (one, two, three) = texts(table)
    assert [row[1] for row in (one, two, three)] == [
        "✓ supported for optimizer; dataset not tested",
        "? undecided for cnn-sam, lira; supported for mlp-sgd, lira",
        "– not tested",
    ]
    assert one[3].splitlines() == [
        "✓ optimizer, rate: supported (mlp-sgd − cnn-sam, lira, epoch 5: +0.120 [+0.080, +0.160])",
        "– dataset, not varied alone: not tested",
    ]
    assert "farther apart than 0.02" in one[2]
    first, second = two[3].splitlines()
    assert first.startswith("✓ mlp-sgd, lira: supported (1 of 2, e.g. loss: +0.410")
    assert second.startswith("? cnn-sam, lira: undecided (loss: –; not measurable with these models, reliability of d′")
    assert three[3] == "no run with enough models and an early checkpoint"
    cells = texts(tabulate_claim_cells(shown(tables)))
    assert cells[0][2] == "mlp-sgd − cnn-sam, lira, epoch 5" and cells[1][1] == "mlp-sgd, lira"


def test_findings_follow_the_order_of_runs(tables):
    found = sentences(shown(tables, findings=tables["findings"].iloc[::-1]))
    assert [sentence.split(" (")[0] for sentence in found] == [name for name in RUNS for _ in range(2)]
    assert all("40\u00a0% [36\u00a0%, 44\u00a0%]" in sentence for sentence in found)


def test_where_no_sample_is_at_risk_no_number_is_told(tables):
    none = tables["findings"].iloc[:1].assign(sentence="no sample is finally at risk", recall=np.nan, chance=0.0)
    (sentence,) = sentences(shown(tables, findings=none))
    assert sentence.endswith("): no sample is finally at risk.")


def test_the_claim_says_what_equal_accuracy_says(tables):
    table = tables["factor_differences"].assign(factor="optimizer", difference=0.03, low=0.01, high=0.05)
    lines = equally_far(shown(tables, factor_differences=table))
    assert lines[0] == (
        "· optimizer, mlp-sgd against cnn-sgd: at equal test accuracy 0.500 (epoch 10.0 against 8.0), "
        "mlp-sgd leaks 0.030 [0.010, 0.050] more"
    )
    assert len(lines) == 3 and equally_far(shown(tables, factor_differences=table.assign(factor=""))) == []
    whole = tabulate_claims(shown(tables, factor_differences=table))
    assert whole.rows[0][3].text.endswith("\n".join(lines))
