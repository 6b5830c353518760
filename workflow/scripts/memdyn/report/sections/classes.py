"""Curves of single classes: which classes leak, and when."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from memdyn.report.draw import style
from memdyn.report.draw.curves import draw_curves
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, legend_above, panels, shape_for
from memdyn.report.draw.pools import DrawnPool
from memdyn.report.rows import at_last
from memdyn.report.section import Part, Section, Study
from memdyn.terms import ALL_CLASSES

_CLASSES = """
    Mean advantage TPR − FPR of the samples of each class under {attack} at {threshold}; classes by their value at
    the last checkpoint, the largest first, a mean over the runs. {omitted} Bands: jackknife over pairs; hollow:
    sham members of the same class."""

_MOST = 20  # classes that are shown
_COLUMNS = 5


def draw_classes(study: Study) -> Iterator[Drawing]:
    """Mean advantage over checkpoints, a panel a class, the most vulnerable class first."""
    curves, styles = study.tables["curves"], study.styles
    of_classes = curves[(curves["figure"] == "advantage") & (curves["samples"] != ALL_CLASSES)]
    for attack, threshold, table in study.by_attack(of_classes):
        ranked = _ranked(table)
        shown = ranked if len(ranked) <= _MOST else ranked[: _MOST // 2] + ranked[-_MOST // 2 :]
        rows, columns = shape_for(len(shown), most=_COLUMNS)
        figure, grid = panels(rows, columns, 1.5 * rows + 0.6, style.WIDTH * max(columns, 2) / _COLUMNS)
        names = class_names(table["run"].unique(), study.pools)
        for axes, number in zip(grid.flat, shown, strict=False):
            draw_curves(axes, table[table["samples"] == number], styles)
            axes.set_title(style.clip_label(names.get(number, f"class {number}"), 22))
            style.epoch_axis(axes, label=False)
        label_outer(grid, len(shown), "epoch", "mean advantage")
        legend_above(figure, [*style.run_handles(styles), *style.null_handles(table["null"])])
        yield drawn(
            figure,
            "classes",
            "Classes",
            f"Mean advantage over epochs of {len(shown)} classes for {len(styles)} runs, with null curves.",
            attack=attack,
            threshold=threshold,
            omitted=f"Of {len(ranked)} classes, the first and the last {_MOST // 2}." if shown != ranked else "",
        )


def _ranked(curves: pd.DataFrame) -> list[str]:
    """Classes by their advantage at the last checkpoint, a mean over runs, largest first (ties: by number)."""
    means = at_last(curves).groupby("samples")["value"].mean().dropna()
    return sorted(means.index, key=lambda number: (-means[number], int(number)))


def class_names(runs: Iterable[str], pools: Mapping[str, DrawnPool]) -> dict[str, str]:
    """Number of a class -> its name; none where the pools of the runs do not agree on it."""
    names: dict[str, str] = {}
    for pool in {id(pool): pool for run in runs if (pool := pools.get(run)) is not None}.values():
        for number, name in enumerate(map(str, pool.class_names)):
            if names.setdefault(str(number), name) != name:
                names[str(number)] = f"class {number}"
    return names


SECTION = Section(
    "classes",
    title="Classes",
    figures=(Part(draw_classes, needs=("curves",)),),
    captions={"classes": _CLASSES},
)
