"""Width as a factor: advantage against test error through training, a curve a width, and what changes with it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.page.tables import Table, text_cells
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words

_WIDTH = """
    Test error against mean advantage (TPR − FPR over samples) through training, a curve a width; a mark is a checkpoint
    and the larger one the last. At equal height both nets err alike: the one further left leaks less. Drawn after Tan et
    al. (2023). {threshold}"""
_WORDS = {
    "rises_with_width": "at the best test accuracy, wider nets leak more",
    "rises_after_flat": "the leak rises on after the test error is flat",
    "error_falls": "at an equal leak, wider nets err less",
    "advantage_falls": "at an equal test error, wider nets leak less",
}
_UNITS = {"rises_after_flat": "change of advantage", "error_falls": "test error per doubling"}


def draw_width(study: Study) -> Iterator[Drawing]:
    """A panel an attack, a curve a run of the widths that are compared."""
    levels, curves, accuracy = (study.tables[name] for name in ("width_levels", "curves", "accuracy"))
    names = [run for run in study.styles if run in set(levels["run"])]
    keys = list(levels.groupby(["attack", "threshold"], sort=False).groups)
    rows, columns = shape_for(len(keys), most=3)
    figure, grid = panels(rows, columns, 3.0 * rows + 0.4, alone=5.2)
    advantage = curves[curves["metric"] == "advantage"]
    for axes, (attack, threshold) in zip(grid.flat, keys, strict=False):
        mine = advantage[(advantage["attack"] == attack) & (advantage["threshold"] == threshold)]
        for run in names:
            _draw_curve(axes, mine[mine["run"] == run], accuracy[accuracy["run"] == run], study.styles[run])
        axes.set_title(f"{attack}, {threshold}")
    label_outer(grid, len(keys), "mean advantage", "test error")
    legend_above(figure, style.run_handles({run: study.styles[run] for run in names}))
    alt = f"Test error against mean advantage over training of {len(names)} nets that differ in their width."
    told = f"Intervals are those of the table below ({level_words(study.tables['attack_metrics'])})."
    yield drawn(figure, "width", "Leak and test error by width", alt, threshold=told)


def _draw_curve(axes: Axes, leak: pd.DataFrame, accuracy: pd.DataFrame, run_style: style.RunStyle) -> None:
    both = leak.merge(accuracy[["epoch", "accuracy_test"]], on="epoch").sort_values("epoch")
    x, y = both["value"].to_numpy(float), 1 - both["accuracy_test"].to_numpy(float)
    axes.plot(x, y, **run_style.line)
    axes.plot(x[-1:], y[-1:], **(run_style.line | {"markersize": 8, "markeredgecolor": "white"}))


def tabulate_width(study: Study) -> Table:
    """The claims about width, with their intervals."""
    claims, rows = study.tables["width_claims"], []
    for row in claims.itertuples():
        number = formatting.interval(row.estimate, row.low, row.high) if np.isfinite(row.estimate) else "–"
        unit = _UNITS.get(row.claim, "advantage per doubling")
        told = row.verdict if row.status == "tested" else f"{row.verdict}: {row.status}"
        rows.append(text_cells(str(row.attack), str(row.threshold), _WORDS[row.claim], number, unit, told))
    level = claims["level"].iloc[0]
    caption = (
        "Width as a factor (claims of Tan et al. 2023): least-squares change per doubling of the width, with intervals "
        f"that hold jointly for an attack ({100 * level:.4g} % each). At equal means where curves first pass a value."
    )
    return Table(caption, ["attack", "threshold", "claim", "estimate", "of", "verdict"], rows, head=3)


SECTION = Section(
    "width",
    title="Width",
    figures=(Part(draw_width, needs=("width_levels", "curves", "accuracy", "attack_metrics")),),
    captions={"width": _WIDTH},
    tables=(Part(tabulate_width, needs=("width_claims",)),),
)
