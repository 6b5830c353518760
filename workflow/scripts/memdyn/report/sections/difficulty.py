"""Vulnerability against learning difficulty: binned curves, densities of d', correlations, planted samples."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import draw_band, draw_zero
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels, shape_for
from memdyn.report.page.tables import Table, excludes_zero, interval, run_cell, strong, text_cells
from memdyn.report.rows import of_runs, runs_in, select_threshold
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import DIFFICULTY_LABELS, level_words

_CURVES = """
    Mean effect size d′ of the margin (no attack is involved) in bins of a sample's difficulty, measured on models
    that did not train on it; all axes run from easy to hard. Difficulty and d′ come from disjoint halves of the
    models, so they share no noise. Bands: jackknife over pairs, where there are enough models. The relation need
    not be monotone."""
_DENSITY = """
    Effect size d′ of the margin of every sample at the last checkpoint against two difficulties, all models; colour
    is logarithmic. Losses below 0.0001 lie at 0.0001. Here both come from the same models; the correlations in the
    table do not."""

_SHOWN = ("learning_epoch", "forgetting", "aum", "el2n", "loss", "c_score", "grand", "prediction_depth")
_EASY_IS_LARGE = ("aum", "c_score", "confidence")  # their axes are turned, so that all run from easy to hard
_DENSITIES = ("loss", "learning_epoch")
_LOGARITHMIC = ("loss",)
_FLOOR = 1e-4  # of a logarithmic axis
_TOTAL = ("low_total", "high_total")  # of models and samples
_FIRST_MODELS = ["out", "in-out"]  # that a difficulty is measured on


def draw_difficulty(study: Study) -> Iterator[Drawing]:
    """Mean d' in bins of each difficulty of models without the sample, a panel a difficulty, a line a run."""
    curves, styles = study.tables["difficulty_curves"], study.styles
    curves = _once(curves[(curves["models"] == "out") & (curves["target"] == "d_prime")])
    names = [name for name in _SHOWN if name in set(curves["difficulty"])]
    rows, columns = shape_for(len(names), most=3)
    figure, grid = panels(rows, columns, 2.1 * rows + 0.6, sharex=False)
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, names, strict=False):
        _draw_bins(axes, curves[curves["difficulty"] == name], styles)
        turned = name in _EASY_IS_LARGE
        axes.set_xlabel(f"{DIFFICULTY_LABELS[name]}{' (falling)' if turned else ''} →")
        if turned:
            axes.invert_xaxis()
    for axes in grid[:, 0]:
        axes.set_ylabel("mean d′")
    legend_above(figure, style.run_handles(styles))
    alt = f"Mean effect size in bins of {len(names)} measures of difficulty for {len(styles)} runs."
    yield drawn(figure, "difficulty", "d′ against difficulty", alt)


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each run's first attack: d' is of the margin, so they are the same for the others."""
    return table[table["attack"] == table.groupby("run")["attack"].transform("first")]


def _draw_bins(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> None:
    for run, run_style in styles.items():
        part = table[(table["run"] == run) & (table["n_samples"] > 0)].sort_values("difficulty_mean")
        band = part[part["low"].notna()]
        draw_band(axes, band["difficulty_mean"], band["low"], band["high"], run_style)
        axes.plot(part["difficulty_mean"], part["target_mean"], **run_style.line)
    draw_zero(axes)


def draw_densities(study: Study) -> Iterator[Drawing]:
    """Hexagonal bins of d' of all samples over two difficulties, a column a run."""
    summary = select_threshold(study.tables["summary"], study.options.threshold)
    keys = ["run", "sample_id"]
    table = _once(summary)[[*keys, "d_prime"]].merge(study.tables["difficulty"], on=keys)
    names = [name for name in _DENSITIES if f"{name}_out" in table]
    for page, runs in pages(runs_in(table, study.styles) if names else (), 3):
        yield _density_page(table, names, runs, study.styles, page)


def _density_page(
    table: pd.DataFrame, names: list[str], runs: list[str], styles: dict[str, style.RunStyle], page: int
) -> Drawing:
    figure, grid = panels(len(names), len(runs), 2.25 * len(names) + 0.3, alone=4.6, sharex="row")
    meshes = [
        _draw_hexagons(axes, table[table["run"] == run], name)
        for row, name in zip(grid, names, strict=True)
        for axes, run in zip(row, runs, strict=True)
    ]
    norm = LogNorm(1, max(10, *(mesh.get_array().max() for mesh in meshes)))
    for mesh in meshes:
        mesh.set_norm(norm)
    for axes, run in zip(grid[0], runs, strict=True):
        axes.set_title(style.wrap_label(styles[run].name, 60 // len(runs)))
    for axes in grid[:, 0]:
        axes.set_ylabel("d′")
    style.count_bar(figure, meshes[0], grid)
    alt = f"Densities of samples over {len(names)} difficulties and the effect size for {len(runs)} runs."
    return drawn(figure, "difficulty_density", "d′ of every sample against its difficulty", alt, page=page)


def _draw_hexagons(axes: Axes, table: pd.DataFrame, name: str) -> PolyCollection:
    x, y = table[f"{name}_out"].to_numpy(float), table["d_prime"].to_numpy(float)
    logarithmic = name in _LOGARITHMIC
    mesh = axes.hexbin(
        np.maximum(x, _FLOOR) if logarithmic else x,
        y,
        gridsize=(26, 16),
        xscale="log" if logarithmic else "linear",
        mincnt=1,
        cmap=style.DENSITY,
        linewidths=0.1,
        rasterized=True,
    )
    if logarithmic:
        style.plain_decades(axes.xaxis)
    draw_zero(axes)
    axes.set_xlabel(f"{DIFFICULTY_LABELS[name]}, models without it")
    return mesh


def tabulate_correlations(study: Study) -> Table:
    """Rank correlation of each difficulty with d', with severity and onset beside it, and what noise allows."""
    table, reliabilities, rows = study.tables["correlations"], study.tables.get("reliabilities"), []
    for run, attack, part in of_runs(table[table["models"].isin(_FIRST_MODELS)], study.styles):
        found = {key: group.iloc[0] for key, group in part.groupby(["difficulty", "target", "method"])}
        reliable = {} if reliabilities is None else _reliabilities(reliabilities, run, attack)
        for name in part["difficulty"].unique():
            spearman = found.get((name, "d_prime", "spearman"))
            models = part.loc[part["difficulty"] == name, "models"].iloc[0]
            keys = [("d_prime", "spearman"), ("d_prime", "partial_spearman"), ("severity", "spearman")]
            first, *others = (
                interval(found.get((name, *key)), digits=2, limits=_TOTAL) for key in [*keys, ("onset", "spearman")]
            )
            decided = spearman is not None and excludes_zero(spearman, _TOTAL)
            p_value = formatting.MISSING if spearman is None else formatting.p_value(spearman["p_holm"])
            names = text_cells(attack, DIFFICULTY_LABELS.get(name, name))
            texts = text_cells(p_value, *others, formatting.number(reliable.get((name, models)), 2))
            rows.append([run_cell(study.styles[run]), *names, strong(first, decided), *texts])
    caption = (
        "Difficulty, on models that did not train on the sample (memorisation: on both), against vulnerability, from "
        f"disjoint halves of the models; correlations with {level_words(table)} intervals over models and samples, "
        "bold where the first excludes 0; Holm's p over all correlations of the run and attack by that method, shown "
        "or not. d′ and onset are of the margin, severity is the attack's. Where a measure falls with difficulty (area "
        "under the margin, confidence, C-score), a negative sign says that harder samples are more vulnerable; so does "
        "one with onset for the others. Reliability of the difficulty: one half of the models against the other. No "
        "interval: too few models."
    )
    columns = ["run", "attack", "difficulty", "d′: Spearman", "p (Holm)", "within classes"]
    return Table(caption, [*columns, "severity: Spearman", "onset: Spearman", "reliability"], rows, head=3)


def _reliabilities(table: pd.DataFrame, run: str, attack: str) -> dict[tuple[str, str], float]:
    mine = table[(table["run"] == run) & (table["attack"] == attack)]
    return {(row.quantity, row.models): row.estimate for row in mine.itertuples()}


def tabulate_planted(study: Study) -> Table:
    """AUROC of d' and of the difficulties for planted wrong labels, a row a quantity, a column a run."""
    table = study.tables["planted"]
    shown = table[table["models"].isin(_FIRST_MODELS)]
    runs = runs_in(shown, study.styles)
    found = {(row["run"], row["quantity"]): row for _, row in shown.iterrows()}
    labels = DIFFICULTY_LABELS | {"d_prime": "d′"}
    rows = [
        text_cells(labels.get(name, name), *(interval(found.get((run, name)), "auroc") for run in runs))
        for name in dict.fromkeys(shown["quantity"])
    ]
    counts = dict.fromkeys(zip(shown["n_planted"], shown["n_planted"] + shown["n_others"], strict=True))
    words = ", ".join(f"{formatting.count(some)} of {formatting.count(every)} samples" for some, every in counts)
    caption = (
        f"Planted samples ({words}), whose label was replaced by a wrong one: how well d′ at the last checkpoint, and "
        f"each difficulty, tell them from the others (AUROC, {level_words(table)} intervals over models "
        "and samples; 0.5: not at all)."
    )
    return Table(caption, ["by", *(study.styles[run].name for run in runs)], rows)


SECTION = Section(
    "difficulty",
    title="Difficulty",
    figures=(
        Part(draw_difficulty, needs=("difficulty_curves",)),
        Part(draw_densities, needs=("summary", "difficulty")),
    ),
    captions={"difficulty": _CURVES, "difficulty_density": _DENSITY},
    tables=(Part(tabulate_correlations, needs=("correlations",)), Part(tabulate_planted, needs=("planted",))),
)
