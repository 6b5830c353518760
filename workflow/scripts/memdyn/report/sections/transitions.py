"""Transitions between zones, pooled over training, and the inflow to the worst zone, beside those of the null."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize

from memdyn.report.draw import style
from memdyn.report.draw.curves import draw_curves
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels
from memdyn.report.rows import of_population, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.terms import ALL_CLASSES, ZONES

_TRANSITIONS = """
    Where a sample is at the next checkpoint, given its zone in the plane of {attack} at {threshold}, in per cent,
    pooled over training; small: the same for sham members. Zones are tracked: a sample leaves its zone when it is
    more than one standard error outside it, so counting noise moves fewer samples to and fro. Beside each zone the
    share of all steps that start there: rows with few are noise. HV: highly vulnerable; vuln.: vulnerable."""
_INFLOW = """
    Chance of a sample outside the highly vulnerable zone (tracked, as in the transitions) of {attack} at
    {threshold} to enter it, per epoch of the step to the next checkpoint (steps may differ in length), drawn where
    the step starts. Bands: jackknife over pairs; hollow: sham members."""

_SHORT = {zone: zone for zone in ZONES} | {"vulnerable": "vuln.", "highly_vulnerable": "HV"}


def draw_transitions(study: Study) -> Iterator[Drawing]:
    """The pooled matrix of all samples, a panel a run."""
    table = study.tables["transitions"]
    pooled = table[table["epoch"].isna() & (table["samples"] == ALL_CLASSES)]
    for attack, threshold, matrices in study.by_attack(pooled):
        for page, runs in pages(runs_in(matrices, study.styles), 3):
            width = style.WIDTH / 2 if len(runs) == 1 else style.WIDTH
            figure, grid = panels(1, len(runs), width / len(runs) + 0.75, width, sharex=False, sharey=False)
            for axes, run in zip(grid[0], runs, strict=True):
                mesh = _draw_matrix(axes, matrices[matrices["run"] == run])
                axes.set_title(style.wrap_label(study.styles[run].name, 60 // len(runs)))
            grid[0, 0].set_ylabel("from (share of steps that start there)")
            bar = figure.colorbar(mesh, ax=grid, orientation="horizontal", fraction=0.05, pad=0.03, aspect=50)
            bar.set_label("probability of the step to the next checkpoint")
            bar.ax.xaxis.set_major_formatter(style.PERCENT)
            bar.outline.set_visible(False)
            alt = f"Matrices of transition probabilities between vulnerability zones for {len(runs)} runs."
            title = "Transitions between zones"
            yield drawn(figure, "transitions", title, alt, attack=attack, page=page, threshold=threshold)


def _draw_matrix(axes: Axes, table: pd.DataFrame) -> QuadMesh:
    values, nulls, shares = (_matrix(table, name) for name in ("probability", "null", "share"))
    norm = Normalize(0, 1)
    mesh = axes.pcolormesh(np.ma.masked_invalid(values), norm=norm, cmap=style.DENSITY, edgecolor="white", linewidth=1)
    axes.set_facecolor("#f2f2f2")
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            axes.text(j + 0.5, i + 0.5, "–", ha="center", va="center", color=style.MUTED)
            continue
        colour = "white" if value > 0.55 else style.INK
        axes.text(j + 0.5, i + 0.4, _percent(value), ha="center", va="center", color=colour, fontsize=7.5)
        if not np.isnan(nulls[i, j]):
            small = {"ha": "center", "va": "center", "color": colour, "fontsize": 5.5}
            axes.text(j + 0.5, i + 0.76, f"null {_percent(nulls[i, j])}", **small)
    starts = np.nansum(shares, axis=1)
    axes.set(aspect="equal", ylim=(len(ZONES), 0), xlabel="to")
    places = np.arange(len(ZONES)) + 0.5
    axes.set_xticks(places, [_SHORT[zone] for zone in ZONES], fontsize=6.8)
    labels = [f"{_SHORT[zone]}\n{_percent(start)} %" for zone, start in zip(ZONES, starts, strict=True)]
    axes.set_yticks(places, labels, fontsize=6.8)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return mesh


def _matrix(table: pd.DataFrame, column: str) -> np.ndarray:
    wide = table.pivot(index="zone_from", columns="zone_to", values=column)
    return wide.reindex(index=list(ZONES), columns=list(ZONES)).to_numpy(float)


def _percent(value: float) -> str:
    """At most three characters: 0, .3, 12, 100 (per cent)."""
    percent = 100 * value
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f}"
    return "<.1" if percent < 0.05 else f"{percent:.1f}"


def draw_inflow(study: Study) -> Iterator[Drawing]:
    """Chance of a sample outside the highly vulnerable zone to enter it, per epoch; none of a single checkpoint."""
    for attack, threshold, curves in study.by_attack(of_population(study.tables["curves"], "inflow_hv")):
        figure, axes = plt.subplots(figsize=(style.WIDTH, 2.9), layout="constrained")
        draw_curves(axes, curves[curves["figure"] == "inflow_hv"], study.styles)
        axes.set(title="chance to enter the highly vulnerable zone, per epoch", ylim=(0, None))
        axes.yaxis.set_major_formatter(style.PERCENT)
        style.epoch_axis(axes)
        legend_above(figure, [*style.run_handles(study.styles), *style.null_handles(curves["null"])])
        alt = f"Probability of entering the highly vulnerable zone over epochs for {len(study.styles)} runs."
        yield drawn(figure, "inflow", "Inflow to the worst zone", alt, attack=attack, threshold=threshold)


SECTION = Section(
    "transitions",
    title="Transitions between zones",
    figures=(Part(draw_transitions, needs=("transitions",)), Part(draw_inflow, needs=("curves",))),
    captions={"transitions": _TRANSITIONS, "inflow": _INFLOW},
)
