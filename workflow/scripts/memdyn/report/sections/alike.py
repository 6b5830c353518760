"""Which mechanisms act alike, who is still vulnerable, combinations against their parts, delay against level."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from memdyn.report.draw import formatting, style
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import panels
from memdyn.report.mechanisms import ACCURACY, ADVANTAGE, BEST, LARGER_WEAK, headline
from memdyn.report.page.tables import Cell, Table, difference_cell, interval, run_cell
from memdyn.report.rows import runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import level_words
from memdyn.terms import AUC

_RANKS = """
    Loss-rank correlation: Spearman of the losses of two runs' models at their last checkpoints over the samples that
    both trained on, mean over models of other pairs (those of one pair share initialisation and order). On the diagonal
    models of one run meet: what no mechanism can bring closer. A row like that of another run says that the two act
    alike on the members. In brackets in the table: {level} intervals."""
_COMBINED = {
    ("", ACCURACY): "test accuracy",
    (BEST, AUC): "AUC, best strong attack",
    (LARGER_WEAK, ADVANTAGE): "larger advantage of AVG and POW",
}
_WRITTEN = 14  # runs, up to which cells have their number


def draw_ranks(study: Study) -> Iterator[Drawing]:
    """A heat map, runs by runs."""
    table = study.tables["loss_rank_correlation"]
    runs = runs_in(table, study.styles)
    values = table.pivot(index="run", columns="other", values="correlation").reindex(index=runs, columns=runs)
    grid = values.to_numpy(float)
    size = 2.2 + 0.45 * min(len(runs), 14)
    figure, axes = panels(1, 1, size, alone=size + 0.8)
    axes = axes[0][0]
    mesh = axes.imshow(grid, cmap=style.DENSITY, aspect="auto")  # equal sides would cut long names off
    labels = [style.wrap_label(study.styles[run].name, 18) for run in runs]
    axes.set_xticks(range(len(runs)), labels, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(runs)), labels)
    axes.grid(visible=False)
    if len(runs) <= _WRITTEN:
        middle = np.nanmean([np.nanmin(grid), np.nanmax(grid)]) if np.isfinite(grid).any() else 0
        for row, column in zip(*np.nonzero(np.isfinite(grid)), strict=True):
            colour = "white" if grid[row, column] > middle else style.INK
            number = formatting.number(grid[row, column], 2)
            axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=7)
    bar = figure.colorbar(mesh, ax=axes, fraction=0.04, pad=0.02)
    bar.set_label("loss-rank correlation")
    bar.outline.set_visible(False)
    alt = f"Heat map of the loss-rank correlations of {len(runs)} runs."
    yield drawn(figure, "loss_ranks", "Which mechanisms act alike", alt, level=level_words(table))


def tabulate_ranks(study: Study) -> Table:
    """Runs by runs, with intervals."""
    table = study.tables["loss_rank_correlation"]
    runs, found = runs_in(table, study.styles), {}
    for row in table.to_dict("records"):
        found[row["run"], row["other"]] = pd.Series(row)
    rows = [
        [
            run_cell(study.styles[run]),
            *(Cell(interval(found.get((run, other)), "correlation", digits=2)) for other in runs),
        ]
        for run in runs
    ]
    caption = f"Loss-rank correlations with {level_words(table)} jackknife intervals over pairs of models."
    columns = ["run", *(study.styles[run].name for run in runs)]
    return Table(caption, columns, rows, folded="Loss-rank correlations with intervals")


def tabulate_overlap(study: Study) -> Table:
    """A row a run: what its most vulnerable samples and the baseline's have in common."""
    table, rows = study.tables["vulnerable_overlap"], []
    for run in runs_in(table, study.styles):
        row = table[table["run"] == run].iloc[0]
        cells = formatting.percent_interval(row["overlap"], row["low"], row["high"]), formatting.percent(row["ceiling"])
        rows.append([run_cell(study.styles[run]), run_cell(study.styles[row["baseline"]]), *map(Cell, cells)])
    share = formatting.percent(table["share"].iloc[0], 0)
    caption = (
        f"Who is still vulnerable: what the {share} most vulnerable samples of a run have in common with the "
        f"baseline's, each seen by half of the models, with {level_words(table)} intervals. Ceiling: the same of "
        f"two halves of one run, which noise keeps below 100 %. Chance: {share}."
    )
    return Table(caption, ["run", "baseline", "in common", "ceiling"], rows, head=2)


def tabulate_course(study: Study) -> Table:
    """A row a run: does it delay the leak, or lower it?"""
    table, rows = headline(study.tables["mechanism_course"], BEST, AUC), []
    for run in runs_in(table, study.styles):
        row = table[table["run"] == run].iloc[0]
        epochs = [formatting.number(row[name], 1) for name in ("onset", "baseline_onset")]
        delay = formatting.signed_interval(row["delay"], row["low"], row["high"], 1)
        share = formatting.percent(row["share_at_end"], 0)
        rows.append([run_cell(study.styles[run]), *map(Cell, (*epochs, delay, share, row["status"]))])
    caption = (
        "Delay or level: the epoch at which the best strong attack's AUC is first half as far above 0.5 as the "
        f"baseline's in the end, its delay with {level_words(table)} intervals, and what is left of the AUC above 0.5 "
        "at the last checkpoint. A run that leaks late and as much in the end only delays."
    )
    columns = ["run", "epoch", "baseline's epoch", "delay, epochs", "AUC above 0.5 in the end", "status"]
    return Table(caption, columns, rows)


def tabulate_combinations(study: Study) -> Table:
    """A row a combination and part."""
    table, rows = study.tables["combinations"], []
    table = table.assign(attack=table["attack"].fillna(""))
    for (run, part), own in table.groupby(["run", "part"], sort=False):
        if run not in study.styles or part not in study.styles:
            continue
        found = [headline(own, *key) for key in _COMBINED]
        cells = [difference_cell(each.iloc[0]) if len(each) else Cell(formatting.MISSING) for each in found]
        rows.append([run_cell(study.styles[run]), run_cell(study.styles[part]), *cells])
    caption = (
        "Combinations against their parts: the run with both minus the run with one, at their last checkpoints, with "
        f"paired {level_words(table)} intervals, each by itself; bold where it excludes 0. A combination that only "
        "beats its weaker part adds nothing to the stronger one."
    )
    return Table(caption, ["combination", "minus", *_COMBINED.values()], rows, head=2)


SECTION = Section(
    "alike",
    title="Which mechanisms act alike",
    figures=(Part(draw_ranks, needs=("loss_rank_correlation",)),),
    captions={"loss_ranks": _RANKS},
    tables=(
        Part(tabulate_ranks, needs=("loss_rank_correlation",)),
        Part(tabulate_combinations, needs=("combinations",)),
        Part(tabulate_overlap, needs=("vulnerable_overlap",)),
        Part(tabulate_course, needs=("mechanism_course",)),
    ),
)
