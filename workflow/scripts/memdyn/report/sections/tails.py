"""The tail check: whether the OUT margins' tail allows the parametric operating points (QQ plot)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import ndtri

from memdyn.report.draw import style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels
from memdyn.report.page.tables import Cell, Table, interval, run_cell, text_cells
from memdyn.report.rows import at_last, by_run, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.terms import AUC, FEWEST_HITS, fpr_of

_TAILS = """
    Each OUT margin is predicted from the other pairs of models; if the parametric law behind d′ and the rates at
    small FPR holds, predicted tail probabilities come true and the points lie on the dotted line. At the last
    checkpoint; bars: jackknife over pairs; left the lower, right the upper tail. The verdict is on the upper tail
    at {probability}, and on how many members lie there. Where it fails, the counted rates are the ones to trust.
    Tails in which no margin lay are not drawn."""

_MARKS = {
    "scored": {"color": style.COLOURS[0], "marker": "o"},
    "sham": {"color": style.COLOURS[4], "marker": "s", "markerfacecolor": "white"},
}


def draw_tails(study: Study) -> Iterator[Drawing]:
    """Normal scores of observed against expected tail probabilities at the last checkpoint, a panel a run."""
    tails, verdicts = study.tables["tails"], at_last(study.tables["tail_verdicts"])
    for page, runs in pages(runs_in(tails, study.styles), 3):
        figure, grid = panels(1, len(runs), 3.4, alone=4.2, sharex=False)
        for axes, run in zip(grid[0], runs, strict=True):
            part = tails[tails["run"] == run]
            _draw_qq(axes, part[part["epoch"] == part["epoch"].max()])
            scored = verdicts[(verdicts["run"] == run) & (verdicts["part"] == "scored")]
            word = f"\n{scored['verdict'].iloc[0]}" if len(scored) else ""
            axes.set_title(f"{style.wrap_label(study.styles[run].name, 60 // len(runs))}{word}")
            axes.set_xlabel("expected normal score")
        grid[0, 0].set_ylabel("observed normal score")
        handles = [style.handle(part, linestyle="none", **mark) for part, mark in _MARKS.items()]
        legend_above(figure, [*handles, style.handle("the law holds", color=style.MUTED, linestyle=":")])
        alt = f"Quantile plots of predictive tail probabilities for {len(runs)} runs."
        yield drawn(figure, "tails", "Tail check", alt, page=page, probability=_probability(verdicts))


def _probability(verdicts: pd.DataFrame) -> str:
    return f"{100 * verdicts['probability'].iloc[0]:g} %"


def _draw_qq(axes: Axes, table: pd.DataFrame) -> None:
    axes.axline((0, 0), slope=1, color=style.MUTED, linestyle=":", linewidth=1)
    for shift, (part, mark) in zip((-0.03, 0.03), _MARKS.items(), strict=True):
        rows = table[(table["part"] == part) & np.isfinite(table["z_observed"])]
        sign = np.where(rows["tail"] == "upper", -1.0, 1.0)
        ends = np.stack([sign * ndtri(rows[limit].clip(1e-6, 1 - 1e-6)) for limit in ("low", "high")])
        bars = np.stack([rows["z_observed"] - np.nanmin(ends, axis=0), np.nanmax(ends, axis=0) - rows["z_observed"]])
        style_ = {"linestyle": "none", "elinewidth": 0.8, "markersize": 4} | mark
        axes.errorbar(rows["z_expected"] + shift, rows["z_observed"], yerr=np.clip(bars, 0, None), **style_)
    reach = max(3.5, np.abs(table["z_expected"]).max() + 0.2) if len(table) else 3.5
    axes.set(xlim=(-reach, reach), ylim=(-reach - 0.7, reach + 0.7))


def tabulate_tails(study: Study) -> Table:
    """Verdicts of the tail check at the last checkpoint, beside the parametric operating points that rest on it."""
    verdicts, points = study.tables["tail_verdicts"], study.tables["operating_points"]
    marks = {"holds": "passed", "fails": "failed"}
    quantities = list(dict.fromkeys(points["quantity"]))
    rows = []
    for row in by_run(at_last(verdicts), study.styles):
        mine = points[(points["run"] == row["run"]) & (points["part"] == row["part"])].set_index("quantity")
        found = [mine.loc[name] if name in mine.index else None for name in quantities]
        ratios = [
            interval(row, name, digits=2, limits=(f"{name}_low", f"{name}_high")) for name in ("ratio", "tpr_ratio")
        ]
        verdict = Cell(row["verdict"], kind=marks.get(row["verdict"], ""))
        names = [run_cell(study.styles[row["run"]]), *text_cells(row["part"], f"{row['epoch']:g}")]
        values = text_cells(*(interval(point, "value", digits=4) for point in found))
        rows.append([*names, *text_cells(*ratios), verdict, *values])
    caption = (
        "The tail check at the last checkpoint, each pair of models predicted from the others: how often an OUT margin "
        f"lies in the predicted upper tail of {_probability(verdicts)}, over how often it should (is the FPR what it "
        "is called?), and how many members lie there, over how many the laws of d′ and of s_in / s_out say (is the "
        "TPR?). Holds: the first interval is within a factor of 2 of 1, the second within one of 1.25 or no farther "
        "than the FPR. Fails: one lies outside. Else undecided, and always where fewer than "
        f"{FEWEST_HITS} margins are expected there. Then the parametric operating points: means over samples of AUC "
        "and of TPR at small FPRs, which cannot be counted for one sample, with jackknife intervals over pairs; sham: "
        "no leakage."
    )
    columns = ["run", "part", "epoch", "OUT tail over expected", "members over predicted", "parametric law"]
    return Table(caption, [*columns, *map(_point_title, quantities)], rows, head=3)


def _point_title(quantity: str) -> str:
    return "mean AUC" if quantity == AUC else f"mean TPR at {100 * fpr_of(quantity):g} % FPR"


SECTION = Section(
    "tails",
    title="Tail check",
    figures=(Part(draw_tails, needs=("tails", "tail_verdicts")),),
    captions={"tails": _TAILS},
    tables=(Part(tabulate_tails, needs=("tail_verdicts", "operating_points")),),
)
