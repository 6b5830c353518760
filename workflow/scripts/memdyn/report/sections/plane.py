"""The vulnerability plane: densities of the samples' states at several checkpoints, and in motion."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle

from memdyn.report import privacy
from memdyn.report.draw import bounds, style
from memdyn.report.draw.animation import write_gif
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import label_outer, pages, panels, shape_for, spread
from memdyn.report.record import ReportOptions
from memdyn.report.rows import runs_in
from memdyn.report.section import OfAttack, Part, Section, Study

_PLANE = """
    Where the samples are in the vulnerability plane of {attack} at {threshold}: for each sample the share of its
    OUT models (FPR) and of its IN models (TPR) in which the attack says member. Counted rates live on a lattice, so
    cells are its points; colour is logarithmic. Solid line: TPR = FPR, no leakage; dotted: advantage {advantage};
    red box: highly vulnerable (TPR ≥ {hv_tpr}, FPR ≤ {hv_fpr}), HV its share of the samples. Cross: centre of
    mass. {bound}"""
_MOVING = """
    The same plane of {attack} at {threshold} in motion, {frames} checkpoints; the line is the way of the centre of
    mass so far. Where the browser is asked for less motion, the last checkpoint stands still."""

_MAX_CELLS = 33  # finer lattices are binned
_STILL_RUNS, _MOVING_RUNS = 5, 6  # of one figure
_MOST_FRAMES = 24


def draw_plane(study: Study) -> Iterator[Drawing]:
    """Density of the samples' states at several checkpoints side by side, a row a run."""
    for shown in study.by_attack(study.tables["samples"]):
        for page, runs in pages(runs_in(shown.table, study.styles), _STILL_RUNS):
            yield _still(study, shown, runs, page)


def _still(study: Study, shown: OfAttack, runs: list[str], page: int) -> Drawing:
    samples, options = shown.table[shown.table["run"].isin(runs)], study.options
    columns = min(options.plane_epochs, samples.groupby("run")["epoch"].nunique().max())
    side = (style.WIDTH - 1.1) / max(columns, 3)
    figure, grid = panels(len(runs), columns, (side + 0.06) * len(runs) + 0.3, side * columns + 1.1)
    epochs = {run: spread(sorted(part["epoch"].unique()), columns) for run, part in samples.groupby("run")}
    cells = _cells(samples)
    counts = {
        (run, epoch): _cell_counts(part, cells)
        for (run, epoch), part in samples.groupby(["run", "epoch"])
        if epoch in epochs[run]
    }
    norm, mesh = LogNorm(1, max(10, *(table.max() for table in counts.values()))), None
    private = {run: curve for run, curve in privacy.curves(study.tables).items() if run in runs}
    for row, run in zip(grid, runs, strict=True):
        part = samples[samples["run"] == run]
        for axes in row[len(epochs[run]) :]:
            axes.set_visible(False)
        for axes, epoch in zip(row, epochs[run], strict=False):
            mesh = _draw_density(axes, counts[run, epoch], norm)
            _draw_landmarks(axes, part[part["epoch"] == epoch], options, margin=0.5 / (cells - 1))
            if run in private:
                rates = np.linspace(0, 1, 201)
                axes.plot(rates, privacy.bound(private[run], rates), color=style.INK, **bounds.LINE)
            axes.set_title(f"epoch {epoch}", pad=3)
        row[0].set_ylabel(f"{style.wrap_label(study.styles[run].name, 22)}\nTPR")
    for axes in grid[-1]:
        axes.set_xlabel("FPR")
    style.count_bar(figure, mesh, grid)
    return drawn(
        figure,
        "plane",
        "Vulnerability plane",
        f"Density of samples over false and true positive rate at {columns} checkpoints for {len(runs)} runs.",
        attack=shown.attack,
        page=page,
        threshold=shown.threshold,
        advantage=f"{options.vulnerable_advantage:g}",
        hv_tpr=f"{options.hv_tpr:g}",
        hv_fpr=f"{options.hv_fpr:g}",
        bound=bounds.told(private),
    )


def _cells(samples: pd.DataFrame) -> int:
    return int(min(_MAX_CELLS, samples["n_in"].max() + 1))


def _cell_counts(state: pd.DataFrame, cells: int) -> np.ndarray:
    """Samples [tpr, fpr] in cells centred on the lattice k / n (or on a coarser one where n is large)."""
    edges = (np.arange(cells + 1) - 0.5) / (cells - 1)
    return np.histogram2d(state["tpr"], state["fpr"], bins=[edges, edges])[0]


def _draw_density(axes: Axes, counts: np.ndarray, norm: LogNorm) -> QuadMesh:
    cells = len(counts)
    edges = (np.arange(cells + 1) - 0.5) / (cells - 1)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(edges[0], edges[-1]), aspect="equal")
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.grid(False)
    empty_hidden = np.ma.masked_equal(counts, 0)
    return axes.pcolormesh(edges, edges, empty_hidden, norm=norm, cmap=style.DENSITY, rasterized=True, linewidth=0)


def _draw_landmarks(axes: Axes, state: pd.DataFrame, options: ReportOptions, margin: float) -> None:
    """Chance line, line of equal advantage, the box of highly vulnerable samples with its share, the centre of mass."""
    axes.plot([0, 1], [0, 1], color=style.INK, linewidth=0.8, path_effects=style.HALO)
    step = options.vulnerable_advantage
    axes.plot([0, 1 - step], [step, 1], ":", color=style.INK, linewidth=1, path_effects=style.HALO)
    width, height = options.hv_fpr + margin, 1 - options.hv_tpr + margin
    box = Rectangle((-margin, options.hv_tpr), width, height, fill=False, edgecolor=style.FAILED, lw=1.2, zorder=3)
    axes.add_patch(box)
    share = (state["zone_counted"] == "highly_vulnerable").mean()
    corner = {"ha": "right", "va": "bottom", "transform": axes.transAxes, "fontsize": 8}
    axes.text(0.98, 0.03, f"HV {100 * share:.1f} %", color=style.FAILED, **corner)
    centre = {"marker": "P", "color": "white", "markeredgecolor": style.INK, "markersize": 7, "zorder": 4}
    axes.plot(state["fpr"].mean(), state["tpr"].mean(), **centre)


def draw_moving(study: Study) -> Iterator[Drawing]:
    """The plane at the last checkpoint, with a GIF of all of them; nothing where there is one checkpoint only."""
    for shown in study.by_attack(study.tables["samples"]):
        if shown.table["epoch"].nunique() > 1:
            for page, runs in pages(runs_in(shown.table, study.styles), _MOVING_RUNS):
                yield _moving(study, shown, runs, page)


def _moving(study: Study, shown: OfAttack, runs: list[str], page: int) -> Drawing:
    samples = shown.table[shown.table["run"].isin(runs)]
    states = {run: {int(e): s for e, s in samples[samples["run"] == run].groupby("epoch")} for run in runs}
    frames = [int(frame) for frame in spread(sorted(samples["epoch"].unique()), _MOST_FRAMES)]
    cells = _cells(shown.table)
    most = max(_cell_counts(state, cells).max() for by_epoch in states.values() for state in by_epoch.values())
    norm, names = LogNorm(1, max(10, most)), {run: style.wrap_label(study.styles[run].name, 26) for run in runs}
    rows, columns = shape_for(len(runs), most=3)
    side = style.WIDTH / max(columns, 2) if columns > 1 else 3.6
    lines = max(name.count("\n") + 2 for name in names.values())
    figure, grid = panels(rows, columns, (side + 0.3 + 0.16 * lines) * rows, side * columns)

    def draw(frame: int) -> None:
        """All panels at a checkpoint; a run with fewer shows its latest one."""
        for axes, run in zip(grid.flat, runs, strict=False):
            epoch = max((e for e in states[run] if e <= frame), default=min(states[run]))
            axes.clear()
            _draw_density(axes, _cell_counts(states[run][epoch], cells), norm)
            path = np.array([states[run][e][["fpr", "tpr"]].mean() for e in sorted(states[run]) if e <= epoch])
            axes.plot(*path.T, color=style.INK, linewidth=1, path_effects=style.HALO)
            _draw_landmarks(axes, states[run][epoch], study.options, margin=0.5 / (cells - 1))
            axes.set_title(f"{names[run]}\nepoch {epoch}", pad=3)
        label_outer(grid, len(runs), "FPR", "TPR")

    draw(frames[-1])
    alt = f"Moving densities of samples over false and true positive rate, {len(frames)} checkpoints, {len(runs)} runs."
    values = {"attack": shown.attack, "threshold": shown.threshold, "frames": len(frames)}
    return drawn(
        figure,
        "plane_moving",
        "Vulnerability plane in motion",
        alt,
        page=page,
        animate=lambda path: write_gif(figure, draw, frames, path),
        **values,
    )


SECTION = Section(
    "plane",
    title="The vulnerability plane",
    figures=(Part(draw_plane, needs=("samples",)), Part(draw_moving, needs=("samples",))),
    captions={"plane": _PLANE, "plane_moving": _MOVING},
)
