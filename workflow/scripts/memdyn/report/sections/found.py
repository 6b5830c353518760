"""What a model is good for against what it leaks: test accuracy and TPR at small FPRs over training, a line a run."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, legend_above, spread
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.record import Drawing, FigureRecord
from memdyn.report.sections.leakage import AGGREGATION_WORDS, preferred_aggregation
from memdyn.terms import FPRS, tpr_at

METRICS = tuple(map(tpr_at, FPRS[::-1]))
_COLUMNS = 4  # attacks side by side
_FEW_RUNS = 4  # of which intervals and epochs are shown
_MARKED = 4  # epochs a line
_SHOWN = 0.9  # of the way from the lowest to the highest accuracy is left out: there nobody stops


def accuracy_and_leaks(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of attack_metrics with the column accuracy: on the test part, without one on non-members."""
    accuracy = tables["accuracy"]
    tested = accuracy["accuracy_test"].fillna(accuracy["accuracy_out"])
    metrics = tables["attack_metrics"]
    metrics = metrics[metrics["aggregation"] == preferred_aggregation(metrics)]
    return metrics.merge(accuracy[["run", "epoch"]].assign(accuracy=tested), on=["run", "epoch"])


def draw_utility(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """TPR over test accuracy, a row an FPR, a column an attack; checkpoints in order are joined by a line."""
    table = accuracy_and_leaks(tables)
    level = f"{100 * table['level'].iloc[0]:g} %"
    aggregation = AGGREGATION_WORDS.get(table["aggregation"].iloc[0], table["aggregation"].iloc[0])
    low = table["accuracy"].min() + _SHOWN * (table["accuracy"].max() - table["accuracy"].min())
    shown = table[table["accuracy"] >= low]
    metrics = [metric for metric in METRICS if shown[metric].notna().any()]  # few non-members have no small FPR
    if not metrics:
        return
    for page, attacks in enumerate(chunks(list(table["attack"].unique()), _COLUMNS)):
        figure, grid = plt.subplots(
            len(metrics),
            len(attacks),
            figsize=(style.WIDTH if len(attacks) > 1 else 5.2, 2.1 * len(metrics) + 0.3),
            sharex=True,
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        for column, attack in zip(grid.T, attacks, strict=True):
            for axes, metric in zip(column, metrics, strict=True):
                _draw_lines(axes, shown[shown["attack"] == attack], metric, styles)
            column[0].set_title(attack)
            column[-1].set_xlabel("test accuracy")
        for row, metric in zip(grid, metrics, strict=True):
            row[0].set_ylabel(style.METRIC_LABELS[metric])
            row[0].set_ylim(bottom=0)
        chance = Line2D([], [], color=style.MUTED, linestyle=":", label="chance")
        legend_above(figure, [*style.run_handles(styles), chance])
        words = caption("utility", aggregation=aggregation, level=level, low=f"{low:.2f}")
        alt = f"True positive rates over test accuracy during training, {len(styles)} runs, {', '.join(attacks)}."
        suffix = "" if page == 0 else f"-{page + 1}"
        title = "What is leaked for the accuracy that is reached"
        yield Drawing(FigureRecord(f"utility{suffix}", "found", title, words, alt), figure)


def _draw_lines(axes: Axes, table: pd.DataFrame, metric: str, styles: dict[str, RunStyle]) -> None:
    few = len(styles) <= _FEW_RUNS
    for run, run_style in styles.items():
        part = table[table["run"] == run].sort_values("epoch")
        if not len(part):
            continue
        bars = np.stack([part[metric] - part[f"{metric}_low"], part[f"{metric}_high"] - part[metric]])
        errors = np.clip(bars, 0, None) if few else None
        axes.errorbar(part["accuracy"], part[metric], yerr=errors, elinewidth=0.6, **run_style.line)
        leaks = part[metric].max() > 2 * style.METRIC_CHANCE[metric]  # else marks lie on one line
        for row in spread(part.to_dict("records"), _MARKED) if few and leaks else ():
            place = {"xytext": (4, 2), "textcoords": "offset points", "fontsize": 6, "color": run_style.colour}
            axes.annotate(f"{row['epoch']:g}", (row["accuracy"], row[metric]), **place)
    axes.axhline(style.METRIC_CHANCE[metric], color=style.MUTED, linestyle=":", linewidth=1)
