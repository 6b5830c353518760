"""Every figure of a made-up study is drawn, with the options' effects, and in studies of unusual shape."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, columns_for, spread
from memdyn.report.figures import draw_all, drawings
from memdyn.report.page.record import read_index
from memdyn.report.sections.comparison import shown_pairs
from memdyn.report.sections.plane import select_threshold
from memdyn.report.sections.samples import most_vulnerable
from synthetic_tables import OPTIONS, RUNS, fake_pool, folder, study_tables


def test_many_pairs_are_those_that_differ_in_one_factor():
    pairs = [("a", f"b{k}", "optimizer" if k < 3 else "") for k in range(13)]
    table = pd.DataFrame(pairs, columns=["run_a", "run_b", "factor"])
    shown, words = shown_pairs(table)
    assert set(shown["run_b"]) == {"b0", "b1", "b2"} and words.endswith("(10 more).")
    for few in (table.head(12), table.assign(factor="")):
        shown, words = shown_pairs(few)
        assert len(shown) == len(few) and words == ""


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


@pytest.fixture(scope="module")
def tables(pool):
    return study_tables(pool, n_scored=150, models=16)


def draw(tables, images, wanted):
    """The drawings whose names start with `wanted`; the others are closed."""
    chosen = []
    with style.report_style():
        for drawing in drawings(tables, images, OPTIONS):
            plt.close(drawing.figure)
            if drawing.record.name.startswith(wanted):
                chosen.append(drawing)
    return chosen


def test_all_figures_are_written_and_indexed(tables, pool, tmp_path):
    records = draw_all(tables, {folder(name): pool for name in RUNS}, tmp_path, OPTIONS)
    names = [record.name for record in records]
    expected = ["utility", "accuracy", "leakage", "roc", "plane-lira", "plane-moving-lira", "centre-lira"]
    expected += [f"samples-lira-{folder(name)}" for name in RUNS] + ["zones-lira", "comparison", "null"]
    assert names == expected
    assert read_index(tmp_path) == records
    for record in records:
        assert record.caption and record.alt and "{" not in record.caption
        picture = np.asarray(Image.open(tmp_path / f"{record.name}.png").convert("L"))
        assert 0.01 < (picture < 200).mean() < 0.7, f"{record.name} is empty or black"
        assert (tmp_path / f"{record.name}.pdf").read_bytes().startswith(b"%PDF")
    assert not plt.get_fignums(), "figures stay open"


def test_drawing_again_gives_the_same_bytes(tables, pool, tmp_path):
    few = {name: tables[name] for name in ("runs", "accuracy")}
    for folder_name in ("a", "b"):
        (tmp_path / folder_name).mkdir()
        draw_all(few, {}, tmp_path / folder_name, OPTIONS)
    for name in ("accuracy.png", "accuracy.pdf", "figures.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_plane_shows_the_wanted_number_of_checkpoints_with_first_and_last(tables):
    (drawing,) = draw({name: tables[name] for name in ("runs", "samples")}, {}, "plane-lira")
    titles = [axes.get_title() for axes in drawing.figure.axes if axes.get_title()]
    assert titles == ["epoch 0", "epoch 5", "epoch 20"] * 3


def test_null_panel_says_which_run_failed(pool):
    tables = study_tables(pool, n_scored=60, models=8, failed_null=True)
    (drawing,) = draw({name: tables[name] for name in ("runs", "null", "null_draws")}, {}, "null")
    verdicts = {axes.get_title(): axes.title.get_color() for axes in drawing.figure.axes if axes.get_title()}
    assert [title.splitlines()[1].split(",")[0] for title in verdicts] == ["passed", "passed", "FAILED"]
    assert list(verdicts.values())[-1] == style.FAILED


def test_one_run_one_checkpoint_no_intervals_no_pictures(pool, tmp_path):
    tables = study_tables(pool, n_scored=60, models=8, runs={"only": (1.0, "mlp", "sgd")})
    tables = {name: table[table["epoch"] == 20] if "epoch" in table else table for name, table in tables.items()}
    limits = [c for c in tables["attack_metrics"] if c.endswith(("_low", "_high"))]
    tables["attack_metrics"] = tables["attack_metrics"].assign(**dict.fromkeys(limits, np.nan))
    names = [record.name for record in draw_all(tables, {}, tmp_path, OPTIONS)]
    assert "comparison" not in names and "leakage" in names


def test_many_runs_with_long_names_are_told_apart(pool):
    choices = product(("sgd", "sam"), ("1e-4", "5e-4"), (64, 128))
    names = [f"resnet18-width64-{opt}-wd{decay}-batch{size}" for opt, decay, size in choices]
    runs = {name: (0.5 + 0.1 * i, "resnet18", "sgd") for i, name in enumerate(names)}
    tables = study_tables(pool, n_scored=60, models=8, runs=runs)
    styles = style.run_styles(tables["runs"])
    assert len({(s.colour, str(s.linestyle)) for s in styles.values()}) == len(names)
    (plane, more) = draw({name: tables[name] for name in ("runs", "samples")}, {}, "plane-lira")
    labels = [axes.get_ylabel() for d in (plane, more) for axes in d.figure.axes if "TPR" in axes.get_ylabel()]
    assert len(set(labels)) == len(names)


def test_styles_repeat_only_after_28_runs():
    runs = pd.DataFrame({"run": [f"r{i}" for i in range(28)], "name": [f"n{i}" for i in range(28)]})
    assert len({(s.colour, str(s.linestyle)) for s in style.run_styles(runs).values()}) == 28


def test_most_vulnerable_are_the_largest_effects_at_the_last_checkpoint(tables):
    samples = select_threshold(tables["samples"], "lr1").query("run == @folder('cnn-sgd')")
    top = most_vulnerable(samples, 5)
    last = samples[samples["epoch"] == 20]
    assert set(top["sample_id"]) == set(last.nlargest(5, "d_prime")["sample_id"])
    assert top["d_prime"].is_monotonic_decreasing


def test_attack_without_the_threshold_shows_its_first_one(tables):
    other = tables["samples"].query("threshold == 'fpr0.01'").assign(attack="rmia")
    both = select_threshold(pd.concat([tables["samples"], other]), "lr1")
    assert both.groupby("attack")["threshold"].unique().map(list).to_dict() == {"lira": ["lr1"], "rmia": ["fpr0.01"]}


def test_spread_and_chunks():
    assert spread([0, 1, 2, 3, 5, 7, 10], 4) == [0, 2, 5, 10]
    assert spread([3], 4) == [3] and spread([1, 2, 3], 1) == [3] and spread([1, 2], 8) == [1, 2]
    assert list(chunks([1, 2, 3], 2)) == [[1, 2], [3]]


def test_panels_fill_their_rows():
    assert [columns_for(count, most=3) for count in range(1, 8)] == [1, 2, 3, 2, 3, 3, 3]


def test_wrap_label_keeps_numbers_and_ends():
    assert style.wrap_label("cnn-sam", 20) == "cnn-sam"
    assert style.wrap_label("resnet18-wd1e-4-batch64", 16) == "resnet18-wd1e-4-\nbatch64"
    long = style.wrap_label("x" * 100 + "-last", 10)
    assert long.endswith("last") and max(map(len, long.splitlines())) <= 10


def test_caption_needs_all_its_values():
    assert caption("accuracy").startswith("Accuracy and loss") and "  " not in caption("accuracy")
    with pytest.raises(KeyError):
        caption("zones", attack="lira")
