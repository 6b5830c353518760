"""Width as a factor: advantage against test error through training, a curve a width, and what changes with it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.page.tables import Table, text_cells
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words, threshold_words

_WIDTH = """
    Test error against mean advantage (TPR − FPR over samples) through training, a curve a width; a mark is a checkpoint
    and the larger one the last. At equal height both nets err alike: the one further left leaks less. Bars at the last:
    {level} intervals. After Tan et al. (2023)."""
_WORDS = {
    "rises_with_width": "at the best test accuracy, wider nets leak more",
    "rises_after_flat": "the leak rises on after the test error is flat",
    "error_falls": "at an equal leak, wider nets err less",
    "advantage_falls": "at an equal test error, wider nets leak less",
}
_AXES = {"x": "advantage", "y": "error"}
_UNITS = {"rises_after_flat": "change of advantage", "error_falls": "test error per doubling"}


def draw_width(study: Study) -> Iterator[Drawing]:
    """A panel an attack, a curve a run of the widths that are compared."""
    curves = study.tables["width_curves"]
    names = [run for run in study.styles if run in set(curves["run"])]
    groups = list(curves.groupby(["attack", "threshold"], sort=False))
    rows, columns = shape_for(len(groups), most=3)
    figure, grid = panels(rows, columns, 3.0 * rows + 0.4, alone=5.2)
    for axes, ((attack, threshold), table) in zip(grid.flat, groups, strict=False):
        for run in names:
            _draw_curve(axes, table[table["run"] == run].sort_values("epoch"), study.styles[run])
        axes.set_title(f"{attack}, {threshold_words(str(threshold))}")
    label_outer(grid, len(groups), "mean advantage", "test error")
    legend_above(figure, style.run_handles({run: study.styles[run] for run in names}))
    alt = f"Test error against mean advantage over training of {len(names)} nets that differ in their width."
    yield drawn(figure, "width", "Leak and test error by width", alt, level=level_words(curves))


def _draw_curve(axes: Axes, table: pd.DataFrame, run_style: style.RunStyle) -> None:
    axes.plot(table["advantage"], table["error"], **run_style.line)
    last = table.iloc[-1:]
    errors = {f"{x}err": bars(*(last[name + end] for end in ("", "_low", "_high"))) for x, name in _AXES.items()}
    axes.errorbar(last["advantage"], last["error"], **errors, **(run_style.line | {"markersize": 8}))


def tabulate_width(study: Study) -> Table:
    """The claims about width, with their intervals."""
    claims, rows = study.tables["width_claims"], []
    for row in claims.itertuples():
        number = formatting.interval(row.estimate, row.low, row.high) if np.isfinite(row.estimate) else "–"
        unit = _UNITS.get(row.claim, "advantage per doubling")
        told = row.verdict if row.status == "tested" else f"{row.verdict}: {row.status}"
        rows.append(
            text_cells(str(row.attack), threshold_words(str(row.threshold)), _WORDS[row.claim], number, unit, told)
        )
    level = claims["level"].iloc[0]
    caption = (
        "Width as a factor (claims of Tan et al. 2023): least-squares change per doubling of the width, with intervals "
        f"that hold jointly for an attack ({100 * level:.4g} % each). An equal leak, or test error, is where curves "
        "first pass one value."
    )
    return Table(caption, ["attack", "threshold", "claim", "estimate", "of", "verdict"], rows, head=3)


SECTION = Section(
    "width",
    title="Width",
    figures=(Part(draw_width, needs=("width_curves",)),),
    captions={"width": _WIDTH},
    tables=(Part(tabulate_width, needs=("width_claims",)),),
)
