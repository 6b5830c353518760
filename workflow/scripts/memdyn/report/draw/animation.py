"""The vulnerability plane as a moving picture: one frame a checkpoint."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from PIL import Image

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, columns_for, label_outer, spread
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.report.sections.plane import (
    MAX_CELLS,
    cell_counts,
    draw_density,
    draw_landmarks,
    select_threshold,
    threshold_words,
)

_RUNS_PER_FIGURE = 6
_MOST_FRAMES = 24
_FRAME_MS, _LAST_MS = 500, 2500
_DPI = 90
_COLOURS = 128  # of the palette


@dataclass(frozen=True)
class Plane:
    """The states of several runs and the figure that shows them.

    Attributes:
        frames: checkpoints of the longest run; a run with fewer shows its latest one.
    """

    samples: dict[str, dict[int, pd.DataFrame]]
    frames: list[int]
    cells: int
    norm: LogNorm
    styles: dict[str, RunStyle]
    options: ReportOptions

    def draw(self, figure: plt.Figure, grid: np.ndarray, frame: int) -> None:
        """All panels at a checkpoint."""
        for axes, (run, states) in zip(grid.flat, self.samples.items(), strict=False):
            epoch = max((e for e in states if e <= frame), default=min(states))
            axes.clear()
            draw_density(axes, cell_counts(states[epoch], self.cells), self.norm)
            path = np.array([states[e][["fpr", "tpr"]].mean() for e in sorted(states) if e <= epoch])
            axes.plot(*path.T, color=style.INK, linewidth=1, path_effects=style.HALO)
            draw_landmarks(axes, states[epoch], self.options, margin=0.5 / (self.cells - 1))
            axes.set_title(_title(self.styles[run], epoch), pad=3)
        label_outer(grid, len(self.samples), "FPR", "TPR")

    def write(self, figure: plt.Figure, grid: np.ndarray, path: Path) -> None:
        """A GIF that repeats; the last checkpoint stays longer. One palette, so that colours do not flicker."""
        pictures, canvas = [], FigureCanvasAgg(figure)
        figure.set_dpi(_DPI)
        for frame in self.frames:
            self.draw(figure, grid, frame)
            canvas.draw()
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
        palette = pictures[-1].quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE)
        indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
        durations = [_FRAME_MS] * (len(indexed) - 1) + [_LAST_MS]
        indexed[0].save(path, save_all=True, append_images=indexed[1:], duration=durations, loop=0, optimize=False)


def draw_animation(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """The plane at the last checkpoint, with a GIF of all of them; nothing where there is one checkpoint only."""
    for attack, samples in select_threshold(tables["samples"], options.threshold).groupby("attack", sort=False):
        if samples["epoch"].nunique() < 2:
            continue
        runs = runs_in(samples, styles)
        cells = int(min(MAX_CELLS, samples["n_in"].max() + 1))
        for page, chunk in enumerate(chunks(runs, _RUNS_PER_FIGURE)):
            yield _page(str(attack), samples[samples["run"].isin(chunk)], chunk, cells, styles, options, page)


def _title(run_style: RunStyle, epoch: int) -> str:
    return f"{style.wrap_label(run_style.name, 26)}\nepoch {epoch}"


def _page(
    attack: str,
    samples: pd.DataFrame,
    runs: list[str],
    cells: int,
    styles: dict[str, RunStyle],
    options: ReportOptions,
    page: int,
) -> Drawing:
    states = {run: {int(e): s for e, s in samples[samples["run"] == run].groupby("epoch")} for run in runs}
    frames = spread(sorted(samples["epoch"].unique()), _MOST_FRAMES)
    most = max(cell_counts(state, cells).max() for by_epoch in states.values() for state in by_epoch.values())
    plane = Plane(states, [int(f) for f in frames], cells, LogNorm(1, max(10, most)), styles, options)
    columns = columns_for(len(runs), most=3)
    rows = -(-len(runs) // columns)
    side = style.WIDTH / max(columns, 2) if columns > 1 else 3.6
    lines = max(_title(styles[run], 0).count("\n") + 1 for run in runs)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(side * columns, (side + 0.3 + 0.16 * lines) * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    plane.draw(figure, grid, plane.frames[-1])
    threshold = threshold_words(samples["threshold"].iloc[0])
    words = caption("moving", attack=attack, threshold=threshold, frames=len(frames))
    alt = f"Moving densities of samples over false and true positive rate, {len(frames)} checkpoints, {len(runs)} runs."
    suffix = "" if page == 0 else f"-{page + 1}"
    name = f"plane-moving-{attack}{suffix}"
    record = FigureRecord(name, "plane", f"Vulnerability plane in motion, {attack}", words, alt, f"{name}.gif")
    return Drawing(record, figure, lambda path: plane.write(figure, grid, path))
