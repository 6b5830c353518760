"""Leakage over training: AUC and TPR at small FPRs of every attack on every run."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes

from memdyn.report.draw import style
from memdyn.report.draw.curves import draw_band
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, panels
from memdyn.report.rows import preferred_aggregation
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import METRIC_CHANCE, METRIC_LABELS, METRICS, in_folds, interval_words

_LEAKAGE = """
    Leakage over checkpoints, a row an attack; scores {aggregation}. Bands are {level} intervals ({method}), for
    models trained anew on other {parts} of the same samples; of TPRs they hold the luck of the threshold too, and
    are up to twice too wide (more at one or two false positives), on the safe side. Dotted: an attack that guesses."""


def draw_leakage(study: Study) -> Iterator[Drawing]:
    """AUC and TPR at small FPR over checkpoints, a row an attack."""
    metrics = study.tables["attack_metrics"]
    aggregation = preferred_aggregation(metrics)
    metrics = metrics[metrics["aggregation"] == aggregation]
    attacks = list(metrics["attack"].unique())
    told = [metric for metric in METRICS if metrics[metric].notna().any()]  # few non-members have no small FPR
    figure, grid = panels(len(attacks), len(told), 1.75 * len(attacks) + 0.9, sharey="col")
    for row, attack in zip(grid, attacks, strict=True):
        for axes, metric in zip(row, told, strict=True):
            _draw_metric(axes, metrics[metrics["attack"] == attack], metric, study.styles)
        row[0].set_ylabel(attack)
    for axes, metric in zip(grid[0], told, strict=True):
        axes.set_title(METRIC_LABELS[metric])
    for axes in grid[-1]:
        style.epoch_axis(axes)
    for axes in grid[:, 1:].flat:
        axes.set_ylim(bottom=0)
    legend_above(figure, [*style.run_handles(study.styles), style.chance_handle()])
    alt = f"AUC and true positive rates at small false positive rates over epochs for {', '.join(attacks)}."
    words = {"parts": "parts" if in_folds(metrics) else "halves", **interval_words(metrics, aggregation)}
    yield drawn(figure, "leakage", "Leakage over training", alt, **words)


def _draw_metric(axes: Axes, table: pd.DataFrame, metric: str, styles: dict[str, style.RunStyle]) -> None:
    """One line with its band per run."""
    for run, part in table.groupby("run", sort=False):
        part, run_style = part.sort_values("epoch"), styles[run]
        draw_band(axes, part["epoch"], part[f"{metric}_low"], part[f"{metric}_high"], run_style)
        axes.plot(part["epoch"], part[metric], **run_style.line)
    axes.axhline(METRIC_CHANCE[metric], color=style.MUTED, linestyle=":", linewidth=1)


SECTION = Section(
    "leakage",
    title="Leakage over training",
    figures=(Part(draw_leakage, needs=("attack_metrics",)),),
    captions={"leakage": _LEAKAGE},
)
