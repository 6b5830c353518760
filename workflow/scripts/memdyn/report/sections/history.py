"""What history adds: attacks on all checkpoints so far, minus the same attacks on the last one alone."""

from collections.abc import Iterator

import pandas as pd

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import draw_band, draw_zero
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, panels
from memdyn.report.page.tables import Table, run_cell, text_cells
from memdyn.report.rows import at_last, of_runs, preferred_aggregation, runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import METRIC_DIGITS, METRIC_LABELS, METRICS, interval_words, level_words

_HISTORY = """
    What the checkpoints so far add to the last one, a row an attack over time: its metric minus that of the same attack
    on that checkpoint alone; scores {aggregation}. Below the dotted line history does harm: what an attack must learn
    about more checkpoints costs more than they tell. Bands are {level} intervals of the difference ({method})."""


def _gains(study: Study) -> pd.DataFrame:
    gains = study.tables["history_gain"]
    return gains[gains["aggregation"] == preferred_aggregation(gains)]


def _told(gains: pd.DataFrame) -> list[str]:
    known = set(gains.loc[gains["difference"].notna(), "metric"])  # few non-members have no small FPR
    return [metric for metric in METRICS if metric in known]


def draw_history(study: Study) -> Iterator[Drawing]:
    """Differences over checkpoints, a row an attack and a column a metric."""
    gains, metrics = _gains(study), study.tables["attack_metrics"]
    told, pairs = _told(gains), list(gains.groupby(["attack", "reference"], sort=False))
    figure, grid = panels(len(pairs), len(told), 1.75 * len(pairs) + 0.9, sharey="col")
    for row, ((attack, reference), table) in zip(grid, pairs, strict=True):
        for axes, metric in zip(row, told, strict=True):
            for run in runs_in(table, study.styles):
                part = table[(table["run"] == run) & (table["metric"] == metric)].sort_values("epoch")
                draw_band(axes, part["epoch"], part["low"], part["high"], study.styles[run])
                axes.plot(part["epoch"], part["difference"], **study.styles[run].line)
            draw_zero(axes)
        row[0].set_ylabel(f"{attack}\nminus {reference}")
    for axes, metric in zip(grid[0], told, strict=True):
        axes.set_title(METRIC_LABELS[metric])
    for axes in grid[-1]:
        style.epoch_axis(axes)
    legend_above(figure, style.run_handles({run: study.styles[run] for run in runs_in(gains, study.styles)}))
    names = ", ".join(f"{attack} minus {reference}" for (attack, reference), _ in pairs)
    alt = f"Differences of AUC and true positive rates over epochs: {names}."
    values = interval_words(metrics, gains["aggregation"].iloc[0])
    yield drawn(figure, "history", "What history adds", alt, **values)


def tabulate_history(study: Study) -> Table:
    """The differences at each run's last checkpoint."""
    gains = _gains(study)
    told, rows = _told(gains), []
    for run, attack, table in of_runs(at_last(gains), study.styles):
        by_metric = table.set_index("metric")
        numbers = [
            formatting.signed_interval(*by_metric.loc[metric, ["difference", "low", "high"]], METRIC_DIGITS[metric])
            for metric in told
        ]
        rows.append([run_cell(study.styles[run]), *text_cells(attack, str(table["reference"].iloc[0]), *numbers)])
    caption = (
        "What the checkpoints so far add to each run's last one: attacks over time minus the same attacks on it alone, "
        f"with {level_words(gains)} intervals of the difference."
    )
    return Table(caption, ["run", "attack", "minus", *(METRIC_LABELS[metric] for metric in told)], rows, head=3)


SECTION = Section(
    "history",
    title="What history adds",
    figures=(Part(draw_history, needs=("history_gain", "attack_metrics")),),
    captions={"history": _HISTORY},
    tables=(Part(tabulate_history, needs=("history_gain",)),),
)
