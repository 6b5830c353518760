"""Curves of single classes: which classes leak, and when."""

from collections.abc import Iterator, Mapping

import matplotlib.pyplot as plt
import pandas as pd

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import columns_for, label_outer, legend_above
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.record import Drawing, DrawnPool, FigureRecord, ReportOptions
from memdyn.report.sections.plane import select_threshold, threshold_words
from memdyn.report.sections.speed import draw_curves, null_handle
from memdyn.terms import ALL_CLASSES

MAX_CLASSES = 20
COLUMNS = 5


def ranked_classes(curves: pd.DataFrame) -> list[str]:
    """Classes by their advantage at the last checkpoint, a mean over runs, largest first (ties: by number)."""
    last = curves[curves["epoch"] == curves.groupby("run")["epoch"].transform("max")]
    means = last.groupby("group")["value"].mean().dropna()
    return sorted(means.index, key=lambda group: (-means[group], int(group)))


def shown_classes(ranked: list[str]) -> list[str]:
    """All of them, or both ends of a long list."""
    if len(ranked) <= MAX_CLASSES:
        return ranked
    return ranked[: MAX_CLASSES // 2] + ranked[-MAX_CLASSES // 2 :]


def draw_classes(
    tables: dict[str, pd.DataFrame],
    images: Mapping[str, DrawnPool],
    styles: dict[str, RunStyle],
    options: ReportOptions,
) -> Iterator[Drawing]:
    """Mean advantage over checkpoints, a panel a class, the most vulnerable class first."""
    curves = select_threshold(tables["curves"], options.threshold)
    curves = curves[(curves["figure"] == "advantage") & (curves["group"] != ALL_CLASSES)]
    for attack, table in curves.groupby("attack", sort=False):
        ranked = ranked_classes(table)
        shown = shown_classes(ranked)
        columns = columns_for(len(shown), most=COLUMNS)
        rows = -(-len(shown) // columns)
        figure, grid = plt.subplots(
            rows,
            columns,
            figsize=(style.WIDTH * max(columns, 2) / COLUMNS, 1.5 * rows + 0.6),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        names = class_names(table["run"].unique(), images)
        for axes, group in zip(grid.flat, shown, strict=False):
            draw_curves(axes, table[table["group"] == group], styles, difference=False)
            axes.set_title(style.clip_label(names.get(group, f"class {group}"), 22))
            style.epoch_axis(axes, label=False)
        label_outer(grid, len(shown), "epoch", "mean advantage")
        legend_above(figure, [*style.run_handles(styles), null_handle()])
        omitted = f"Of {len(ranked)} classes, the first and the last {MAX_CLASSES // 2}." if shown != ranked else ""
        threshold = threshold_words(table["threshold"].iloc[0])
        words = caption("classes", attack=attack, threshold=threshold, omitted=omitted)
        alt = f"Mean advantage over epochs of {len(shown)} classes for {len(styles)} runs, with null curves."
        yield Drawing(FigureRecord(f"classes-{attack}", "classes", f"Classes, {attack}", words, alt), figure)


def class_names(runs: list[str], images: Mapping[str, DrawnPool]) -> dict[str, str]:
    """Number of a class -> its name; none where the pools of the runs do not agree on it."""
    names: dict[str, str] = {}
    for pool in {id(pool): pool for run in runs if (pool := images.get(run)) is not None}.values():
        for number, name in enumerate(map(str, pool.class_names)):
            if names.setdefault(str(number), name) != name:
                names[str(number)] = f"class {number}"
    return names
