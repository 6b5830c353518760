"""Whom attacks find: a map a run, a curve an attack, numbers once a pair of attacks, a sentence a run."""

from itertools import combinations, permutations, product

import numpy as np
import pandas as pd
import pytest

from memdyn.report.sections.agreement import SECTION, say_stability, tabulate_agreement
from report_study import draw, draw_one, shown, texts
from synthetic_tables import fake_pool, study_tables

RUNS, ATTACKS, TOPS = ("mlp-sgd", "cnn-sam"), ("lira", "rmia", "loss"), (0.01, 0.1)


@pytest.fixture(scope="module")
def tables():
    pairs = [(run, *pair, top) for run in RUNS for pair in permutations(ATTACKS, 2) for top in TOPS]
    agreement = pd.DataFrame(pairs, columns=["run", "attack", "other", "top"])
    agreement = agreement.assign(overlap=agreement["top"] + 0.3, low=0.35, high=0.45, ceiling=0.6, relative=0.6)
    agreement = agreement.assign(ceiling_low=0.5, ceiling_high=0.7)
    agreement = agreement.assign(relative_low=0.5, relative_high=0.7, correlation=0.3, correlation_low=0.2)
    agreement = agreement.assign(correlation_high=0.4, correlation_ceiling=0.5, level=0.95, epoch=20)
    sets = product(RUNS, ATTACKS, (4, 8), TOPS)
    stability = pd.DataFrame(sets, columns=["run", "attack", "n_models", "top"])
    values = stability["n_models"] / 20 + 0.1 * (stability["attack"] == "rmia")
    stability = stability.assign(overlap=values, low=values - 0.05, high=values + 0.05, level=0.95, epoch=20)
    return study_tables(fake_pool(), n_scored=60, models=8) | {"agreement": agreement, "stability": stability}


def test_a_map_a_run_with_the_widest_share(tables):
    drawing = draw_one(tables, "agreement")
    maps = [axes for axes in drawing.figure.axes if axes.images]
    assert [axes.get_title() for axes in maps] == list(RUNS) and drawing.record.values["top"] == "10 %"
    assert [label.get_text() for label in maps[0].get_yticklabels()] == list(ATTACKS)
    grid = np.ma.filled(maps[0].images[0].get_array().astype(float), np.nan)
    np.testing.assert_array_equal(grid, np.where(np.eye(3), np.nan, 0.6))


def test_a_curve_an_attack_and_none_of_one_number_of_models(tables):
    drawing = draw_one(tables, "stability")
    assert [axes.get_title() for axes in drawing.figure.axes] == list(ATTACKS)
    few = tables["stability"].query("n_models == 8")
    assert draw(tables | {"stability": few}, "stability") == []


def test_values_may_be_missing(tables):
    bare = tables["agreement"].assign(relative=np.nan, relative_low=np.nan, low=np.nan, overlap=np.nan)
    assert draw(tables | {"agreement": bare}, "agreement") == []
    half = tables["agreement"].where(tables["agreement"]["run"] == RUNS[0], bare)
    assert len(draw(tables | {"agreement": half}, "agreement")) == 1
    assert texts(tabulate_agreement(shown(tables, agreement=bare)))[0][3] == "–"
    none = tables["stability"].assign(low=np.nan, high=np.nan)
    assert len(draw(tables | {"stability": none}, "stability")) == 1
    assert say_stability(shown(tables, stability=none.assign(overlap=np.nan))) == []


def test_numbers_once_a_pair_and_a_sentence_a_run(tables):
    rows = texts(tabulate_agreement(shown(tables)))
    assert [tuple(row[1:3]) for row in rows] == 2 * list(combinations(ATTACKS, 2))
    assert rows[0][3:] == [
        "40.0 % [35.0, 45.0]",
        "60.0 % [50.0, 70.0]",
        "0.60 [0.50, 0.70]",
        "0.30 [0.20, 0.40]",
        "0.50",
    ]
    first, second = say_stability(shown(tables))
    assert first == (
        "mlp-sgd: two sets of 8 models have 50 % [45, 55] of the 10 % most vulnerable samples in common by rmia "
        "(the largest share of 3 attacks, chosen afterwards), where chance is 10 %."
    )
    assert second.startswith("cnn-sam: two sets of 8 models")


def test_the_epoch_is_told(tables):
    """It is the last one that most attacks share, not always the last checkpoint."""
    early = {name: tables[name].assign(epoch=10) for name in ("agreement", "stability")}
    for name in early:
        caption = SECTION.captions[name].format(**draw_one(tables | early, name).record.values)
        assert "at epoch 10 (the last checkpoint that most attacks share" in " ".join(caption.split())
    mixed = tables["agreement"].assign(epoch=np.where(tables["agreement"]["run"] == RUNS[0], 10, 20))
    assert "in common at epochs 10, 20, one" in tabulate_agreement(shown(tables, agreement=mixed)).caption


def test_one_attack_is_not_chosen(tables):
    alone = tables["stability"].query("attack == 'rmia'")
    assert not any("chosen" in sentence for sentence in say_stability(shown(tables, stability=alone)))
