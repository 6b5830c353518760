"""Vulnerability against learning difficulty: binned curves, and densities of d' over single difficulties."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, columns_for, legend_above
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.report.sections.plane import select_threshold

SHOWN = ("learning_epoch", "forgetting", "aum", "el2n", "loss", "c_score", "grand", "prediction_depth")
EASY_IS_LARGE = ("aum", "c_score", "confidence")  # their axes are turned, so that all run from easy to hard
_DENSITIES = ("loss", "learning_epoch")
_LOGARITHMIC = ("loss",)
_FLOOR = 1e-4  # of a logarithmic axis


def draw_difficulty_curves(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """Mean d' in bins of each difficulty of models without the sample, a panel a difficulty, a line a run."""
    curves = tables["difficulty_curves"]
    curves = once(curves[(curves["models"] == "out") & (curves["target"] == "d_prime")])
    names = [name for name in SHOWN if name in set(curves["difficulty"])]
    columns = columns_for(len(names), most=3)
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(style.WIDTH, 2.1 * rows + 0.6), sharey=True, squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, names, strict=False):
        _draw_bins(axes, curves[curves["difficulty"] == name], styles)
        _difficulty_axis(axes, name)
    for axes in grid[:, 0]:
        axes.set_ylabel("mean d′")
    legend_above(figure, style.run_handles(styles))
    alt = f"Mean effect size in bins of {len(names)} measures of difficulty for {len(styles)} runs."
    record = FigureRecord("difficulty", "difficulty", "d′ against difficulty", caption("difficulty"), alt)
    yield Drawing(record, figure)


def once(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of each run's first attack: d' is of the margin, so they are the same for the others."""
    return table[table["attack"] == table.groupby("run")["attack"].transform("first")]


def _draw_bins(axes: Axes, table: pd.DataFrame, styles: dict[str, RunStyle]) -> None:
    for run, run_style in styles.items():
        part = table[(table["run"] == run) & (table["n_samples"] > 0)].sort_values("difficulty_mean")
        band = part[part["low"].notna()]
        shade = {"color": run_style.colour, "alpha": style.BAND_ALPHA, "linewidth": 0}
        axes.fill_between(band["difficulty_mean"], band["low"], band["high"], **shade)
        axes.plot(part["difficulty_mean"], part["target_mean"], **run_style.line)
    axes.axhline(0, color=style.MUTED, linestyle=":", linewidth=1)


def _difficulty_axis(axes: Axes, name: str) -> None:
    axes.set_xlabel(
        f"{style.DIFFICULTY_LABELS[name]} →"
        if name not in EASY_IS_LARGE
        else f"{style.DIFFICULTY_LABELS[name]} (falling) →"
    )
    if name in EASY_IS_LARGE:
        axes.invert_xaxis()


def draw_difficulty_densities(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Hexagonal bins of d' of all samples over two difficulties, a column a run."""
    summary = select_threshold(tables["summary"], options.threshold)
    table = once(summary)[["run", "sample", "d_prime"]].merge(tables["difficulty"], on=["run", "sample"])
    names = [name for name in _DENSITIES if f"{name}_out" in table]
    for page, chunk in enumerate(chunks(runs_in(table, styles), 3) if names else ()):
        yield _density_page(table, names, chunk, styles, page)


def _density_page(
    table: pd.DataFrame, names: list[str], runs: list[str], styles: dict[str, RunStyle], page: int
) -> Drawing:
    figure, grid = plt.subplots(
        len(names),
        len(runs),
        figsize=(style.WIDTH if len(runs) > 1 else 4.6, 2.25 * len(names) + 0.3),
        sharex="row",
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
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
    words = caption("densities")
    alt = f"Densities of samples over {len(names)} difficulties and the effect size for {len(runs)} runs."
    suffix = "" if page == 0 else f"-{page + 1}"
    title = "d′ of every sample against its difficulty"
    return Drawing(FigureRecord(f"difficulty-density{suffix}", "difficulty", title, words, alt), figure)


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
    axes.axhline(0, color=style.MUTED, linestyle=":", linewidth=1)
    axes.set_xlabel(f"{style.DIFFICULTY_LABELS[name]}, models without it")
    return mesh
