"""Curves over FPR and over checkpoints: ROC, leakage during training, accuracy, the null control."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, columns_for, label_outer, legend_above
from memdyn.report.draw.style import RunStyle, runs_in
from memdyn.report.page.record import Drawing, FigureRecord
from memdyn.terms import AUC, FPRS, tpr_at

METRICS = (AUC, *map(tpr_at, FPRS[::-1]))
AGGREGATION_WORDS = {
    "pooled": "pooled over all (model, sample) pairs",
    "per_model": "computed per model and averaged",
}


def preferred_aggregation(table: pd.DataFrame) -> str:
    """Pooled where the table has it, else the first one."""
    known = list(table["aggregation"].unique())
    return "pooled" if "pooled" in known else known[0]


def draw_roc(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """ROC curves at each run's last checkpoint, log-log, one panel an attack."""
    roc, metrics = tables["roc"], tables["attack_metrics"]
    aggregation = preferred_aggregation(roc)
    roc = roc[roc["aggregation"] == aggregation]
    attacks = list(roc["attack"].unique())
    columns = columns_for(len(attacks), most=3)
    rows = -(-len(attacks) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH if columns > 1 else 4.6, 3.0 * rows + 0.4 if columns > 1 else 4.4),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    floor = 1 / non_members(metrics, aggregation).max()  # of the sharpest run
    bottom = min(roc.loc[roc["tpr"] > 0, "tpr"].min(), floor) / 1.5
    for axes, attack in zip(grid.flat, attacks, strict=False):
        _draw_roc_panel(axes, roc[roc["attack"] == attack], styles, floor)
        axes.set(title=attack, xlim=(floor / 3, 1), ylim=(bottom, 1.3))
    label_outer(grid, len(attacks), "false positive rate", "true positive rate")
    handles = [*style.run_handles(styles), Line2D([], [], color=style.MUTED, linestyle=":", label="chance")]
    legend_above(figure, handles)
    words = caption("roc", **_interval_words(metrics, aggregation), non_members=f"{1 / floor:,.0f}")
    alt = f"Log-log ROC curves of {len(styles)} runs for the attacks {', '.join(attacks)}."
    yield Drawing(FigureRecord("roc", "roc", "ROC curves at the last checkpoint", words, alt), figure)


def _draw_roc_panel(axes: Axes, table: pd.DataFrame, styles: dict[str, RunStyle], floor: float) -> None:
    axes.set(xscale="log", yscale="log")
    style.plain_decades(axes.xaxis)
    style.plain_decades(axes.yaxis)
    axes.axvspan(floor / 10, floor, color="#e6e6e6", linewidth=0)
    diagonal = np.geomspace(floor, 1, 50)
    axes.plot(diagonal, diagonal, color=style.MUTED, linestyle=":", linewidth=1)
    for run, part in table.groupby("run", sort=False):
        last = part[part["epoch"] == part["epoch"].max()].sort_values("fpr")
        last = last[(last["fpr"] >= floor * 0.999) & (last["tpr"] > 0)]
        run_style = styles[run]
        axes.fill_between(
            last["fpr"],
            last["low"].clip(lower=1e-9),
            last["high"],
            color=run_style.colour,
            alpha=style.BAND_ALPHA,
            linewidth=0,
        )
        axes.plot(last["fpr"], last["tpr"], markevery=max(1, len(last) // 6), **run_style.line)


def draw_leakage(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """AUC and TPR at small FPR over checkpoints, a row an attack."""
    metrics = tables["attack_metrics"]
    aggregation = preferred_aggregation(metrics)
    metrics = metrics[metrics["aggregation"] == aggregation]
    attacks = list(metrics["attack"].unique())
    figure, grid = plt.subplots(
        len(attacks),
        len(METRICS),
        figsize=(style.WIDTH, 1.75 * len(attacks) + 0.9),
        sharex=True,
        sharey="col",
        squeeze=False,
        layout="constrained",
    )
    for row, attack in zip(grid, attacks, strict=True):
        for axes, metric in zip(row, METRICS, strict=True):
            draw_over_epochs(axes, metrics[metrics["attack"] == attack], metric, styles)
            axes.axhline(style.METRIC_CHANCE[metric], color=style.MUTED, linestyle=":", linewidth=1)
        row[0].set_ylabel(attack)
    for axes, metric in zip(grid[0], METRICS, strict=True):
        axes.set_title(style.METRIC_LABELS[metric])
    for axes in grid[-1]:
        style.epoch_axis(axes)
    for axes in grid[:, 1:].flat:
        axes.set_ylim(bottom=0)
    handles = [*style.run_handles(styles), Line2D([], [], color=style.MUTED, linestyle=":", label="chance")]
    legend_above(figure, handles)
    words = caption("leakage", **_interval_words(metrics, aggregation))
    alt = f"AUC and true positive rates at small false positive rates over epochs for {', '.join(attacks)}."
    yield Drawing(FigureRecord("leakage", "leakage", "Leakage over training", words, alt), figure)


def draw_over_epochs(axes: Axes, table: pd.DataFrame, column: str, styles: dict[str, RunStyle]) -> None:
    """One line with its band per run."""
    for run, part in table.groupby("run", sort=False):
        part, run_style = part.sort_values("epoch"), styles[run]
        low, high = part[f"{column}_low"], part[f"{column}_high"]
        axes.fill_between(part["epoch"], low, high, color=run_style.colour, alpha=style.BAND_ALPHA, linewidth=0)
        axes.plot(part["epoch"], part[column], **run_style.line)


def draw_accuracy(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """Accuracy and loss on members and on non-members over checkpoints."""
    accuracy = tables["accuracy"]
    figure, grid = plt.subplots(1, 2, figsize=(style.WIDTH, 3.1), layout="constrained")
    for run, part in accuracy.groupby("run", sort=False):
        part, run_style = part.sort_values("epoch"), styles[run]
        for axes, quantity in zip(grid, ("accuracy", "loss"), strict=True):
            common = {"color": run_style.colour, "marker": run_style.marker, "markeredgecolor": run_style.colour}
            axes.plot(part["epoch"], part[f"{quantity}_in"], linestyle="-", **common)
            axes.plot(part["epoch"], part[f"{quantity}_out"], linestyle="--", markerfacecolor="white", **common)
    grid[0].set_title("accuracy")
    grid[1].set_title("cross-entropy loss")
    style.plain_log_axis(grid[1])
    for axes in grid:
        style.epoch_axis(axes)
    handles = [Line2D([], [], color=s.colour, marker=s.marker, label=s.name) for s in styles.values()]
    grey = {"color": style.MUTED, "marker": "o", "markeredgecolor": style.MUTED}
    handles.append(Line2D([], [], linestyle="-", label="members", **grey))
    handles.append(Line2D([], [], linestyle="--", markerfacecolor="white", label="non-members", **grey))
    legend_above(figure, handles)
    alt = "Accuracy and loss of members and non-members over epochs for each run."
    record = FigureRecord("accuracy", "run", "Accuracy of members and non-members", caption("accuracy"), alt)
    yield Drawing(record, figure)


def draw_null(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """AUC per model of the refitted attack under swapped membership, every draw, and the test's verdict."""
    draws, verdicts = tables["null_draws"].query("aggregation == 'per_model'"), tables["null"].set_index("run")
    attacks, runs = list(draws["attack"].unique()), runs_in(draws, styles)
    for page, chunk in enumerate(chunks(runs, 4)):
        figure, grid = plt.subplots(
            len(attacks),
            len(chunk),
            figsize=(style.WIDTH if len(chunk) > 1 else 4.6, 1.35 * len(attacks) + 0.9),
            sharex="col",
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for row, attack in zip(grid, attacks, strict=True):
            for axes, run in zip(row, chunk, strict=True):
                _draw_null_panel(axes, draws[(draws["run"] == run) & (draws["attack"] == attack)], styles[run])
            row[0].set_ylabel(f"{attack}\nnull AUC")
        for axes, run in zip(grid[0], chunk, strict=True):
            _title_with_verdict(axes, styles[run], verdicts.loc[run] if run in verdicts.index else None)
        for axes in grid[-1]:
            style.epoch_axis(axes)
        suffix = "" if page == 0 else f"-{page + 1}"
        alt = "Attack AUC under randomly swapped membership over epochs, scattered around one half."
        yield Drawing(FigureRecord(f"null{suffix}", "null", "Null control", caption("null"), alt), figure)


def _draw_null_panel(axes: Axes, draws: pd.DataFrame, run_style: RunStyle) -> None:
    axes.axhline(0.5, color=style.INK, linewidth=0.8)
    epochs = np.sort(draws["epoch"].unique())
    spacing = np.diff(epochs).min() if len(epochs) > 1 else 1
    count = max(1, draws["draw"].nunique() - 1)
    jitter = (draws["draw"].rank(method="dense") - 1) / count - 0.5  # by draw: repeatable, and a draw keeps its place
    axes.scatter(draws["epoch"] + 0.5 * spacing * jitter, draws["auc"], s=5, color=run_style.colour, alpha=0.55, lw=0)
    means = draws.groupby("epoch")["auc"].mean()
    half = 0.35 * spacing
    axes.hlines(means, means.index - half, means.index + half, color=style.INK, linewidth=1.6)


def _title_with_verdict(axes: Axes, run_style: RunStyle, verdict: pd.Series | None) -> None:
    name = style.wrap_label(run_style.name, 20)
    if verdict is None:
        axes.set_title(f"{name}\nnot tested", color=style.MUTED)
        return
    word, colour = ("passed", style.INK) if verdict["passed"] else ("FAILED", style.FAILED)
    axes.set_title(f"{name}\n{word}, p = {verdict['p_value']:.2g}", color=colour)


def non_members(metrics: pd.DataFrame, aggregation: str) -> pd.Series:
    """How many non-members a ROC curve counts, of each row of an aggregation."""
    rows = metrics[metrics["aggregation"] == aggregation]
    models = rows["n_models"] if aggregation == "pooled" else 1
    return rows["n_samples"] * models // 2


def _interval_words(metrics: pd.DataFrame, aggregation: str) -> dict[str, str]:
    return {
        "aggregation": AGGREGATION_WORDS.get(aggregation, aggregation),
        "level": f"{100 * metrics['level'].iloc[0]:g} %",
        "method": limits_words(metrics),
    }


def limits_words(metrics: pd.DataFrame) -> str:
    """`jackknife over 16 groups of pairs`: how a study's limits were made."""
    counts = sorted(metrics["n_groups"].unique())
    return ", ".join(f"jackknife over {n} groups of pairs" if n else "none: too few pairs" for n in counts)
