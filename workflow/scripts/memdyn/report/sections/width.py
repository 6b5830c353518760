"""Width as a factor: advantage against test error through training, a curve a width, and what changes with it."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.page.tables import Table, text_cells
from memdyn.report.rows import runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

_WIDTH = """
    Test error against mean advantage (TPR − FPR over samples) through training, a curve a width; a mark is a checkpoint
    and the larger one the last. At equal height both nets err alike: the one further left leaks less. Bars at the last:
    {level} intervals. Checkpoints with a test error above {high} are left out. After Tan et al. (2023)."""
_WORDS = {
    "rises_with_width": "at the best test accuracy, wider nets leak more",
    "rises_after_flat": "the leak rises on after the test error is flat",
    "error_falls": "at an equal leak, wider nets err less",
    "advantage_falls": "at an equal test error, wider nets leak less",
}
_SHOWN = 0.8  # of the way from the highest to the lowest test error is left out: there nets have hardly learned
_AXES = {"x": "advantage", "y": "error"}
_UNITS = {"rises_after_flat": "change of advantage", "error_falls": "test error per doubling"}


def draw_width(study: Study) -> Iterator[Drawing]:
    """A panel an attack and series, a curve a run of the widths that are compared."""
    curves = study.tables["width_curves"]
    high = curves["error"].max() - _SHOWN * (curves["error"].max() - curves["error"].min())
    curves = curves[curves["error"] <= high]
    shown = [(*of, table) for *of, part in study.by_attack(curves) for _, table in part.groupby("series", sort=False)]
    rows, columns = shape_for(len(shown), most=3)
    figure, grid = panels(rows, columns, 3.0 * rows + 0.4, alone=5.2)
    for axes, (attack, threshold, table) in zip(grid.flat, shown, strict=False):
        for run in runs_in(table, study.styles):
            _draw_curve(axes, table[table["run"] == run].sort_values("epoch"), study.styles[run])
        axes.set_title(f"{attack}, {threshold}")
    label_outer(grid, len(shown), "mean advantage", "test error")
    names = runs_in(curves, study.styles)
    legend_above(figure, style.run_handles({run: study.styles[run] for run in names}))
    alt = f"Test error against mean advantage over training of {len(names)} nets that differ in their width."
    yield drawn(figure, "width", "Leak and test error by width", alt, level=level_words(curves), high=f"{high:.2f}")


def _draw_curve(axes: Axes, table: pd.DataFrame, run_style: style.RunStyle) -> None:
    axes.plot(table["advantage"], table["error"], **run_style.line)
    last = table.iloc[-1:]
    errors = {f"{x}err": bars(*(last[name + end] for end in ("", "_low", "_high"))) for x, name in _AXES.items()}
    axes.errorbar(last["advantage"], last["error"], **errors, **(run_style.line | {"markersize": 8}))


def tabulate_width(study: Study) -> Table:
    """The claims about width, with their intervals."""
    claims, rows = study.tables["width_claims"], []
    several = claims["series"].nunique() > 1
    for attack, threshold, part in study.by_attack(claims):
        for row in part.itertuples():
            told = row.verdict if row.status == "tested" else f"{row.verdict}: {row.status}"
            number = formatting.signed_interval(row.estimate, row.low, row.high, digits=4)
            of = _UNITS.get(row.claim, "advantage per doubling")
            series = [str(row.series)] if several else []
            rows.append(text_cells(attack, threshold, *series, _WORDS[row.claim], number, of, told))
    level = claims["level"].iloc[0]
    caption = (
        "Width as a factor (claims of Tan et al. 2023): least-squares change per doubling of the width, with intervals "
        f"that hold jointly for an attack ({100 * level:.4g} % each). An equal leak, or test error, is where curves "
        "first pass one value. Other thresholds of the plane: table width_claims."
    )
    columns = ["attack", "threshold", *["wider than"] * several, "claim", "estimate", "of", "verdict"]
    return Table(caption, columns, rows, head=3 + several)


SECTION = Section(
    "width",
    title="Width",
    figures=(Part(draw_width, needs=("width_curves",)),),
    captions={"width": _WIDTH},
    tables=(Part(tabulate_width, needs=("width_claims",)),),
)
