"""Figures and tables of the full analysis: what they show, and that none of them is needed."""

import re
from dataclasses import replace
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memdyn.report.draw import style
from memdyn.report.draw.style import run_styles
from memdyn.report.figures import draw_all, drawings
from memdyn.report.page import dynamics as page_dynamics
from memdyn.report.page.render import PageContext, render_page
from memdyn.report.sections import claims as page_claims
from memdyn.report.sections.classes import class_names
from memdyn.report.sections.factors import factor_rows, highest_common
from synthetic_dynamics import analysis_tables
from synthetic_tables import EPOCHS, OPTIONS, RUNS, fake_pool, folder, study_tables

CONTEXT = PageContext(study="s", title="t", config_yaml="a: 1", versions={}, folders={}, options=OPTIONS)
EARLY = {folder(name): 5.0 for name in RUNS}
FIGURES = [
    "river-lira",
    "transitions-lira",
    "inflow-lira",
    "speed-lira",
    "classes-lira",
    "onset-lira",
    "difficulty",
    "difficulty-density",
    "early-lira",
    "early-more-lira",
    "factors-lira",
    "power-law",
    "tails",
]


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


@pytest.fixture(scope="module")
def tables(pool):
    plain = study_tables(pool, n_scored=150, models=16)
    return plain | analysis_tables(plain["samples"])


@pytest.fixture(scope="module")
def page(tables, pool, tmp_path_factory):
    figures = tmp_path_factory.mktemp("figures")
    records = draw_all(tables, {folder(name): pool for name in RUNS}, figures, OPTIONS)
    return records, figures, render_page(tables, figures, CONTEXT)


def draw(tables, wanted):
    """The only drawing of this name; all are closed."""
    with style.report_style():
        found = []
        for drawing in drawings(tables, {}, OPTIONS):
            plt.close(drawing.figure)
            found += [drawing] if drawing.record.name == wanted else []
    (drawing,) = found
    return drawing


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_every_figure_of_the_analysis_is_on_the_page(page):
    records, figures, text = page
    names = [record.name for record in records]
    assert [name for name in names if name in FIGURES] == FIGURES
    assert "zones-lira" not in names, "the river shows the zones"
    for name in FIGURES:
        assert f'id="figure-{name}"' in text
        picture = np.asarray(Image.open(figures / f"{name}.png").convert("L"))
        assert 0.005 < (picture < 200).mean() < 0.7, f"{name} is empty or black"
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", text), re.IGNORECASE)


@pytest.mark.parametrize("missing", [["curves"], ["summary"], ["difficulty"], ["early"], ["claims", "claim_cells"]])
def test_tables_that_are_missing_or_empty_drop_their_parts(tables, tmp_path, missing):
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
    records = draw_all(few, {}, tmp_path, OPTIONS)
    text = render_page(few, tmp_path, CONTEXT)
    names = {record.name for record in records}
    assert ("zones-lira" in names) == ("curves" in missing) != ("river-lira" in names)
    assert ("early-lira" in names) == ("early" not in missing)
    assert ('id="claims"' in text) and ("What this study says" in text) == ("claims" not in missing)


def test_animation_has_a_frame_a_checkpoint_and_a_still_picture_for_those_who_want_no_motion(page):
    _, figures, text = page
    with Image.open(figures / "plane-moving-lira.gif") as moving:
        assert moving.n_frames == len(EPOCHS) and moving.info["loop"] == 0
        frames = []
        for k in range(moving.n_frames):
            moving.seek(k)
            frames.append(np.asarray(moving.convert("L"), dtype=int))
    assert all(abs(a - b).max() > 50 for a, b in pairwise(frames)), "frames differ"
    (source,) = re.findall(r'<source media="([^"]*)" srcset="data:image/png', text)
    assert "prefers-reduced-motion: reduce" in source
    assert text.count('src="data:image/gif') == 1


def test_claims_say_what_they_rest_on_by_the_names_of_runs(tables, page):
    table = page_claims.claims(tables["claims"], tables["claim_cells"], run_styles(tables["runs"]))
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
    assert folder("mlp-sgd") not in page[2].split('id="claims"')[1].split("</section>")[0]


def test_findings_follow_the_order_of_runs(tables):
    sentences = page_claims.findings(tables["findings"].iloc[::-1], run_styles(tables["runs"]))
    assert [sentence.split(" (")[0] for sentence in sentences] == [name for name in RUNS for _ in range(2)]
    assert all("40\u00a0% [36\u00a0%, 44\u00a0%]" in sentence for sentence in sentences)


def test_where_no_sample_is_at_risk_no_number_is_told(tables):
    none = tables["findings"].iloc[:1].assign(sentence="no sample is finally at risk", recall=np.nan, chance=0.0)
    (sentence,) = page_claims.findings(none, run_styles(tables["runs"]))
    assert sentence.endswith("): no sample is finally at risk.")


def test_factors_show_the_last_point_that_has_a_difference(tables):
    table = tables["factor_differences"]
    found = highest_common(table)
    assert (found["at"] == 0.5).all() and found["difference"].notna().all()
    changed = table.assign(difference=table["difference"].where(table["at"] < 0.5))
    assert (highest_common(changed)["at"] == 0.1).all()
    other = table.assign(threshold=table["threshold"].replace("lr1", "fpr0.01"))
    loss = table.query("threshold == ''").assign(attack="loss")
    chosen = factor_rows(pd.concat([table, other, loss]), "lr1", EARLY)
    assert set(chosen["threshold"]) == {"", "lr1"} and set(chosen["attack"]) == {"lira"}


def test_squared_speeds_are_shown_in_points(tables):
    table = tables["factor_differences"]
    given, shown = highest_common(table), factor_rows(table, "lr1", EARLY)
    for metric, unit in (("speed_squared_corrected", 100**2), ("advantage", 1), ("auc", 1)):
        one, other = (t[t["metric"] == metric] for t in (given, shown))
        for end in ("difference", "low", "high"):
            np.testing.assert_allclose(other[end], unit * one[end])


def test_a_latent_share_is_shown_within_its_limits(tables):
    latent = tables["early"]["metric"] == "latent_share"
    assert latent.any()
    for estimate, limits, shown in (
        (1.04, (0.9, 1.0), "1.000 [0.900, 1.000]"),
        (-0.1, (0.0, 0.2), "0.000 [0.000, 0.200]"),
    ):
        numbers = {"estimate": estimate, "low": limits[0], "high": limits[1]}
        early = tables["early"].assign(**{k: tables["early"][k].mask(latent, v) for k, v in numbers.items()})
        table = page_dynamics.early(early, tables["findings"], run_styles(tables["runs"]))
        found = [row[table.columns.index("without noise")].text for row in table.rows]
        assert shown in found and set(found) == {shown, "–"}


def test_the_early_recall_is_compared_early(tables):
    table = tables["factor_differences"].query("metric == 'auc' and run_a == @folder('mlp-sgd')")
    epochs = {0.1: 5.0, 0.5: 20.0}
    recall = table.assign(metric="latent_share", at=table["at"].map(epochs), difference=table["at"])
    rows = factor_rows(pd.concat([table, recall]), "lr1", EARLY).query("metric == 'latent_share'")
    assert set(rows["matched_by"]) == {"epoch"} and (rows["difference"] == 0.1).all() and len(rows) == 2
    study = {name: tables[name] for name in ("runs", "findings")}
    few = EARLY | {folder(next(iter(RUNS))): 0.0}
    assert len(factor_rows(recall, "lr1", few)) < len(rows), "early is early in both runs"
    drawing = draw(study | {"factor_differences": pd.concat([table, recall])}, "factors-lira")
    assert [axes.get_title() for axes in drawing.figure.axes if axes.get_visible()] == [
        "AUC",
        "early recall above chance,\nwithout noise",
    ]


def test_classes_are_ordered_by_what_they_leak_and_both_ends_of_many_are_shown(tables, pool):
    drawing = draw(tables, "classes-lira")
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles == ["class 2", "class 1", "class 0"] and "Of " not in drawing.record.caption
    worst = tables["curves"].query("figure == 'advantage' and group == '2' and run == @folder('mlp-sgd')")
    line = drawing.figure.axes[0].lines[0]
    assert np.allclose(line.get_ydata(), worst["value"]) and len(drawing.figure.axes[0].collections) == len(RUNS)

    one = tables["curves"].query("figure == 'advantage' and group == '0'")
    many = pd.concat([one.assign(group=str(c), value=one["value"] * (c + 1)) for c in range(100)])
    drawing = draw({"runs": tables["runs"], "curves": many}, "classes-lira")
    titles = [axes.get_title() for axes in drawing.figure.axes]
    assert titles == [f"class {c}" for c in [*range(99, 89, -1), *range(9, -1, -1)]]
    assert "Of 100 classes, the first and the last 10." in drawing.record.caption


def test_classes_have_the_names_on_which_all_pools_agree(pool):
    other = replace(pool, class_names=[*pool.class_names[:-1], "another"])
    last = len(pool.class_names) - 1
    assert class_names(["a", "b"], {"a": pool, "b": pool}) == {str(k): n for k, n in enumerate(pool.class_names)}
    names = class_names(["a", "b", "c"], {"a": pool, "b": other})
    assert names[str(last)] == f"class {last}" and names["0"] == pool.class_names[0]


def test_one_run_one_checkpoint_and_many_runs(pool, tmp_path):
    for names in (["only"], [f"resnet18-width64-sgd-wd{k}e-4-batch128" for k in range(8)]):
        runs = dict.fromkeys(names, (1.0, "mlp", "sgd"))
        plain = study_tables(pool, n_scored=60, models=8, runs=runs)
        study = plain | analysis_tables(plain["samples"], tuple(names))
        if len(names) == 1:
            study = {n: t[t["epoch"].isin([20, np.nan])] if "epoch" in t else t for n, t in study.items()}
        study.pop("claims")
        records = draw_all(study, {}, tmp_path, OPTIONS)
        assert ("factors-lira" in {record.name for record in records}) == (len(names) > 1)
        assert len(render_page(study, tmp_path, CONTEXT).encode()) < 6e6


def test_marks_without_an_interval_have_no_bar(tables):
    axes = {a.get_title(): a for a in draw(tables, "factors-lira").figure.axes}
    assert len(axes["mean advantage"].containers) == len(axes["squared speed, points²"].containers) == 3
    bars = [
        sum(len(c[2][0].get_segments()) for c in axes[t].containers)
        for t in ("mean advantage", "squared speed, points²")
    ]
    assert bars == [8, 0]  # of three pairs and three matchings one has no overlap


def test_transition_cells_hold_probability_and_null_and_unvisited_rows_a_dash(tables):
    figure = draw(tables, "transitions-lira").figure
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("–") == 5
    assert sum(word.startswith("null") for word in words) == 20
    pooled = tables["transitions"].query("epoch != epoch and run == @folder('mlp-sgd')")
    row = pooled.query("zone_from == 'chance' and zone_to == 'chance'").iloc[0]
    assert f"{100 * row['probability']:.0f}" in words or f"{100 * row['probability']:.1f}" in words


def test_onset_counts_the_censored(tables):
    drawing = draw(tables, "onset-lira")
    line = drawing.figure.axes[0].lines[0]
    assert line.get_ydata()[-1] == pytest.approx(50 / 150)
    assert "mlp-sgd 67 %" in drawing.record.caption


def test_infinite_scores_are_not_drawn(tables):
    (first, *_) = draw(tables, "tails").figure.axes
    drawn = np.concatenate([np.asarray(container[0].get_ydata(), dtype=float) for container in first.containers])
    assert len(drawn) == 2 * 7 and np.isfinite(drawn).all()


def test_tail_table_has_the_operating_points(tables):
    table = page_dynamics.tails(tables["tail_verdicts"], tables["operating_points"], run_styles(tables["runs"]))
    assert table.columns[-2:] == ["mean AUC", "mean TPR at 0.1 % FPR"] and len(table.rows) == 2 * len(RUNS)
    scored, sham = texts(table)[:2]
    assert scored[-3:] == ["holds", "0.7000 [0.6960, 0.7040]", "0.0200 [0.0160, 0.0240]"]
    assert sham[-3:] == ["undecided", "0.5000 [0.4960, 0.5040]", "–"]


def test_trend_is_a_line_a_measure(tables):
    figure = draw(tables, "early-more-lira").figure
    lines = [line for line in figure.axes[-1].lines if len(line.get_xdata()) == len(EPOCHS)]
    assert len(lines) == 4


def test_correlation_table_has_a_row_a_difficulty_and_is_bold_where_decided(tables):
    table = page_dynamics.correlations(tables["correlations"], tables["reliabilities"], run_styles(tables["runs"]))
    assert len(table.rows) == 3 * 6
    assert all(row[3].kind == "strong" for row in table.rows) and not any(row[5].kind for row in table.rows)
    undecided = tables["correlations"].assign(low_total=-0.1, high_total=0.1)
    table = page_dynamics.correlations(undecided, None, run_styles(tables["runs"]))
    assert not any(row[3].kind for row in table.rows) and {row[-1].text for row in table.rows} == {"–"}


def test_planted_samples_are_marked_among_the_most_vulnerable(tables, pool):
    styles = {folder(name): pool for name in RUNS}
    all_planted = replace(pool, flipped=np.ones(len(pool.flipped), bool))
    none = replace(pool, flipped=np.zeros(len(pool.flipped), bool))
    few = {name: tables[name] for name in ("runs", "samples")}
    for chosen, crosses in ((all_planted, 3), (none, 0)):
        with style.report_style():
            *_, drawing = drawings(few, dict.fromkeys(styles, chosen), OPTIONS)
            plt.close("all")
        titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
        assert sum(title.startswith("✗") for title in titles) == crosses
        assert ("planted (3 of 3)" in drawing.record.caption) == bool(crosses)


def test_power_law_without_a_fit_shows_points_only(tables):
    fits = tables["power_law_fits"].assign(slope=np.nan)
    one = draw(tables | {"power_law_fits": fits}, "power-law").figure.axes[0]
    two = draw(tables, "power-law").figure.axes[0]
    labels = [text.get_text() for text in two.get_legend().get_texts()]
    assert labels == [f"{fpr} % FPR: slope −0.50 [−0.60, −0.40]" for fpr in (1, 10)]
    assert len(two.lines) - len(one.lines) == 2
