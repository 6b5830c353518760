"""Figures of the vulnerability plane: densities of states, the path of the centre of mass, zones over time."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, columns_for, label_outer, legend_above, spread
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.terms import LIKELIHOOD_RATIO_1

MAX_CELLS = 33  # finer lattices are binned
RUNS_PER_FIGURE = 5
ZONE_STACK = ("highly_vulnerable", "vulnerable", "leaning", "chance", "inverted")  # from the axis upwards


def select_threshold(table: pd.DataFrame, threshold: str) -> pd.DataFrame:
    """Rows at the wanted threshold; an attack without it (no likelihood ratio, say) shows its first one."""
    return table[table["threshold"] == table["attack"].map(_shown(table, threshold))]


def shown_rows(table: pd.DataFrame, threshold: str) -> list[list[tuple[str, str, str]]]:
    """What `select_threshold` keeps, as a filter for the reader of another table of the same attacks and thresholds."""
    return [
        [("attack", "==", attack), ("threshold", "==", shown)] for attack, shown in _shown(table, threshold).items()
    ]


def _shown(table: pd.DataFrame, threshold: str) -> dict[str, str]:
    """The threshold of each attack."""
    return {
        attack: threshold if (part["threshold"] == threshold).any() else part["threshold"].iloc[0]
        for attack, part in table.groupby("attack", sort=False)
    }


def threshold_words(threshold: str) -> str:
    """The threshold's label in words."""
    if threshold == LIKELIHOOD_RATIO_1:
        return "likelihood ratio 1"
    return f"a pooled FPR of {100 * float(threshold.removeprefix('fpr')):g} %"


def draw_plane(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Density of the samples' states at several checkpoints side by side, a row a run."""
    for attack, samples in select_threshold(tables["samples"], options.threshold).groupby("attack", sort=False):
        runs = runs_in(samples, styles)
        for page, chunk in enumerate(chunks(runs, RUNS_PER_FIGURE)):
            yield _plane_page(str(attack), samples[samples["run"].isin(chunk)], chunk, styles, options, page)


def _plane_page(
    attack: str, samples: pd.DataFrame, runs: list[str], styles: dict[str, RunStyle], options: ReportOptions, page: int
) -> Drawing:
    columns = min(options.plane_epochs, samples.groupby("run")["epoch"].nunique().max())
    side = (style.WIDTH - 1.1) / max(columns, 3)
    figure, grid = plt.subplots(
        len(runs),
        columns,
        figsize=(side * columns + 1.1, (side + 0.06) * len(runs) + 0.3),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    shown = {run: spread(sorted(part["epoch"].unique()), columns) for run, part in samples.groupby("run")}
    cells = int(min(MAX_CELLS, samples["n_in"].max() + 1))
    counts = {
        (run, epoch): cell_counts(part, cells)
        for (run, epoch), part in samples.groupby(["run", "epoch"])
        if epoch in shown[run]
    }
    norm, mesh = LogNorm(1, max(10, *(table.max() for table in counts.values()))), None
    for row, run in zip(grid, runs, strict=True):
        part = samples[samples["run"] == run]
        for axes in row[len(shown[run]) :]:
            axes.set_visible(False)
        for axes, epoch in zip(row, shown[run], strict=False):
            mesh = draw_density(axes, counts[run, epoch], norm)
            draw_landmarks(axes, part[part["epoch"] == epoch], options, margin=0.5 / (cells - 1))
            axes.set_title(f"epoch {epoch}", pad=3)
        row[0].set_ylabel(f"{style.wrap_label(styles[run].name, 22)}\nTPR")
    for axes in grid[-1]:
        axes.set_xlabel("FPR")
    style.count_bar(figure, mesh, grid)
    threshold = samples["threshold"].iloc[0]
    words = caption(
        "plane",
        attack=attack,
        threshold=threshold_words(threshold),
        advantage=f"{options.vulnerable_advantage:g}",
        hv_tpr=f"{options.hv_tpr:g}",
        hv_fpr=f"{options.hv_fpr:g}",
    )
    alt = f"Density of samples over false and true positive rate at {columns} checkpoints for {len(runs)} runs."
    suffix = "" if page == 0 else f"-{page + 1}"
    record = FigureRecord(f"plane-{attack}{suffix}", "plane", f"Vulnerability plane, {attack}", words, alt)
    return Drawing(record, figure)


def cell_counts(state: pd.DataFrame, cells: int) -> np.ndarray:
    """Samples [tpr, fpr] in cells centred on the lattice k / n (or on a coarser one where n is large)."""
    edges = (np.arange(cells + 1) - 0.5) / (cells - 1)
    return np.histogram2d(state["tpr"], state["fpr"], bins=[edges, edges])[0]


def draw_density(axes: Axes, counts: np.ndarray, norm: LogNorm) -> QuadMesh:
    cells = len(counts)
    edges = (np.arange(cells + 1) - 0.5) / (cells - 1)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(edges[0], edges[-1]), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.grid(False)
    empty_hidden = np.ma.masked_equal(counts, 0)
    return axes.pcolormesh(edges, edges, empty_hidden, norm=norm, cmap=style.DENSITY, rasterized=True, linewidth=0)


def draw_landmarks(axes: Axes, state: pd.DataFrame, options: ReportOptions, margin: float) -> None:
    """Chance line, line of equal advantage, the box of highly vulnerable samples with its share, the centre of mass."""
    axes.plot([0, 1], [0, 1], color=style.INK, linewidth=0.8, path_effects=style.HALO)
    step = options.vulnerable_advantage
    axes.plot([0, 1 - step], [step, 1], ":", color=style.INK, linewidth=1, path_effects=style.HALO)
    width, height = options.hv_fpr + margin, 1 - options.hv_tpr + margin
    box = Rectangle((-margin, options.hv_tpr), width, height, fill=False, edgecolor=style.FAILED, lw=1.2, zorder=3)
    axes.add_patch(box)
    share = ((state["tpr"] >= options.hv_tpr) & (state["fpr"] <= options.hv_fpr)).mean()
    corner = {"ha": "right", "va": "bottom", "transform": axes.transAxes, "fontsize": 8}
    axes.text(0.98, 0.03, f"HV {100 * share:.1f} %", color=style.FAILED, **corner)
    centre = {"marker": "P", "color": "white", "markeredgecolor": style.INK, "markersize": 7, "zorder": 4}
    axes.plot(state["fpr"].mean(), state["tpr"].mean(), **centre)


def draw_centre(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Path of the centre of mass over training, with the path of sham members, which no model trained on."""
    for attack, centre in select_threshold(tables["centre"], options.threshold).groupby("attack", sort=False):
        figure, (path, time) = plt.subplots(
            1, 2, figsize=(style.WIDTH, 3.9), layout="constrained", gridspec_kw={"width_ratios": [1.15, 1]}
        )
        for (run, kind), part in centre.groupby(["run", "part"], sort=False):
            part = part.sort_values("epoch")
            _draw_path(path, part, styles[run], sham=kind == "sham")
            _draw_centre_advantage(time, part, styles[run], sham=kind == "sham")
        ends = path.get_xlim(), path.get_ylim()
        path.axline((0, 0), slope=1, color=style.MUTED, linestyle=":", linewidth=1)
        path.set(
            xlim=ends[0], ylim=ends[1], xlabel="mean FPR", ylabel="mean TPR", title="path (diamond: last checkpoint)"
        )
        time.axhline(0, color=style.MUTED, linestyle=":", linewidth=1)
        time.set(title="mean advantage (TPR − FPR)")
        style.epoch_axis(time)
        grey = {"color": style.MUTED, "marker": "o", "linestyle": "--", "markerfacecolor": "white"}
        legend_above(figure, [*style.run_handles(styles), Line2D([], [], label="sham members", **grey)])
        threshold = centre["threshold"].iloc[0]
        words = caption("centre", attack=attack, threshold=threshold_words(threshold))
        alt = f"Path of the mean false and true positive rate during training for {len(styles)} runs."
        record = FigureRecord(f"centre-{attack}", "centre", f"Centre of mass, {attack}", words, alt)
        yield Drawing(record, figure)


def _draw_path(axes: Axes, part: pd.DataFrame, run_style: RunStyle, sham: bool) -> None:
    colour, alpha = run_style.colour, 0.55 if sham else 1.0
    axes.errorbar(
        part["fpr"],
        part["tpr"],
        xerr=_bars(part, "fpr"),
        yerr=_bars(part, "tpr"),
        color=colour,
        alpha=alpha,
        marker=run_style.marker,
        markersize=3.5,
        markerfacecolor="white" if sham else colour,
        linestyle="--" if sham else run_style.linestyle,
        linewidth=0.8 if sham else 1.3,
        elinewidth=0.6,
    )
    if not sham:
        last = part.iloc[-1]
        axes.plot(last["fpr"], last["tpr"], "D", color=colour, markersize=8, markeredgecolor="white", zorder=5)


def _bars(part: pd.DataFrame, rate: str) -> np.ndarray:
    low, high = part[rate] - part[f"{rate}_low"], part[f"{rate}_high"] - part[rate]
    return np.clip(np.stack([low, high]), 0, None)


def _draw_centre_advantage(axes: Axes, part: pd.DataFrame, run_style: RunStyle, sham: bool) -> None:
    line = run_style.line | ({"linestyle": "--", "markerfacecolor": "white", "markeredgewidth": 0.8} if sham else {})
    if "advantage_low" in part:
        band = {"color": run_style.colour, "alpha": style.BAND_ALPHA, "linewidth": 0}
        axes.fill_between(part["epoch"], part["advantage_low"], part["advantage_high"], **band)
    axes.plot(part["epoch"], part["tpr"] - part["fpr"], alpha=0.55 if sham else 1, **line)


def draw_zones(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Stacked shares of the zones over checkpoints, a panel a run."""
    for attack, zones in select_threshold(tables["zones"], options.threshold).groupby("attack", sort=False):
        runs = runs_in(zones, styles)
        columns = columns_for(len(runs), most=3)
        rows = -(-len(runs) // columns)
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(style.WIDTH if columns > 1 else 4.6, 2.2 * rows + 0.6),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for axes, run in zip(grid.flat, runs, strict=False):
            _draw_zone_panel(axes, zones[zones["run"] == run])
            axes.set_title(style.wrap_label(styles[run].name, 30))
            style.epoch_axis(axes)
        label_outer(grid, len(runs), "epoch", "share of samples")
        handles = [
            Patch(facecolor=style.ZONE_COLOURS[z], edgecolor="white", hatch=hatch(z), label=style.ZONE_LABELS[z])
            for z in ZONE_STACK
        ]
        legend_above(figure, handles)
        threshold = zones["threshold"].iloc[0]
        words = caption("zones", attack=attack, threshold=threshold_words(threshold))
        alt = f"Stacked shares of vulnerability zones over epochs for {len(runs)} runs."
        yield Drawing(FigureRecord(f"zones-{attack}", "zones", f"Zones over training, {attack}", words, alt), figure)


def _draw_zone_panel(axes: Axes, zones: pd.DataFrame) -> None:
    shares = zones.pivot(index="epoch", columns="zone", values="share").reindex(columns=list(ZONE_STACK)).fillna(0.0)
    if len(shares) == 1:  # one checkpoint is drawn as a bar
        shares = pd.concat([shares.set_axis(shares.index + shift) for shift in (-0.5, 0.5)])
    layers = axes.stackplot(
        shares.index,
        shares.to_numpy().T,
        colors=[style.ZONE_COLOURS[z] for z in ZONE_STACK],
        edgecolor="white",
        linewidth=0.4,
    )
    for layer, zone in zip(layers, ZONE_STACK, strict=True):
        layer.set_hatch(hatch(zone))
    axes.set(ylim=(0, 1), xlim=(shares.index.min(), shares.index.max()))
    axes.set_axisbelow(False)
    axes.grid(axis="x", visible=False)


def hatch(zone: str) -> str:
    return "////" if zone == "inverted" else ""
