"""The null control: attacks under swapped membership, each draw and the simultaneous test of each run."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import pages, panels
from memdyn.report.page.tables import Cell, Table, run_cell, text_cells
from memdyn.report.rows import by_run, runs_in
from memdyn.report.section import Part, Section, Study

_NULL = """
    The null control: membership is {exchanged}, all checkpoints alike, and the attack is fitted anew. Each dot is the
    AUC of one draw, a mean over models, the bar their mean; without leaks in the pipeline they scatter around .5, the
    wider the smaller the study. Verdict: one simultaneous test over all checkpoints and attacks of a run."""

_EXCHANGED = {
    False: "swapped at random within each (pair of models, sample)",
    True: "that of another sample, drawn at random for each",
}


def draw_null(study: Study) -> Iterator[Drawing]:
    """AUC per model of the refitted attack under swapped membership, every draw, and the test's verdict."""
    draws = study.tables["null_draws"].query("aggregation == 'per_model'")
    verdicts, styles = study.tables["null"].set_index("run"), study.styles
    attacks, folds = list(draws["attack"].unique()), study.in_folds
    for page, runs in pages(runs_in(draws, styles), 4):
        figure, grid = panels(len(attacks), len(runs), 1.35 * len(attacks) + 0.9, alone=4.6, sharex="col")
        for row, attack in zip(grid, attacks, strict=True):
            for axes, run in zip(row, runs, strict=True):
                _draw_panel(axes, draws[(draws["run"] == run) & (draws["attack"] == attack)], styles[run])
            row[0].set_ylabel(f"{attack}\nnull AUC")
        for axes, run in zip(grid[0], runs, strict=True):
            _title_with_verdict(axes, styles[run], verdicts.loc[run] if run in verdicts.index else None)
        for axes in grid[-1]:
            style.epoch_axis(axes)
        alt = "Attack AUC under randomly swapped membership over epochs, scattered around one half."
        yield drawn(figure, "null", "Null control", alt, page=page, exchanged=_EXCHANGED[folds])


def _draw_panel(axes: Axes, draws: pd.DataFrame, run_style: style.RunStyle) -> None:
    axes.axhline(0.5, color=style.INK, linewidth=0.8)
    epochs = np.sort(draws["epoch"].unique())
    spacing = np.diff(epochs).min() if len(epochs) > 1 else 1
    count = max(1, draws["draw"].nunique() - 1)
    jitter = (draws["draw"].rank(method="dense") - 1) / count - 0.5  # by draw: repeatable, and a draw keeps its place
    axes.scatter(draws["epoch"] + 0.5 * spacing * jitter, draws["auc"], s=5, color=run_style.colour, alpha=0.55, lw=0)
    means = draws.groupby("epoch")["auc"].mean()
    half = 0.35 * spacing
    axes.hlines(means, means.index - half, means.index + half, color=style.INK, linewidth=1.6)


def _title_with_verdict(axes: Axes, run_style: style.RunStyle, verdict: pd.Series | None) -> None:
    name = style.wrap_label(run_style.name, 20)
    if verdict is None:
        axes.set_title(f"{name}\nnot tested", color=style.MUTED)
        return
    word, colour = ("passed", style.INK) if verdict["passed"] else ("FAILED", style.FAILED)
    axes.set_title(f"{name}\n{word}, p = {verdict['p_value']:.2g}", color=colour)


def tabulate_null(study: Study) -> Table:
    """The simultaneous null test of each run."""
    rows = []
    for row in by_run(study.tables["null"], study.styles):
        texts = [formatting.number(row["statistic"], 2), formatting.p_value(row["p_value"])]
        texts += [formatting.number(row["mean_null_auc"], 4), f"± {formatting.number(row['resolution'], 4)}"]
        verdict = Cell("passed", kind="passed") if row["passed"] else Cell("FAILED", kind="failed")
        cells = text_cells(*texts, formatting.count(row["n_draws"]))
        rows.append([run_cell(study.styles[row["run"]]), *cells, verdict])
    caption = (
        "The simultaneous null test of each run, over all checkpoints and attacks; it fails where p is at most 0.001. "
        "Mean null AUC: the one furthest from 0.5. Could have seen: a deviation from 0.5 that fails the test with a "
        "chance of about 95 %; smaller ones may be there."
    )
    return Table(caption, ["run", "statistic", "p", "mean null AUC", "could have seen", "draws", "verdict"], rows)


SECTION = Section(
    "null",
    title="Null control",
    figures=(Part(draw_null, needs=("null_draws", "null")),),
    captions={"null": _NULL},
    tables=(Part(tabulate_null, needs=("null",)),),
)
