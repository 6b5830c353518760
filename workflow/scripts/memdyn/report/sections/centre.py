"""The centre of mass of the vulnerability plane: its path over training, and how far it moved."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars, draw_band, draw_zero
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import of_runs, select_threshold
from memdyn.report.section import Part, Section, Study
from memdyn.terms import ALL_CLASSES, MASKED_PARTS

_CENTRE = """
    Centre of mass of the vulnerability plane of {attack} at {threshold} over the checkpoints; bars and bands are
    intervals over pairs of models. Hollow: sham members, samples that no model trained on, given a mask of the same
    design and passed through the same pipeline; they should stay on the dotted line."""

_NO_LIMITS = (np.nan, np.nan)


def draw_centre(study: Study) -> Iterator[Drawing]:
    """Path of the centre of mass over training, with the path of sham members, which no model trained on."""
    for attack, threshold, centre in study.by_attack(study.tables["centre"]):
        figure, (path, time) = plt.subplots(
            1, 2, figsize=(style.WIDTH, 3.9), layout="constrained", gridspec_kw={"width_ratios": [1.15, 1]}
        )
        for (run, kind), part in centre.groupby(["run", "part"], sort=False):
            part = part.sort_values("epoch")
            _draw_path(path, part, study.styles[run], sham=kind == "sham")
            _draw_advantage(time, part, study.styles[run], sham=kind == "sham")
        ends = path.get_xlim(), path.get_ylim()
        path.axline((0, 0), slope=1, color=style.MUTED, linestyle=":", linewidth=1)
        path.set(
            xlim=ends[0], ylim=ends[1], xlabel="mean FPR", ylabel="mean TPR", title="path (diamond: last checkpoint)"
        )
        draw_zero(time)
        time.set(title="mean advantage (TPR − FPR)")
        style.epoch_axis(time)
        grey = {"color": style.MUTED, "marker": "o", "linestyle": "--", "markerfacecolor": "white"}
        sham = [style.handle("sham members", **grey)] if centre["part"].eq("sham").any() else []
        legend_above(figure, [*style.run_handles(study.styles), *sham])
        alt = f"Path of the mean false and true positive rate during training for {len(study.styles)} runs."
        yield drawn(figure, "centre", "Centre of mass", alt, attack=attack, threshold=threshold)


def _draw_path(axes: Axes, part: pd.DataFrame, run_style: style.RunStyle, sham: bool) -> None:
    colour, alpha = run_style.colour, 0.55 if sham else 1.0
    axes.errorbar(
        part["fpr"],
        part["tpr"],
        xerr=bars(part["fpr"], part["fpr_low"], part["fpr_high"]),
        yerr=bars(part["tpr"], part["tpr_low"], part["tpr_high"]),
        color=colour,
        alpha=alpha,
        marker=run_style.marker,
        markersize=3.5,
        markerfacecolor="white" if sham else colour,
        linestyle="--" if sham else run_style.linestyle,
        linewidth=0.8 if sham else 1.3,
        elinewidth=0.6,
    )
    if not sham:
        last = part.iloc[-1]
        axes.plot(last["fpr"], last["tpr"], "D", color=colour, markersize=8, markeredgecolor="white", zorder=5)


def _draw_advantage(axes: Axes, part: pd.DataFrame, run_style: style.RunStyle, sham: bool) -> None:
    line = run_style.line | ({"linestyle": "--", "markerfacecolor": "white", "markeredgewidth": 0.8} if sham else {})
    if "advantage_low" in part:
        draw_band(axes, part["epoch"], part["advantage_low"], part["advantage_high"], run_style)
    axes.plot(part["epoch"], part["tpr"] - part["fpr"], alpha=0.55 if sham else 1, **line)


def tabulate_centre(study: Study) -> Table:
    """Net displacement and path length of the centre of mass, in percentage points, beside those of sham members.

    With intervals where there are curves of the population (the full analysis).
    """
    rows, curves = [], study.tables.get("curves")
    for run, attack, part in of_runs(select_threshold(study.tables["centre"], study.options.threshold), study.styles):
        cells = [run_cell(study.styles[run]), *text_cells(attack)]
        for kind in MASKED_PARTS:
            path = part[part["part"] == kind].sort_values("epoch")[["fpr", "tpr"]].to_numpy()
            if len(path) < 2:
                cells += text_cells(formatting.MISSING, formatting.MISSING)
                continue
            net = 100 * float(np.linalg.norm(path[-1] - path[0]))
            length = 100 * float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
            limits = _path_limits(curves, run, attack, part["threshold"].iloc[0], kind)
            numbers = {"displacement": net, "path_length": length}
            cells += text_cells(*(_distance(v, *limits.get(name, _NO_LIMITS)) for name, v in numbers.items()))
        rows.append(cells)
    columns = ["run", "attack", "displacement", "path length", "displacement (sham)", "path length (sham)"]
    caption = (
        "How far the centre of mass moved, in percentage points, with jackknife intervals over pairs (if analysed): "
        "from the first to the last checkpoint, and summed over checkpoints. Sham members show what noise alone gives; "
        "path length grows with noise and with the number of checkpoints."
    )
    return Table(caption, columns, rows, head=2)


def _distance(value: float, low: float, high: float) -> str:
    """With its interval from 0 on, which is where distances begin."""
    return formatting.interval(value, max(low, 0.0) if low == low else low, high, 1)


def _path_limits(
    curves: pd.DataFrame | None, run: str, attack: str, threshold: str, part: str
) -> dict[str, tuple[float, float]]:
    """figure -> limits at the last checkpoint."""
    if curves is None:
        return {}
    mine = curves[(curves["run"] == run) & (curves["attack"] == attack) & (curves["threshold"] == threshold)]
    last = mine[(mine["samples"] == ALL_CLASSES) & (mine["epoch"] == mine["epoch"].max())].set_index("figure")
    low, high = ("low", "high") if part == "scored" else ("null_low", "null_high")
    return dict(zip(last.index, zip(last[low], last[high], strict=True), strict=True))


SECTION = Section(
    "centre",
    title="Centre of mass",
    figures=(Part(draw_centre, needs=("centre",)),),
    captions={"centre": _CENTRE},
    tables=(Part(tabulate_centre, needs=("centre",)),),
)
