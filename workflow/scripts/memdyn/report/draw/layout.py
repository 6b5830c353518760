"""Grids of panels, their labels and the legend above them."""

from collections.abc import Iterable, Iterator

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from memdyn.report.draw import text
from memdyn.report.draw.style import WIDTH

_ROOM = 0.98  # of a figure's width for its legend
_LETTERS, _HANDLE = 15, 6  # letters of a legend an inch, and what a handle takes: where to begin to look for what fits


def panels(
    rows: int,
    columns: int,
    height: float,
    width: float = WIDTH,
    alone: float | None = None,
    sharex: bool | str = True,
    sharey: bool | str = True,
) -> tuple[Figure, np.ndarray]:
    """A figure with a grid [rows, columns] of axes, sizes in inches.

    Args:
        alone: the width of a single column, if it is another one.
    """
    return plt.subplots(
        rows,
        columns,
        figsize=(alone if alone and columns == 1 else width, height),
        sharex=sharex,
        sharey=sharey,
        squeeze=False,
        layout="constrained",
    )


def label_outer(grid: np.ndarray, count: int, x: str, y: str) -> None:
    """Axis labels where nothing lies to the left or below; panels beyond the first `count` are hidden."""
    columns = grid.shape[1]
    for place, axes in enumerate(grid.flat):
        axes.set_visible(place < count)
        lowest = place + columns >= count
        axes.tick_params(labelbottom=lowest)
        axes.set(xlabel=x if lowest else "", ylabel=y if place % columns == 0 else "")


def shape_for(count: int, most: int) -> tuple[int, int]:
    """(rows, columns) of that many panels: the fewest columns that need no more rows (4 are 2 by 2, not 3 and 1)."""
    rows = -(-count // most)
    return rows, -(-count // rows)


def legend_above(figure: Figure, handles: list[Artist]) -> None:
    """One legend for the whole figure, above the panels, in as many columns as fit; the figure grows with its rows."""
    width, height = figure.get_size_inches()
    shortest = min(text.width(handle.get_label()) for handle in handles)
    most = min(len(handles), int(width * _LETTERS / (shortest + _HANDLE)) + 1)
    for columns in range(most, 0, -1):
        extent = _legend(figure, handles, columns)
        if extent.width <= _ROOM * figure.bbox.width:
            break
    row = _legend(figure, handles[:1], 1).height
    figure.set_size_inches(width, height + (extent.height - row) / figure.dpi)
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)


def _legend(figure: Figure, handles: list[Artist], columns: int) -> Bbox:
    """The box in pixels that a legend would take."""
    legend = figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    extent = legend.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    legend.remove()
    return extent


def pages(items: Iterable, size: int) -> Iterator[tuple[int, list]]:
    """(page from 0, next piece of at most `size`), so that a study of many runs gets several readable figures."""
    items = list(items)
    for start in range(0, len(items), size):
        yield start // size, items[start : start + size]


def spread(items: list, count: int) -> list:
    """At most `count` items, evenly spaced, the first and the last included (of one: the last)."""
    if count == 1:
        return items[-1:]
    places = np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))
    return [items[place] for place in places]
