"""Distance to levels of confidence: does it tell members apart, and where the margin is held equal too?"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import at_last, by_run, runs_in
from memdyn.report.section import Part, Section, Study

_CAPTION = """
    Distance to levels of confidence at the last checkpoint where it was searched, in the {norm} norm. Disc: AUC of the
    signed distance between the members and the non-members of a model; ring: that of the margin on the same samples, so
    of the loss. Square: AUC of the distance on pairs of a member and a non-member of one class and model whose margins
    are next to each other, where the margin has 0.5; away from it on either side, the distance tells what the outputs
    do not. Bars: jackknife intervals over pairs of models. Level q: that quantile of the margins of members that the
    attacker knows; p: a probability of the label; gap: the edge of the right prediction."""

_NORMS = {"l2": "L2", "linf": "L-infinity"}
_CONTROLS = {"strata": "in strata", "matched": "matched"}


def draw_distance(study: Study) -> Iterator[Drawing]:
    """AUC of distance and margin, and the matched one, of each run and level; a figure a norm."""
    table = at_last(study.tables["level_distance"])
    for norm, part in table.groupby("norm", sort=False):
        levels = list(part["level"].unique())
        for page, runs in pages(runs_in(part, study.styles), 12):
            figure, grid = panels(1, len(levels), 0.32 * len(runs) + 1.5, alone=4.6)
            for axes, level in zip(grid[0], levels, strict=True):
                _draw_panel(axes, part[part["level"] == level].set_index("run"), runs, study.styles)
                axes.set(title=f"level {level}", xlabel="AUC")
            legend_above(figure, _handles())
            alt = "AUC of the distance to levels of confidence and of the margin, for each run, beside the matched AUC."
            title = f"Distance to levels of confidence, {_NORMS[str(norm)]}"
            yield drawn(figure, "level_distance", title, alt, of=str(norm), page=page, norm=_NORMS[str(norm)])


def _draw_panel(axes: Axes, table: pd.DataFrame, runs: list[str], styles: dict[str, style.RunStyle]) -> None:
    axes.axvline(0.5, color=style.MUTED, linestyle=":", linewidth=1)
    for place, run in enumerate(runs):
        rows, colour = table.loc[[run]].set_index("control"), styles[run].colour
        plain, matched = rows.loc["plain"], rows.loc["matched"]
        for row, up, marker in ((plain, 0.12, "o"), (matched, -0.12, "s")):
            span = bars(*(pd.Series([row[name]], dtype=float) for name in ("auc", "low", "high")))
            axes.errorbar(row["auc"], place - up, xerr=np.nan_to_num(span), fmt=marker, color=colour, markersize=4)
        axes.plot(plain["margin_auc"], place - 0.12, "o", color=colour, markerfacecolor="white", markersize=5, zorder=1)
    axes.set_yticks(range(len(runs)), [style.wrap_label(styles[run].name, 20) for run in runs])
    axes.set_ylim(len(runs) - 0.5, -0.5)


def _handles() -> list:
    line = {"linestyle": "", "color": style.INK}
    return [
        style.handle("distance", marker="o", **line),
        style.handle("margin", marker="o", markerfacecolor="white", **line),
        style.handle("distance, matched in margin", marker="s", **line),
    ]


def tabulate_distance(study: Study) -> Table:
    """The AUCs of each run, norm and level, with the controls, and what was not reached."""
    rows, last = [], at_last(study.tables["level_distance"]).set_index(["run", "norm", "level", "control"]).sort_index()
    for row in by_run(at_last(study.tables["level_distance"]).query("control == 'plain'"), study.styles):
        others = last.loc[(row["run"], row["norm"], row["level"])]
        cells = [row["norm"], row["level"], _auc(row), formatting.number(row["margin_auc"])]
        cells += [_auc(others.loc[control]) for control in _CONTROLS]
        regression = others.loc["regression"]
        limits = (regression[name] for name in ("difference", "difference_low", "difference_high"))
        cells.append(formatting.signed_interval(*limits))
        cells.append(f"{formatting.percent(row['unreached_in'])}, {formatting.percent(row['unreached_out'])}")
        rows.append([run_cell(study.styles[row["run"]]), *text_cells(*cells)])
    caption = (
        "Distance to levels of confidence: AUC, that of the margin, and the AUC of the distance in strata of one class "
        "and like margins, and on pairs matched in them. Regression: what the distance adds to the AUC of a logistic "
        "regression on margin and class. Not reached: of members, of non-members."
    )
    names = ["AUC", "margin's AUC", *(f"AUC, {word}" for word in _CONTROLS.values()), "regression", "not reached"]
    return Table(caption, ["run", "norm", "level", *names], rows, head=3)


def _auc(row: pd.Series) -> str:
    return formatting.interval(row["auc"], row["low"], row["high"])


SECTION = Section(
    "level_distance",
    title="Distance to levels of confidence",
    figures=(Part(draw_distance, needs=("level_distance",)),),
    captions={"level_distance": _CAPTION},
    tables=(Part(tabulate_distance, needs=("level_distance",)),),
)
