"""The plane: its checkpoints, its names of runs, and its motion."""

import re
from itertools import pairwise, product

import numpy as np
import pytest
from PIL import Image

from memdyn.report.draw import style
from memdyn.report.figures import draw_all
from memdyn.report.page.render import render_page
from report_study import CONTEXT, analysed, draw
from synthetic_tables import EPOCHS, OPTIONS, fake_pool, study_tables


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


@pytest.fixture(scope="module")
def tables():
    return analysed()


def test_plane_shows_the_wanted_number_of_checkpoints_with_first_and_last(tables):
    (drawing,) = draw({name: tables[name] for name in ("runs", "samples")}, "plane-lira")
    titles = [axes.get_title() for axes in drawing.figure.axes if axes.get_title()]
    assert titles == ["epoch 0", "epoch 5", "epoch 20"] * 3


def test_many_runs_with_long_names_are_told_apart(pool):
    choices = product(("sgd", "sam"), ("1e-4", "5e-4"), (64, 128))
    names = [f"resnet18-width64-{opt}-wd{decay}-batch{size}" for opt, decay, size in choices]
    runs = {name: (0.5 + 0.1 * i, "resnet18", "sgd") for i, name in enumerate(names)}
    tables = study_tables(pool, n_scored=60, models=8, runs=runs)
    styles = style.run_styles(tables["runs"])
    assert len({(s.colour, str(s.linestyle)) for s in styles.values()}) == len(names)
    (plane, more) = draw({name: tables[name] for name in ("runs", "samples")}, "plane-lira")
    labels = [axes.get_ylabel() for d in (plane, more) for axes in d.figure.axes if "TPR" in axes.get_ylabel()]
    assert len(set(labels)) == len(names)


def test_animation_has_a_frame_a_checkpoint_and_a_still_picture_for_those_who_want_no_motion(tables, tmp_path):
    few = {name: tables[name] for name in ("runs", "samples")}
    draw_all(few, {}, tmp_path, OPTIONS)
    text = render_page(few, tmp_path, CONTEXT)
    with Image.open(tmp_path / "plane-moving-lira.gif") as moving:
        assert moving.n_frames == len(EPOCHS) and moving.info["loop"] == 0
        frames = []
        for k in range(moving.n_frames):
            moving.seek(k)
            frames.append(np.asarray(moving.convert("L"), dtype=int))
    assert all(abs(a - b).max() > 50 for a, b in pairwise(frames)), "frames differ"
    (source,) = re.findall(r'<source media="([^"]*)" srcset="data:image/png', text)
    assert "prefers-reduced-motion: reduce" in source
    assert text.count('src="data:image/gif') == 1
