"""The privacy of runs that were trained by DP-SGD."""

import numpy as np

from memdyn.report.draw import formatting
from memdyn.report.page.tables import Cell, Table, run_cell, text_cells
from memdyn.report.privacy import bound, curves
from memdyn.report.rows import by_run
from memdyn.report.section import Part, Section, Study
from memdyn.terms import FPRS

_CAPTION = (
    "Runs of DP-SGD at their last checkpoint. ε: that of the recipe's δ, for two sets of members that differ in one "
    "more or one less, an upper bound by the PRV accountant (by Rényi's where ε is beyond use), for the planned steps; "
    "also of models that stopped earlier, for when they stop tells of their members too. Largest TPR: what no attack "
    "on our models surpasses, by ε at several δ; their members are exact halves, where one is exchanged for another, "
    "so that the bound is taken twice. Without noise there is none. Norm: what batch normalisation was replaced by."
)


def tabulate_privacy(study: Study) -> Table:
    """Noise, clip and lots, and what they guarantee."""
    dp = study.tables["dp"]
    last = dp[dp["stated"] & (dp["epoch"] == dp.groupby("run")["epoch"].transform("max"))]
    pairs, rows = curves(study.tables), []
    for row in by_run(last, study.styles):
        run = row["run"]
        most = bound(pairs[run], np.array(FPRS)) if run in pairs else [np.nan] * len(FPRS)
        texts = [f"{row['noise']:g}", "none" if np.isnan(row["clip"]) else f"{row['clip']:g}", f"{row['lot']}"]
        texts += [formatting.percent(row["rate"]), formatting.count(row["steps"]), _epsilon(row["epsilon"])]
        texts += [f"{row['delta']:g}", *(formatting.percent(tpr) for tpr in most)]
        rows.append([run_cell(study.styles[run]), *text_cells(*texts), Cell(row["norm"] or "as it was")])
    titles = ["run", "noise", "clip", "lot", "share of the members", "steps", "ε", "δ"]
    return Table(_CAPTION, [*titles, *(f"largest TPR at {fpr * 100:g} % FPR" for fpr in FPRS), "norm"], rows)


def _epsilon(value: float) -> str:
    return "∞" if np.isinf(value) else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


SECTION = Section(
    "private",
    title="Differential privacy",
    tables=(Part(tabulate_privacy, needs=("dp",)),),
)
