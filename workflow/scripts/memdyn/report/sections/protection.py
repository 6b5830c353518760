"""Accuracy against leak, weak attacks against strong ones, and which setting the authors' rules take."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels, shape_for
from memdyn.report.mechanisms import ADVANTAGE, BEST, RELEASED, headline
from memdyn.report.page.tables import Cell, Table, run_cell
from memdyn.report.rows import runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import METRIC_LABELS, level_words
from memdyn.terms import AUC

_FRONT = """
    Test accuracy against leak, every run at its last checkpoint; bars are {level} jackknife intervals of each number by
    itself (two runs are told apart by paired differences, which are narrower). Lower and further right is better. The
    line is the front: none of its runs has another one beside it that is as accurate and leaks as little. A panel each
    for the best strong attack, the larger advantage of AVG and POW, and the single attacks."""
_WEAK_STRONG = """
    What the weak attacks say of a mechanism against what the strongest says, at the last checkpoints, run minus
    baseline with paired {level} intervals: the advantage of AVG, and of POW, and the AUC of the best strong attack. On
    the left the weak attack says that it protects; in the shaded corner it says so and the strong ones see more leak
    than before: a false sense of privacy."""
_PANELS = 6
_WEAK = ("avg", "pow")


def draw_front(study: Study) -> Iterator[Drawing]:
    """A panel an attack and metric: accuracy and leak of every run, and the front."""
    table = study.tables["mechanism_front"]
    table = table[table["accuracy"].notna() & table["leak"].notna()]
    keys = list(dict.fromkeys(zip(table["attack"], table["metric"], strict=True)))
    for page, some in pages(keys, _PANELS):
        rows, columns = shape_for(len(some), most=3)
        figure, grid = panels(rows, columns, 2.6 * rows + 0.4, alone=5.2, sharey=False)
        for axes in grid.flat[len(some) :]:
            axes.set_visible(False)
        for axes, key in zip(grid.flat, some, strict=False):
            _draw_front(axes, headline(table, *key), study.styles)
            axes.set(title=key[0], xlabel="test accuracy", ylabel=METRIC_LABELS.get(key[1], key[1]))
        shown = {run: study.styles[run] for run in runs_in(table, study.styles)}
        legend_above(figure, _handles(shown))
        alt = f"Leak over test accuracy of {len(shown)} runs in {len(some)} panels, with the front."
        yield drawn(figure, "front", "Accuracy against leak", alt, page=page, level=level_words(table))


def _draw_front(axes: Axes, table: pd.DataFrame, styles: dict[str, style.RunStyle]) -> None:
    for run in runs_in(table, styles):
        row = table[table["run"] == run]
        x = bars(row["accuracy"], row["accuracy_low"], row["accuracy_high"])
        y = bars(row["leak"], row["leak_low"], row["leak_high"])
        axes.errorbar(row["accuracy"], row["leak"], xerr=x, yerr=y, elinewidth=0.7, **_look(styles[run]))
    front = table[table["on_front"].astype(bool)].sort_values("accuracy")
    axes.step(front["accuracy"], front["leak"], where="pre", color=style.MUTED, linewidth=1, zorder=0)
    axes.locator_params(axis="x", nbins=4)


def draw_weak_and_strong(study: Study) -> Iterator[Drawing]:
    """Differences of the weak attacks' advantage (x) and of the best strong attack's AUC (y), a point a run."""
    table = study.tables["mechanisms"]
    table = table[(table["comparison"] == RELEASED) & table["difference"].notna()]
    strong = headline(table, BEST, AUC).set_index("run")
    weak = {name: headline(table, name, ADVANTAGE).set_index("run") for name in _WEAK}
    runs = [run for run in study.styles if all(run in side.index for side in (strong, *weak.values()))]
    if not runs:
        return
    styles = {run: study.styles[run] for run in runs}
    figure, grid = panels(1, len(weak), 3.8)
    for axes, (name, side) in zip(grid[0], weak.items(), strict=True):
        _draw_weak_and_strong(axes, side.loc[runs], strong.loc[runs], styles)
        axes.set_xlabel(f"weak: difference in the advantage of {name.upper()}")
    grid[0][0].set_ylabel("strong: difference in AUC, best attack")
    legend_above(figure, _handles(styles))
    alt = f"What weak and strong attacks say of {len(runs)} mechanisms."
    yield drawn(figure, "weak_strong", "Weak attacks against strong ones", alt, level=level_words(table))


def _draw_weak_and_strong(
    axes: Axes, weak: pd.DataFrame, strong: pd.DataFrame, styles: dict[str, style.RunStyle]
) -> None:
    for run, run_style in styles.items():
        x, y = weak.loc[[run]], strong.loc[[run]]
        errors = [bars(side["difference"], side["low"], side["high"]) for side in (x, y)]
        look = _look(run_style) | {"elinewidth": 0.7}
        axes.errorbar(x["difference"], y["difference"], xerr=errors[0], yerr=errors[1], **look)
    low, high = _limits(weak), _limits(strong)
    axes.fill_between([low[0], 0], 0, high[1], color=style.FAILED, alpha=0.08, linewidth=0)
    axes.axhline(0, color=style.INK, linewidth=0.8)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    axes.set(xlim=low, ylim=high)


def _look(run_style: style.RunStyle) -> dict:
    return run_style.line | {"linestyle": "none"}


def _handles(styles: dict[str, style.RunStyle]) -> list[Line2D]:
    """Legend entries without lines."""
    return [style.handle(one.name, **_look(one)) for one in styles.values()]


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Of an axis, 0 well inside, so that each corner can be seen."""
    ends = table[["difference", "low", "high"]].to_numpy(float)
    low, high = min(np.nanmin(ends), 0), max(np.nanmax(ends), 0)
    room = 0.12 * max(high - low, 1e-3)
    return low - room, high + room


def tabulate_selection(study: Study) -> Table:
    """A row a kind of mechanism and rule."""
    table, rows = study.tables["mechanism_selection"], []
    for row in table.fillna({"run": ""}).itertuples():
        chosen = run_cell(study.styles[row.run]) if row.run in study.styles else Cell("none is accurate enough")
        numbers = formatting.number(row.accuracy), formatting.number(row.leak), formatting.count(row.settings)
        names = [run_cell(study.styles[row.baseline]), Cell(row.mechanism, kind="wrap"), Cell(_rule(row.rule)), chosen]
        rows.append([*names, *map(Cell, numbers)])
    caption = (
        "Which setting two rules take, by the estimates at the last checkpoints: the most accurate one; and of those "
        "with more than a share of the baseline's accuracy the one with the lowest of the larger advantage of AVG and "
        "POW (Kaya & Dumitras 2021). The choice among many settings flatters the chosen one."
    )
    columns = ["baseline", "mechanism", "rule", "run", "test accuracy", "leak", "settings"]
    return Table(caption, columns, rows, head=4)


def _rule(rule: str) -> str:
    return "most accurate" if rule == "max_accuracy" else f"above {100 * (1 - float(rule.removeprefix('rad_'))):g} %"


def tabulate_front(study: Study) -> Table:
    """A row a run: is it on the front of the best strong attack, and who surely is better?"""
    table, rows = headline(study.tables["mechanism_front"], BEST, AUC), []
    for run in runs_in(table, study.styles):
        row = table[table["run"] == run].fillna({"dominated_by": ""}).iloc[0]
        better = run_cell(study.styles[row["dominated_by"]]) if row["dominated_by"] else Cell(formatting.MISSING)
        numbers = [
            Cell(formatting.interval(*(row[f"{name}{end}"] for end in ("", "_low", "_high"))))
            for name in ("accuracy", "leak")
        ]
        on_front = Cell("on the front" if row["on_front"] else "", kind="strong")
        rows.append([run_cell(study.styles[run]), *numbers, on_front, better])
    caption = (
        "The front of test accuracy and the best strong attack's AUC, by the estimates; and of each run the one that "
        f"is surely better, more accurate and with less leak by paired {level_words(table)} intervals of both."
    )
    return Table(caption, ["run", "test accuracy", "AUC, best strong attack", "front", "surely better"], rows)


SECTION = Section(
    "protection",
    title="Accuracy against leak",
    figures=(
        Part(draw_front, needs=("mechanism_front",)),
        Part(draw_weak_and_strong, needs=("mechanisms",)),
    ),
    captions={"front": _FRONT, "weak_strong": _WEAK_STRONG},
    tables=(
        Part(tabulate_front, needs=("mechanism_front",)),
        Part(tabulate_selection, needs=("mechanism_selection",)),
    ),
)
