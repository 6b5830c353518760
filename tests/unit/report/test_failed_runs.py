"""Runs without numbers on the page and in its figures: one failed, one that has but attacks, all of them failed."""

import re

import matplotlib.pyplot as plt
import pytest

from memdyn.report.draw import style
from memdyn.report.figures import drawings
from memdyn.report.page.checks import FAILED, checks
from memdyn.report.page.render import render_page
from memdyn.report.record import INDEX, write_index
from memdyn.report.section import made
from memdyn.report.sections import sections
from memdyn.report.sections.comparison import tell_left_out
from memdyn.report.sections.found import tabulate_results, tell_failures
from memdyn.report.sections.run import tabulate_runs
from report_study import CONTEXT, analysed, draw, shown, texts
from synthetic_tables import OPTIONS, RUNS, fake_pool

WHOLE, LOST, PART = RUNS
REASON = "8 of 8 models failed: the loss became infinite or NaN in epoch 1; no pair of models is left"
OF_ATTACKS = {"attack_metrics", "differences", "roc", "null", "null_draws", "most_vulnerable", "convergence"}
_NUMBERS = ["accuracy_in", "accuracy_out", "accuracy_test", "seconds_per_model", "last_checkpoint"]


def without(lost, part=()):
    """The made-up study of whose runs some failed, and some have numbers of attacks only."""
    tables = {}
    for name, table in analysed().items():
        for run in lost + (part if name not in OF_ATTACKS else ()):
            for column in ("run", "run_a", "run_b"):
                if column in table and name != "runs":
                    table = table[table[column] != run]
        tables[name] = table.reset_index(drop=True)
    runs = analysed()["runs"].assign(status="ok", reason="", n_failed=0, n_planned=16, n_models=16, last_checkpoint=20)
    runs = runs.assign(n_checkpoints=10).astype(dict.fromkeys(_NUMBERS, float))
    of_lost, of_part = runs["run"].isin(lost), runs["run"].isin(part)
    runs.loc[of_lost, ["status", "reason", "n_failed", "n_models", "n_checkpoints"]] = ["failed", REASON, 16, 0, 0]
    runs.loc[of_part, ["reason", "n_failed", "n_models"]] = ["no lira, dynamics: 2 models are too few", 7, 2]
    runs.loc[of_lost | of_part, _NUMBERS] = float("nan")
    return tables | {"runs": runs}


def page_of(tables, folder):
    write_index([], folder / INDEX)
    page = render_page(tables, folder, CONTEXT)
    assert not re.search(r"\bnan\b", page)
    return page


def figures_of(tables):
    """Kinds of the figures that are drawn."""
    with style.report_style():
        kinds = set()
        for drawing in drawings(tables, dict.fromkeys(RUNS, fake_pool()), OPTIONS):
            kinds.add(drawing.record.kind)
            plt.close(drawing.figure)
    return kinds


def test_the_report_stands_with_runs_that_failed(tmp_path):
    tables = without((LOST,), (PART,))
    page = page_of(tables, tmp_path)
    assert page.count(f"{LOST}: failed, because {REASON}") == 2, "what was run, and what was found"
    assert f"{PART}: no lira, dynamics: 2 models are too few." in page


@pytest.mark.slow
def test_every_figure_is_drawn_of_those_that_are_left():
    kinds = figures_of(without((LOST,), (PART,)))
    assert len(kinds) > 20 and "comparison" in kinds and "factors" not in kinds, "a second run was not analysed"


def test_the_report_is_written_where_all_failed(tmp_path):
    tables = without(tuple(RUNS))
    page = page_of(tables, tmp_path)
    assert "No run is left: there are no numbers to show." in page and "no run has numbers" in page
    assert page.count(": failed, because ") == page.count(" failed, because ") - 3 == 3 and not figures_of(tables)


def test_every_table_and_sentence_is_made_whichever_run_failed():
    for lost in ((WHOLE,), (WHOLE, PART), tuple(RUNS)):
        study = shown(without(lost))
        for section in sections():
            for table in made(section.tables, study):
                assert all(len(row) == len(table.columns) for row in table.rows), section.name
            list(made(section.sentences, study))


def test_figures_leave_it_out_and_colours_stay():
    """No legend names a run that is drawn nowhere, and the others look as they would beside it."""
    before, after = (first_legend(without(lost)) for lost in ((), (WHOLE,)))
    assert list(before) == list(RUNS) and WHOLE not in after
    assert after == {run: before[run] for run in (LOST, PART)}


def first_legend(tables):
    """Run -> colour, in the legend of the figure of accuracies."""
    with style.report_style():
        (drawing,) = draw(tables, "accuracy")
    (legend,) = drawing.figure.legends
    labels = dict(zip((text.get_text() for text in legend.get_texts()), legend.legend_handles, strict=True))
    return {run: labels[run].get_color() for run in RUNS if run in labels}


def test_its_rows_say_why():
    study = shown(without((LOST,)))
    for table in (tabulate_runs(study), tabulate_results(study)):
        (row,) = [row for row in table.rows if row[0].text.startswith(LOST)]
        assert row[0].text == f"{LOST}: failed, because {REASON}" and "failed" in row[0].kind
    assert set(texts(tabulate_results(study))[-1][1:]) == {"–"}
    assert tell_failures(study) == [f"{LOST} failed, because {REASON}. It is compared with no other run."]


def test_a_comparison_says_why_there_is_none():
    assert tell_left_out(shown(without(()))) == []
    assert tell_left_out(shown(without((LOST,)))) == [f"Left out, since failed (table of runs): {LOST}."]
    (alone,) = tell_left_out(shown(without((WHOLE, LOST))))
    assert alone.endswith(f"{WHOLE}, {LOST}. So nothing is compared: only {PART} has numbers.")


def test_checks_are_of_the_runs_that_are_left():
    found = {check.section: check for check in checks(shown(without((LOST,))).tables)}
    assert found["null"].text == "null control of 2 runs"
    texts_ = [check.text for check in checks(shown(without((LOST,))).tables)]
    assert f"16 of 48 models diverged, in {LOST}; FAILED and without numbers: {LOST}" in texts_
    assert "16 models a run" in texts_, "not 0, of the run that has none"
    assert any(check.status == FAILED for check in checks(shown(without(tuple(RUNS))).tables))
