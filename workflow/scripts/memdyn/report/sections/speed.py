"""Curves of the population with their jackknife bands and their null curves: speed, order, river of zones, inflow."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, legend_above
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.report.sections.plane import ZONE_STACK, hatch, select_threshold, threshold_words

# (figure, title, whether its difference to the null is drawn), row by row; a row shares its y axis where it says so
_SPEED_PANELS = (
    ("displacement", "displacement of the centre, points", False),
    ("displacement_corrected", "the same, counting noise removed", False),
    ("speed", "mean speed of samples, per epoch (raw)", False),
    ("speed_rms_corrected", "RMS speed, counting noise removed", False),
    ("entropy_change", "entropy change in bits, minus null", True),
    ("clark_evans", "Clark-Evans ratio, minus null", True),
)
_SHARED_ROWS = (0, 1)
_BANDED_ZONES = ("highly_vulnerable", "vulnerable", "leaning", "inverted")


def population_curves(
    tables: dict[str, pd.DataFrame], threshold: str, needed: str = ""
) -> Iterator[tuple[str, pd.DataFrame]]:
    """(attack, curves of all samples at its threshold), of the runs that have the needed figure."""
    curves = tables["curves"]
    if needed:
        curves = curves[curves["run"].isin(curves.loc[curves["figure"] == needed, "run"])]
    chosen = select_threshold(curves[curves["group"] == "all"], threshold)
    yield from ((str(attack), table) for attack, table in chosen.groupby("attack", sort=False))


def draw_curves(axes: Axes, curves: pd.DataFrame, styles: dict[str, RunStyle], difference: bool) -> None:
    """One figure of all runs: value with band and, hollow, the null; or the difference of both with band and 0."""
    value = "difference" if difference else "value"
    low, high = ("difference_low", "difference_high") if difference else ("low", "high")
    for run, run_style in styles.items():
        part = curves[(curves["run"] == run) & curves[value].notna()].sort_values("epoch")
        band = part[part[low].notna()]
        axes.fill_between(
            band["epoch"], band[low], band[high], color=run_style.colour, alpha=style.BAND_ALPHA, linewidth=0
        )
        axes.plot(part["epoch"], part[value], **run_style.line)
        if not difference:
            axes.plot(part["epoch"], part["null"], **null_line(run_style))
    if difference:
        axes.axhline(0, color=style.MUTED, linestyle=":", linewidth=1)


def null_line(run_style: RunStyle) -> dict:
    """How the null curve of a run is drawn."""
    hollow = {"linestyle": "--", "markerfacecolor": "white", "markeredgewidth": 0.7, "markersize": 3.2}
    return run_style.line | hollow | {"linewidth": 0.8, "alpha": 0.6}


def null_handle() -> Line2D:
    return Line2D([], [], label="sham members (null)", color=style.MUTED, marker="o", ls="--", markerfacecolor="white")


def draw_speed(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Displacement, speed and spatial order over checkpoints, raw against corrected; none of a single checkpoint."""
    for attack, curves in population_curves(tables, options.threshold, "speed"):
        rows = len(_SPEED_PANELS) // 2
        figure, grid = plt.subplots(
            rows, 2, figsize=(style.WIDTH, 2.05 * rows + 0.6), sharex=True, layout="constrained"
        )
        for row in _SHARED_ROWS:
            grid[row, 1].sharey(grid[row, 0])
        for axes, (name, title, difference) in zip(grid.flat, _SPEED_PANELS, strict=True):
            draw_curves(axes, curves[curves["figure"] == name], styles, difference)
            axes.set_title(title)
        for axes in grid[-1]:
            style.epoch_axis(axes)
        for row in _SHARED_ROWS:
            _frame_lines(grid[row])
        legend_above(figure, [*style.run_handles(styles), null_handle()])
        threshold = curves["threshold"].iloc[0]
        words = caption("speed", attack=attack, threshold=threshold_words(threshold), grid=options.grid)
        alt = (
            f"Displacement, speed, entropy change and clustering over epochs for {len(styles)} runs, with null curves."
        )
        yield Drawing(FigureRecord(f"speed-{attack}", "speed", f"Speed and order, {attack}", words, alt), figure)


def _frame_lines(row: np.ndarray) -> None:
    """One y range for the panels of a row: that of the lines, since a wide band would press them flat."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for axes in row for line in axes.lines])
    values = np.append(values[np.isfinite(values)], 0.0)
    margin = 0.12 * max(np.ptp(values), 1e-9)
    row[0].set_ylim(values.min() - margin, values.max() + margin)


def draw_inflow(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Chance of a sample outside the highly vulnerable zone to enter it, per epoch; none of a single checkpoint."""
    for attack, curves in population_curves(tables, options.threshold, "inflow_hv"):
        figure, axes = plt.subplots(figsize=(style.WIDTH, 2.9), layout="constrained")
        draw_curves(axes, curves[curves["figure"] == "inflow_hv"], styles, difference=False)
        axes.set(title="chance to enter the highly vulnerable zone, per epoch", ylim=(0, None))
        axes.yaxis.set_major_formatter(style.PERCENT)
        style.epoch_axis(axes)
        legend_above(figure, [*style.run_handles(styles), null_handle()])
        words = caption("inflow", attack=attack, threshold=threshold_words(curves["threshold"].iloc[0]))
        alt = f"Probability of entering the highly vulnerable zone over epochs for {len(styles)} runs."
        record = FigureRecord(f"inflow-{attack}", "transitions", f"Inflow to the worst zone, {attack}", words, alt)
        yield Drawing(record, figure)


def draw_river(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """Zone shares: stacked as a river, and below it each zone but chance with its band."""
    for attack, curves in population_curves(tables, options.threshold):
        shares = curves[curves["figure"].str.startswith("share_")]
        runs = runs_in(shares, styles)
        for page, chunk in enumerate(chunks(runs, 3)):
            figure, grid = plt.subplots(
                2,
                len(chunk),
                figsize=(style.WIDTH if len(chunk) > 1 else 4.6, 4.4),
                sharex="col",
                sharey="row",
                squeeze=False,
                layout="constrained",
            )
            for (river, lines), run in zip(grid.T, chunk, strict=True):
                part = shares[shares["run"] == run]
                _draw_river(river, part)
                _draw_bands(lines, part)
                river.set_title(style.wrap_label(styles[run].name, 60 // len(chunk)))
                style.epoch_axis(lines)
            grid[0, 0].set_ylabel("share of samples")
            grid[1, 0].set_ylabel("share, with band")
            legend_above(figure, _zone_handles())
            words = caption("river", attack=attack, threshold=threshold_words(curves["threshold"].iloc[0]))
            alt = f"Stacked and single shares of the vulnerability zones over epochs for {len(chunk)} runs."
            suffix = "" if page == 0 else f"-{page + 1}"
            title = f"River of zones, {attack}"
            yield Drawing(FigureRecord(f"river-{attack}{suffix}", "zones", title, words, alt), figure)


def _zone_handles() -> list:
    patches = [
        Patch(facecolor=style.ZONE_COLOURS[z], edgecolor="white", hatch=hatch(z), label=style.ZONE_LABELS[z])
        for z in ZONE_STACK
    ]
    null = Line2D([], [], color=style.MUTED, linestyle=":", label="HV of the null")
    return [*patches, null]


def _draw_river(axes: Axes, shares: pd.DataFrame) -> None:
    table = shares.pivot(index="epoch", columns="figure", values="value")
    table = table.reindex(columns=[f"share_{zone}" for zone in ZONE_STACK]).fillna(0.0)
    if len(table) == 1:  # one checkpoint is drawn as a bar
        table = pd.concat([table.set_axis(table.index + shift) for shift in (-0.5, 0.5)])
    colours = [style.ZONE_COLOURS[zone] for zone in ZONE_STACK]
    layers = axes.stackplot(table.index, table.to_numpy().T, colors=colours, edgecolor="white", linewidth=0.4)
    for layer, zone in zip(layers, ZONE_STACK, strict=True):
        layer.set_hatch(hatch(zone))
    axes.set(ylim=(0, 1), xlim=(table.index.min(), table.index.max()))
    axes.yaxis.set_major_formatter(style.PERCENT)
    axes.grid(visible=False)


def _draw_bands(axes: Axes, shares: pd.DataFrame) -> None:
    for k, zone in enumerate(_BANDED_ZONES):
        part = shares[shares["figure"] == f"share_{zone}"].sort_values("epoch")
        colour = style.ZONE_COLOURS[zone]
        low, high = part["low"].to_numpy(float), part["high"].to_numpy(float)
        axes.fill_between(part["epoch"], np.clip(low, 0, 1), np.clip(high, 0, 1), color=colour, alpha=0.3, linewidth=0)
        axes.plot(part["epoch"], part["value"], color=colour, marker=style.MARKERS[k], linestyle=style.LINES[k])
        if zone == "highly_vulnerable":
            axes.plot(part["epoch"], part["null"], color=style.MUTED, linestyle=":")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(style.PERCENT)
