"""Vulnerability against samples per class: points, fitted line and slope."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import columns_for
from memdyn.report.page.record import Drawing, FigureRecord


def draw_power_law(tables: dict[str, pd.DataFrame]) -> Iterator[Drawing]:
    """TPR - FPR over samples per class, log-log, a panel an attack, a line an FPR."""
    points, fits = tables["power_law_points"], tables["power_law_fits"]
    points = points[points["used"].astype(bool)]
    if not len(points):
        return
    attacks = list(points["attack"].unique())
    columns = columns_for(len(attacks), most=2)
    rows = -(-len(attacks) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH if columns > 1 else 5.2, 3.4 * rows),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[len(attacks) :]:
        axes.set_visible(False)
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_fits(axes, points[points["attack"] == attack], fits[fits["attack"] == attack])
        axes.set(title=attack, xlabel="training samples per class", ylabel="TPR − FPR")
    level = f"{100 * fits['level'].iloc[0]:g} %"
    alt = f"Excess true positive rate over samples per class for the attacks {', '.join(attacks)}."
    words = caption("power_law", level=level)
    yield Drawing(FigureRecord("power-law", "power_law", "Vulnerability against pool size", words, alt), figure)


def _draw_fits(axes: Axes, points: pd.DataFrame, fits: pd.DataFrame) -> None:
    axes.set_xscale("log")
    style.plain_decades(axes.xaxis)
    style.plain_log_axis(axes)
    for k, (fpr, part) in enumerate(points.groupby("fpr")):
        colour, marker = style.COLOURS[k % len(style.COLOURS)], style.MARKERS[k % len(style.MARKERS)]
        fit = fits[np.isclose(fits["fpr"], fpr) & np.isfinite(fits["slope"])]
        slope = fit.iloc[0] if len(fit) else None
        told = "" if slope is None else f": slope {formatting.interval(slope['slope'], slope['low'], slope['high'], 2)}"
        part = part.sort_values("samples_per_class")
        x, y = part["samples_per_class"].to_numpy(float), 10 ** part["log_excess"].to_numpy(float)
        bars = np.stack([y - y / 10 ** part["se"], y * 10 ** part["se"] - y])
        label = f"{100 * fpr:g} % FPR{told}"
        axes.errorbar(x, y, yerr=bars, linestyle="none", color=colour, marker=marker, label=label)
        if slope is not None:
            ends = np.array([x.min(), x.max()])
            line = 10 ** (slope["intercept"] + slope["slope"] * np.log10(ends))
            axes.plot(ends, line, color=colour, linestyle=style.LINES[k % len(style.LINES)])
    axes.legend(loc="best")
    sizes = sorted(points["samples_per_class"].unique())
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes], minor=False)
    axes.minorticks_off()
    low, high = axes.get_ylim()
    axes.set_ylim(low / 1.3, high * 1.5)  # room for the legend
