"""Mechanisms on the page: verdicts in words, tables and figures of a made-up study, runs that failed."""

import pandas as pd
import pytest

from memdyn.compare.regularization import choice, effects, series, verdicts
from memdyn.report import mechanisms as words
from memdyn.report.sections import alike, mechanisms, protection
from report_study import draw, draw_one, shown, texts
from synthetic_regularization import RUNS, mechanism_tables

LEFT = [run for run in RUNS if run not in ("baseline", "diverged")]


@pytest.fixture(scope="module")
def tables():
    return mechanism_tables()


def test_words_are_those_of_the_tables():
    assert (words.BEST, words.LARGER_WEAK) == (series.BEST, series.WORST_WEAK)
    assert tuple(words.COMPARISONS) == effects.COMPARISONS and words.RELEASED == effects.RELEASED
    assert (choice.ACCURATE[1], choice.WEAK[1]) == (words.ACCURACY, words.ADVANTAGE)
    assert (words.BY_ATTACK, words.BY_DISTANCE) == (verdicts.BY_ATTACK, verdicts.BY_DISTANCE)


def test_verdicts_in_words(tables):
    told = {text.split()[0].rstrip(":"): text for text in mechanisms.verdict_sentences(shown(tables))}
    assert set(told) == set(RUNS) - {"baseline"}
    assert "(label_smoothing alpha=0.1): raises the leak" in told["smoothing"]
    assert "false sense of privacy: the advantage of a weak attack falls (−0." in told["distillation-5"]
    assert "false sense of privacy: attacks are at chance" in told["hidden"] and "lowers the leak" in told["hidden"]
    assert "leaks less than each of its parts" in told["distillation-5-crop-2"]
    assert "false sense" not in told["crop-2"] and "test accuracy +0.0" in told["crop-2"]
    assert told["diverged"] == "diverged cannot be compared: 16 of 16 models failed."


def test_the_table_of_verdicts(tables):
    rows = {row[0]: row[2:] for row in texts(mechanisms.tabulate_verdicts(shown(tables)))}
    assert rows["smoothing"][:2] == ["✗ contradicted", "✓ supported"]
    assert rows["distillation-5-crop-2"][2] == "✓ supported" and rows["crop-2"][2] == "–"
    assert rows["distillation-5"][3] == "✓ supported" and rows["hidden"][4] == "✓ supported"
    assert rows["diverged"][0] == "– not tested" and rows["diverged"][-2:] == ["–", "–"]


def test_the_table_of_mechanisms(tables):
    rows = texts(mechanisms.tabulate_mechanisms(shown(tables)))
    assert len(rows) == 4 * (len(RUNS) - 1)
    own = {row[2]: row for row in rows if row[0] == "stop-4"}
    assert own["at the end"][3] == "4, 8" and own["at the last common epoch"][3] == "4, 4"
    assert {row[3] for row in rows if row[0] == "diverged"} == {"failed, 16 of 16 models failed"}


def test_every_attack_has_its_rows(tables):
    rows = texts(mechanisms.tabulate_attacks(shown(tables)))
    assert {row[2] for row in rows} == {"lira", "rmia", "loss"} and {row[0] for row in rows} == set(LEFT)


def test_the_forest_has_a_row_a_run_and_a_panel_a_headline(tables):
    drawing = draw_one(tables, "forest")
    panels = drawing.figure.axes
    labels = [text.get_text().split("\n")[0] for text in panels[0].get_yticklabels()]
    assert labels == LEFT and len(panels) == 4
    marks = [sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() != "None") for axes in panels]
    assert marks == [3 * len(LEFT), *[4 * len(LEFT)] * 3], "at equal accuracy its difference is no news"


def test_many_runs_are_several_figures(tables):
    some = tables["mechanisms"].query("run == 'smoothing'")
    many = pd.concat([some.assign(run=f"run{k}") for k in range(13)])
    runs = pd.DataFrame({"run": [f"run{k}" for k in range(13)]})
    assert [one.record.name for one in draw({"runs": runs, "mechanisms": many}, "forest")] == ["forest", "forest-2"]


def test_a_comparison_that_no_run_of_a_page_has_is_left_out(tables):
    """Of all comparisons but one, and of all pages."""
    table = tables["mechanisms"].astype({"run": "str"})
    table.loc[table["comparison"] != "released", ["difference", "low", "high"]] = float("nan")
    for axes in draw_one(tables | {"mechanisms": table}, "forest").figure.axes:
        marks = sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() != "None")
        assert marks == len(LEFT)


def test_the_front_and_what_dominates(tables):
    rows = {row[0]: row for row in texts(protection.tabulate_front(shown(tables)))}
    assert rows["crop-2"][3] == "on the front" and rows["crop-2"][4] == "–"
    assert rows["baseline"][3] == "" and rows["baseline"][4] == "distillation-5-crop-2"
    assert len(draw(tables, "front")) == 2, "of 8 leaks, six to a figure"
    chosen = {(row[1], row[2]): row[3] for row in texts(protection.tabulate_selection(shown(tables)))}
    assert chosen["any", "most accurate"] == "crop-2" and chosen["any", "above 95 %"] == "hidden"


def test_weak_against_strong_has_a_panel_a_weak_attack(tables):
    panels = draw_one(tables, "weak-strong").figure.axes
    assert [axes.get_xlabel()[-3:] for axes in panels] == ["AVG", "POW"]
    for axes in panels:
        assert axes.get_xlim()[0] < 0 < axes.get_xlim()[1] and axes.get_ylim()[0] < 0 < axes.get_ylim()[1]


def test_who_acts_alike(tables):
    (axes, *_) = draw_one(tables, "loss-ranks").figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["baseline", *LEFT]
    assert len(axes.texts) == 49
    assert len(texts(alike.tabulate_ranks(shown(tables)))) == 7


def test_combinations_overlap_and_course(tables):
    rows = texts(alike.tabulate_combinations(shown(tables)))
    assert [row[:2] for row in rows] == [
        ["distillation-5-crop-2", "distillation-5"],
        ["distillation-5-crop-2", "crop-2"],
    ]
    assert {row[0] for row in texts(alike.tabulate_overlap(shown(tables)))} == set(LEFT)
    course = {row[0]: row for row in texts(alike.tabulate_course(shown(tables)))}
    assert course["hidden"][5].startswith("never") and course["crop-2"][3].startswith("+4")
