"""How far and how fast samples move in the plane, and how they are spread in it, beside the null."""

from collections.abc import Iterator

import numpy as np

from memdyn.report.draw import style
from memdyn.report.draw.curves import draw_curves
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, panels
from memdyn.report.rows import of_population
from memdyn.report.section import Part, Section, Study

_SPEED = """
    How far and how fast samples move in the plane of {attack} at {threshold}, and how they are spread in it. Left
    raw, right with the counting noise removed (products of independent halves of the models; signed roots, so an
    estimate below 0 is shown as such). The corrected speed is a root mean square, not the mean beside it. Raw
    displacement and speed are above 0 by noise alone: read them against the null curves of sham members (hollow);
    noise makes the raw speed fall where checkpoints are farther apart. Entropy (bits, on a grid of {grid} x {grid}
    cells) and Clark-Evans (below 0: more clustered than the null) are of the parametric states and drawn as
    difference to the null. Bands: jackknife over pairs, where there are enough models; in the upper rows they may
    run out of the frame."""

# (figure, title, whether its difference to the null is drawn), row by row
_PANELS = (
    ("displacement", "displacement of the centre, points", False),
    ("displacement_corrected", "the same, counting noise removed", False),
    ("speed", "mean speed of samples, per epoch (raw)", False),
    ("speed_rms_corrected", "RMS speed, counting noise removed", False),
    ("entropy_change", "entropy change in bits, minus null", True),
    ("clark_evans", "Clark-Evans ratio, minus null", True),
)
_SHARED_ROWS = (0, 1)  # share their y axis


def draw_speed(study: Study) -> Iterator[Drawing]:
    """Displacement, speed and spatial order over checkpoints, raw against corrected; none of a single checkpoint."""
    styles, rows = study.styles, len(_PANELS) // 2
    for attack, threshold, curves in study.by_attack(of_population(study.tables["curves"], "speed")):
        figure, grid = panels(rows, 2, 2.05 * rows + 0.6, sharey=False)
        for row in _SHARED_ROWS:
            grid[row, 1].sharey(grid[row, 0])
        for axes, (name, title, difference) in zip(grid.flat, _PANELS, strict=True):
            draw_curves(axes, curves[curves["figure"] == name], styles, difference)
            axes.set_title(title)
        for axes in grid[-1]:
            style.epoch_axis(axes)
        for row in _SHARED_ROWS:
            _frame_lines(grid[row])
        legend_above(figure, [*style.run_handles(styles), *style.null_handles(curves["null"])])
        yield drawn(
            figure,
            "speed",
            "Speed and order",
            f"Displacement, speed, entropy change and clustering over epochs for {len(styles)} runs, with null curves.",
            attack=attack,
            threshold=threshold,
            grid=study.options.grid,
        )


def _frame_lines(row: np.ndarray) -> None:
    """One y range for the panels of a row: that of the lines, since a wide band would press them flat."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for axes in row for line in axes.lines])
    values = np.append(values[np.isfinite(values)], 0.0)
    margin = 0.12 * max(np.ptp(values), 1e-9)
    row[0].set_ylim(values.min() - margin, values.max() + margin)


SECTION = Section(
    "speed",
    title="Speed, entropy, clustering",
    figures=(Part(draw_speed, needs=("curves",)),),
    captions={"speed": _SPEED},
)
