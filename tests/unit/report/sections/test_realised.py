"""The section on held-out targets: what is drawn and tabulated, and what is left out where nothing is known."""

from functools import cache

import numpy as np
import pytest

from held_out_studies import study_tables
from memdyn.report.sections.realised import tabulate_few, tabulate_lists, tabulate_realised
from report_study import draw_one, shown, texts


@cache
def made_up():
    return study_tables(12, 120)


def test_precision_over_the_prior():
    drawing = draw_one(made_up(), "precision")
    panels = [axes for axes in drawing.figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["lira", "loss"]
    table = made_up()["realised"].query("way == 'plain' and samples == 'all' and nominal_fpr == 0.1")
    for axes in panels:
        prior, *runs = axes.lines
        assert len(runs) == 2
        np.testing.assert_allclose(prior.get_xdata(), prior.get_ydata())
        for run, line in zip("ab", runs, strict=True):
            mine = table[(table["run"] == run) & (table["attack"] == axes.get_title())]
            want = [mine.set_index("metric").loc[f"precision_at_prior_{p}", "value"] for p in (0.01, 0.1, 0.5)]
            if drawing.record.values["nominal"] == "10 %":
                np.testing.assert_allclose(line.get_ydata(), want)
            np.testing.assert_allclose(line.get_xdata(), [0.01, 0.1, 0.5], rtol=0.05)
    assert drawing.record.values["level"] == "95 %"


def test_plain_and_calibrated_curves():
    drawing = draw_one(made_up(), "calibrated-roc")
    panels = [axes for axes in drawing.figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["lira", "loss"]
    for axes in panels:
        _, *curves = axes.lines
        assert [line.get_marker() not in ("", "None") for line in curves] == [True, False, True, False]


def test_tables_have_a_row_a_run_attack_and_case():
    rates, lists, few = (
        texts(tabulate(shown(made_up()))) for tabulate in (tabulate_realised, tabulate_lists, tabulate_few)
    )
    assert [row[:3] for row in rates[:4]] == [["a", "lira", f"{x} %"] for x in ("0.1", "1", "10")] + [
        ["b", "lira", "0.1 %"]
    ]
    assert len(rates) == 12 and len(lists) == 4 and len(few) == 16
    assert [row[2] for row in few[:4]] == ["top 1 %", "top 5 %", "top 10 %", "planted"]
    titles = tabulate_realised(shown(made_up())).columns
    assert titles[3:] == ["TPR", "FPR", *(f"precision at prior {p} %" for p in (1, 10, 50))]


@pytest.mark.parametrize("kept", ["a", "b"])
def test_a_nominal_fpr_of_which_nothing_is_known_is_not_drawn(kept):
    tables = dict(made_up())
    rates = tables["realised"].copy()
    rates.loc[rates["nominal_fpr"] < 0.1, ["value", "low", "high"]] = np.nan
    rates = rates[rates["run"] == kept]
    drawing = draw_one(tables | {"realised": rates}, "precision")
    assert drawing.record.values["nominal"] == "10 %"
    table = tabulate_realised(shown(tables | {"realised": rates}))
    assert texts(table)[0][3:] == ["–"] * 5 and "–" not in texts(table)[2][3]


def test_an_attack_that_calls_nobody_does_not_move_the_others():
    """Its scores are tied: of small nominal FPRs it has no precision."""
    tables = dict(made_up())
    rates = tables["realised"].copy()
    nominal = draw_one(tables, "precision").record.values["nominal"]
    smallest = rates["nominal_fpr"] == float(nominal.removesuffix(" %")) / 100
    rates.loc[smallest & (rates["attack"] == "loss"), ["value", "low", "high"]] = np.nan
    assert draw_one(tables | {"realised": rates}, "precision").record.values["nominal"] == nominal
