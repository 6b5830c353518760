"""Heat maps of the transitions between zones, pooled over training, with the null's probabilities in small print."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.report.sections.plane import ZONE_STACK, select_threshold, threshold_words

_ZONES = tuple(reversed(ZONE_STACK))  # inverted first, highly vulnerable last
_SHORT = {
    "inverted": "inverted",
    "chance": "chance",
    "leaning": "leaning",
    "vulnerable": "vuln.",
    "highly_vulnerable": "HV",
}


def draw_transitions(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """The pooled matrix of all samples, a panel a run."""
    table = tables["transitions"]
    pooled = table[table["epoch"].isna() & (table["group"] == "all")]
    for attack, matrices in select_threshold(pooled, options.threshold).groupby("attack", sort=False):
        runs = runs_in(matrices, styles)
        for page, chunk in enumerate(chunks(runs, 3)):
            columns = max(2, len(chunk))
            width = style.WIDTH * len(chunk) / columns if len(chunk) < columns else style.WIDTH
            figure, grid = plt.subplots(
                1, len(chunk), figsize=(width, width / len(chunk) + 0.75), squeeze=False, layout="constrained"
            )
            for axes, run in zip(grid[0], chunk, strict=True):
                mesh = _draw_matrix(axes, matrices[matrices["run"] == run])
                axes.set_title(style.wrap_label(styles[run].name, 60 // len(chunk)))
            grid[0, 0].set_ylabel("from (share of steps that start there)")
            bar = figure.colorbar(mesh, ax=grid, orientation="horizontal", fraction=0.05, pad=0.03, aspect=50)
            bar.set_label("probability of the step to the next checkpoint")
            bar.ax.xaxis.set_major_formatter(style.PERCENT)
            bar.outline.set_visible(False)
            words = caption("transitions", attack=attack, threshold=threshold_words(matrices["threshold"].iloc[0]))
            alt = f"Matrices of transition probabilities between vulnerability zones for {len(chunk)} runs."
            suffix = "" if page == 0 else f"-{page + 1}"
            title = f"Transitions between zones, {attack}"
            yield Drawing(FigureRecord(f"transitions-{attack}{suffix}", "transitions", title, words, alt), figure)


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
    axes.set(aspect="equal", ylim=(len(_ZONES), 0), xlabel="to")
    places = np.arange(len(_ZONES)) + 0.5
    axes.set_xticks(places, [_SHORT[zone] for zone in _ZONES], fontsize=6.8)
    labels = [f"{_SHORT[zone]}\n{_percent(start)} %" for zone, start in zip(_ZONES, starts, strict=True)]
    axes.set_yticks(places, labels, fontsize=6.8)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return mesh


def _matrix(table: pd.DataFrame, column: str) -> np.ndarray:
    wide = table.pivot(index="zone_from", columns="zone_to", values=column)
    return wide.reindex(index=list(_ZONES), columns=list(_ZONES)).to_numpy(float)


def _percent(value: float) -> str:
    """At most three characters: 0, .3, 12, 100 (per cent)."""
    percent = 100 * value
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f}"
    return "<.1" if percent < 0.05 else f"{percent:.1f}"
