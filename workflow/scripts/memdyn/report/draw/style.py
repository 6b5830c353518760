"""One place for colours, markers and sizes of every figure (colour-blind safe, and told apart in grey).

A run has the same colour, marker and line style in all figures of a study; names are those of the study.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from memdyn.report.draw.text import drawable, families, one_line, width

# Okabe & Ito 2008, without yellow (too light on white)
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", (0, (5, 1.5)), (0, (3, 1, 1, 1)), (0, (1, 1)))

INK, MUTED, RULE, FAILED, PASSED = "#222222", "#6b6b6b", "#d9d9d9", "#b3001b", "#1a7f37"
DENSITY = "YlGnBu"  # monotone in lightness
BAND_ALPHA = 0.18
HALO = [withStroke(linewidth=2, foreground="white", alpha=0.75)]  # keeps thin lines visible on dark cells
WIDTH = 8.2  # inches, of every figure
_LONGEST_FILE = 80  # letters of a run's name in the name of a file
LONGEST_NAME = 36  # letters of a run's name in figures: two lines over the narrowest panel

# Dark to light from the worst zone to the harmless one; inverted is hatched as well
ZONE_COLOURS = {
    "highly_vulnerable": "#7a0403",
    "vulnerable": "#d7572b",
    "leaning": "#f3b26b",
    "chance": "#ececec",
    "inverted": "#8fb3d9",
}
_RC = {
    "text.parse_math": False,  # a name with two dollars is no formula
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,  # TrueType, editable text
    "figure.dpi": 100,
}
PERCENT = FuncFormatter(lambda share, _: f"{100 * share:.3g} %")


@dataclass(frozen=True)
class RunStyle:
    """How one run is drawn everywhere; `line` holds keyword arguments for `Axes.plot`.

    run: its name in tables.
    name: the same in one line.
    file: the same in letters that names of files may have.
    """

    run: str
    name: str
    file: str
    colour: str
    marker: str
    linestyle: str | tuple

    @property
    def line(self) -> dict:
        return {"color": self.colour, "marker": self.marker, "linestyle": self.linestyle, "markeredgewidth": 0}


def run_styles(runs: pd.DataFrame) -> dict[str, RunStyle]:
    """Styles by run, in the order of the study's `runs` table.

    Beyond seven runs colours repeat with another line style, so that no two of 28 runs look alike.
    """
    styles = {}
    markers, files = islice(cycle(MARKERS), len(runs)), _file_names(runs["run"])
    for i, (run, file, marker) in enumerate(zip(runs["run"], files, markers, strict=True)):
        line = LINES[(i % len(COLOURS) + i // len(COLOURS)) % len(LINES)]
        styles[run] = RunStyle(run, one_line(run), file, COLOURS[i % len(COLOURS)], marker, line)
    return styles


def _file_names(runs: Iterable[str]) -> list[str]:
    """Names of runs in letters that any file system takes; numbered where that leaves two alike."""
    names = [re.sub(r"[^A-Za-z0-9_.+=-]+", "-", run)[:_LONGEST_FILE].strip("-.") for run in runs]
    if all(names) and len({name.lower() for name in names}) == len(names):
        return names
    return [f"{k}-{name}" for k, name in enumerate(names, start=1)]


def in_figures(styles: dict[str, RunStyle]) -> dict[str, RunStyle]:
    """The same with short names in letters that figures can draw; a number tells those apart that became equal."""
    short = [clip_label(drawable(style.name), LONGEST_NAME) for style in styles.values()]
    names = list(short)
    for k, name in enumerate(short):
        if short.count(name) > 1:
            names[k] = f"{clip_label(name, LONGEST_NAME - 4)} #{k + 1}"
    return {run: replace(style, name=name) for (run, style), name in zip(styles.items(), names, strict=True)}


@contextmanager
def report_style(words: Iterable[str] = ()) -> Iterator[None]:
    """Matplotlib settings of all figures, in which these words of the user's can be drawn; the backend is headless."""
    matplotlib.use("Agg")
    with matplotlib.rc_context(_RC | {"font.family": families(words)}):
        yield


def epoch_axis(axes: Axes, label: bool = True) -> None:
    """Whole epochs on the x axis."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if label:
        axes.set_xlabel("epoch")


def plain_log_axis(axes: Axes) -> None:
    """A logarithmic y axis with plain numbers at 1, 2 and 5 of each decade."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def plain_decades(axis: Axis) -> None:
    """A logarithmic axis with a plain number a decade: the default is a formula."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def count_bar(figure: Figure, mesh: ScalarMappable, grid: np.ndarray) -> Colorbar:
    """The logarithmic scale of densities of samples, right of the panels."""
    bar = figure.colorbar(mesh, ax=grid, fraction=0.025, pad=0.015, aspect=30)
    plain_decades(bar.long_axis)
    bar.set_label("samples in a cell")
    bar.outline.set_visible(False)
    return bar


def handle(label: str, **line: Any) -> Line2D:
    """A legend entry."""
    return Line2D([], [], label=label, **line)


def chance_handle() -> Line2D:
    return handle("chance", color=MUTED, linestyle=":")


def null_handles(null: pd.Series) -> list[Line2D]:
    """The null's legend entry; none where nothing is known of it, as of scores without a sham part."""
    known = [handle("sham members (null)", color=MUTED, marker="o", ls="--", markerfacecolor="white")]
    return known if null.notna().any() else []


def run_handles(styles: dict[str, RunStyle]) -> list[Line2D]:
    """Legend entries of the runs."""
    return [handle(style.name, **style.line) for style in styles.values()]


def wrap_label(text: str, most: int, lines: int = 2) -> str:
    """A name on at most `lines` lines of `most` letters, broken before words (not within 1e-4); too long: shortened."""
    broken = [""]
    for word in re.split(r"(?<=[-_ ,/])(?=[^\W\d_])", text):
        if broken[-1] and width(broken[-1] + word.rstrip()) > most:
            broken.append("")
        broken[-1] += word
    if len(broken) > lines or any(width(line.strip()) > most for line in broken):
        broken = _cut(clip_label(text, lines * (most - 2)), most)
    return "\n".join(line.strip() for line in broken)


def _cut(text: str, most: int) -> list[str]:
    """Lines as full as they get, wherever that breaks words."""
    lines = [""]
    for letter in text:
        if lines[-1] and width(lines[-1] + letter) > most:
            lines.append("")
        lines[-1] += letter
    return lines


def clip_label(text: str, most: int) -> str:
    """Text shortened in the middle, so that names which differ at the end stay distinct."""
    if width(text) <= most:
        return text
    head, tail = "", ""
    for k in range(len(text)):
        for head_, tail_ in ((head + text[k], tail), (head + text[k], text[-1 - k] + tail)):
            if width(head_ + "…" + tail_) > most:
                return f"{head}…{tail}"
            head, tail = head_, tail_
    return text
