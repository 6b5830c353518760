"""Every figure of a made-up study is drawn, and in studies of unusual shape."""

import re
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from memdyn.report.figures import draw_all
from memdyn.report.page.render import render_page
from memdyn.report.record import read_index
from quick_figures import not_drawn, without_layout
from report_study import CONTEXT, analysed
from synthetic_dynamics import analysis_tables
from synthetic_tables import OPTIONS, RUNS, fake_pool, study_tables


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


FIGURES = [
    *("river-lira", "transitions-lira", "inflow-lira", "speed-lira", "classes-lira", "onset-lira", "difficulty"),
    *("difficulty-density", "early-lira", "early-more-lira", "factors-lira", "power-law", "tails"),
]


@pytest.fixture(scope="module")
def tables():
    """Of a study whose last run failed its null control."""
    return study_tables(fake_pool(), n_scored=150, models=16, failed_null=True)


def test_all_figures_are_written_and_indexed(tables, pool, tmp_path):
    records = draw_all(tables, dict.fromkeys(RUNS, pool), tmp_path, replace(OPTIONS, pdf=True))
    names = [record.name for record in records]
    expected = ["utility", "accuracy", "leakage", "roc", "plane-lira", "plane-moving-lira", "centre-lira"]
    expected += [f"samples-lira-{name}" for name in RUNS] + ["zones-lira", "comparison", "null"]
    assert names == expected
    assert read_index(tmp_path) == records
    for record in records:
        assert record.alt and record.title
        picture = np.asarray(Image.open(tmp_path / f"{record.name}.png").convert("L"))
        assert 0.01 < (picture < 200).mean() < 0.7, f"{record.name} is empty or black"
        assert (tmp_path / f"{record.name}.pdf").read_bytes().startswith(b"%PDF")
    assert not plt.get_fignums(), "figures stay open"


def test_drawing_again_gives_the_same_bytes(tables, pool, tmp_path):
    few = {name: tables[name] for name in ("runs", "accuracy")}
    for folder_name in ("a", "b"):
        (tmp_path / folder_name).mkdir()
        draw_all(few, {}, tmp_path / folder_name, replace(OPTIONS, pdf=True))
    for name in ("accuracy.png", "accuracy.pdf", "figures.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_study_may_do_without_the_copies_for_a_paper(tables, tmp_path):
    draw_all({"runs": tables["runs"], "accuracy": tables["accuracy"]}, {}, tmp_path, replace(OPTIONS, pdf=False))
    assert {path.name for path in tmp_path.iterdir()} == {"accuracy.png", "figures.json"}


def test_one_run_one_checkpoint_no_intervals_no_pictures(pool, tmp_path):
    tables = study_tables(pool, n_scored=60, models=8, runs={"only": (1.0, "mlp", "sgd")})
    tables = {name: table[table["epoch"] == 20] if "epoch" in table else table for name, table in tables.items()}
    limits = [c for c in tables["attack_metrics"] if c.endswith(("_low", "_high"))]
    tables["attack_metrics"] = tables["attack_metrics"].assign(**dict.fromkeys(limits, np.nan))
    names = [record.name for record in draw_all(tables, {}, tmp_path, OPTIONS)]
    assert "comparison" not in names and "leakage" in names


def test_every_figure_of_the_analysis_is_on_the_page(pool, tmp_path):
    tables, figures = analysed(), tmp_path
    records = draw_all(tables, dict.fromkeys(RUNS, pool), figures, OPTIONS)
    text = render_page(tables, figures, CONTEXT)
    names = [record.name for record in records]
    assert [name for name in names if name in FIGURES] == FIGURES
    assert "zones-lira" not in names, "the river shows the zones"
    for name in FIGURES:
        assert f'id="figure-{name}"' in text
        picture = np.asarray(Image.open(figures / f"{name}.png").convert("L"))
        assert 0.005 < (picture < 200).mean() < 0.7, f"{name} is empty or black"
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", text), re.IGNORECASE)


@pytest.mark.parametrize("missing", [["curves"], ["summary"], ["difficulty"], ["early"], ["claims", "claim_cells"]])
def test_tables_that_are_missing_or_empty_drop_their_parts(tmp_path, missing):
    tables = analysed()
    needed = (
        "runs",
        "zones",
        "curves",
        "summary",
        "difficulty",
        "early",
        "findings",
        "claims",
        "claim_cells",
        "planted",
    )
    few = {name: tables[name].head(0) if name in missing else tables[name] for name in needed}
    with not_drawn():
        records = draw_all(few, {}, tmp_path, OPTIONS)
    text = render_page(few, tmp_path, CONTEXT)
    names = {record.name for record in records}
    assert ("zones-lira" in names) == ("curves" in missing) != ("river-lira" in names)
    assert ("early-lira" in names) == ("early" not in missing)
    assert ('id="claims"' in text) and ("What this study says" in text) == ("claims" not in missing)


@pytest.mark.slow
def test_one_run_one_checkpoint_and_many_runs(pool, tmp_path):
    for names in (["only"], [f"resnet18-width64-sgd-wd{k}e-4-batch128" for k in range(5)]):
        runs = dict.fromkeys(names, (1.0, "mlp", "sgd"))
        plain = study_tables(pool, n_scored=60, models=8, runs=runs)
        study = plain | analysis_tables(plain["samples"], tuple(names))
        if len(names) == 1:
            study = {n: t[t["epoch"].isin([20, np.nan])] if "epoch" in t else t for n, t in study.items()}
        study.pop("claims")
        with without_layout():
            records = draw_all(study, {}, tmp_path, OPTIONS)
        assert ("factors-lira" in {record.name for record in records}) == (len(names) > 1)
        assert len(render_page(study, tmp_path, CONTEXT).encode()) < 6e6
