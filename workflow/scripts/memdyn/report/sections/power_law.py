"""Vulnerability against samples per class: points, fitted line and slope."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import panels, shape_for
from memdyn.report.page.tables import Table, text_cells
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

_POWER_LAW = """
    TPR minus FPR at the last checkpoint against training samples per class, one run a size; bars are one standard
    error. Lines are weighted least-squares fits in logarithms, with {level} intervals of the slope. Sizes whose TPR
    is not above the FPR have no logarithm and are left out."""


def draw_power_law(study: Study) -> Iterator[Drawing]:
    """TPR - FPR over samples per class, log-log, a panel an attack, a line an FPR."""
    points, fits = study.tables["power_law_points"], study.tables["power_law_fits"]
    points = points[points["used"].astype(bool)]
    if not len(points):
        return
    attacks = list(points["attack"].unique())
    rows, columns = shape_for(len(attacks), most=2)
    figure, grid = panels(rows, columns, 3.4 * rows, alone=5.2, sharey=False)
    for axes in grid.flat[len(attacks) :]:
        axes.set_visible(False)
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_fits(axes, points[points["attack"] == attack], fits[fits["attack"] == attack])
        axes.set(title=attack, xlabel="training samples per class", ylabel="TPR − FPR")
    alt = f"Excess true positive rate over samples per class for the attacks {', '.join(attacks)}."
    yield drawn(figure, "power_law", "Vulnerability against pool size", alt, level=level_words(fits))


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


def tabulate_power_law(study: Study) -> Table:
    """Slopes of the power law."""
    fits, rows = study.tables["power_law_fits"], []
    for row in fits.itertuples():
        slope = formatting.interval(row.slope, row.low, row.high)
        names = text_cells(str(row.attack), f"{100 * row.fpr:g} %", slope, formatting.p_value(row.p_fit))
        rows.append(names + text_cells(formatting.count(row.pools), formatting.count(row.dropped), str(row.status)))
    caption = (
        "Slope of log10(TPR − FPR) over log10 of the training samples per class, with "
        f"{level_words(fits)} intervals; p: of so bad a fit, were the law true."
    )
    return Table(caption, ["attack", "FPR", "slope", "p of the fit", "sizes", "left out", "status"], rows, head=2)


SECTION = Section(
    "power_law",
    title="Pool size",
    figures=(Part(draw_power_law, needs=("power_law_points", "power_law_fits")),),
    captions={"power_law": _POWER_LAW},
    tables=(Part(tabulate_power_law, needs=("power_law_fits",)),),
)
