"""Differences between runs at equal epochs and equally far trained, as a forest plot of every headline figure."""

from collections.abc import Iterator, Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, columns_for, legend_above
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.matched import is_known
from memdyn.report.page.record import Drawing, FigureRecord, ReportOptions
from memdyn.report.sections.comparison import pairs_of, shown_pairs
from memdyn.report.sections.plane import select_threshold, threshold_words

METRICS = {
    "auc": "AUC",
    "tpr_at_fpr_0.01": "TPR at 1 % FPR",
    "tpr_at_fpr_0.001": "TPR at 0.1 % FPR",
    "advantage": "mean advantage",
    "displacement": "displacement, points",
    "share_highly_vulnerable": "share highly vulnerable",
    "inflow_hv": "inflow to the HV zone,\nper epoch",
    "speed_squared_corrected": "squared speed, points²",
    "entropy_change": "entropy change, bits",
    "latent_share": "early recall above chance,\nwithout noise",
}
_POINTS_SQUARED = {"speed_squared_corrected": 100.0**2}  # else shares of the plane
_MATCHINGS = {
    "epoch": ("last common epoch", "#222222", "o"),
    "accuracy_test": ("highest common accuracy", "#D55E00", "s"),
    "generalisation_gap": ("widest common gap", "#0072B2", "^"),
}
_PAIRS_PER_FIGURE = 6
_WIDE = 4.0  # times the median interval


def highest_common(table: pd.DataFrame) -> pd.DataFrame:
    """Of each pair, metric and matching the row farthest along its clock whose difference can be shown."""
    known = table[is_known(table)]
    keys = ["run_a", "run_b", "attack", "threshold", "metric", "matched_by"]
    return known.loc[known.groupby(keys, sort=False)["at"].idxmax()]


def factor_rows(table: pd.DataFrame, threshold: str, early: Mapping[str, float]) -> pd.DataFrame:
    """The rows that are drawn: of attacks whose dynamics were analysed, at one threshold.

    The recall without noise is 1 in every run at the end: it is compared at the last epoch up to the `early`
    one of both runs only.
    """
    late = table["metric"] == "latent_share"
    last_early = np.minimum(table["run_a"].map(early).fillna(0.0), table["run_b"].map(early).fillna(0.0))
    late &= (table["matched_by"] != "epoch") | (table["at"] > last_early) | (table["at"] == 0)
    table = highest_common(table[~late])
    analysed = set(table.loc[table["threshold"] != "", "attack"])
    planes = table[table["threshold"] != ""]
    chosen = [select_threshold(planes, threshold)] if len(planes) else []
    plain = table[(table["threshold"] == "") & (table["attack"].isin(analysed) if analysed else True)]
    shown = pd.concat([plain, *chosen], ignore_index=True)
    ends = ["difference", "low", "high"]
    units = np.array([_POINTS_SQUARED.get(metric, 1.0) for metric in shown["metric"]])
    shown[ends] = shown[ends].mul(units, axis=0)
    return shown


def early_epochs(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """The checkpoint of each run's sentence on early determination; nothing without them."""
    return dict(tables["findings"].groupby("run")["epoch"].max()) if "findings" in tables else {}


def draw_factors(
    tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle], options: ReportOptions
) -> Iterator[Drawing]:
    """A panel a figure, a row a pair of runs, a mark a way of matching."""
    chosen, omitted = shown_pairs(tables["factor_differences"])
    shown = factor_rows(chosen, options.threshold, early_epochs(tables))
    for attack, table in shown.groupby("attack", sort=False):
        pairs = list(dict.fromkeys(zip(table["run_a"], table["run_b"], strict=True)))
        metrics = [metric for metric in METRICS if metric in set(table["metric"])]
        for page, chunk in enumerate(chunks(pairs, _PAIRS_PER_FIGURE)):
            figure = _forest(table, chunk, metrics, styles)
            thresholds = [t for t in table["threshold"].unique() if t]
            words = caption(
                "factors",
                attack=attack,
                threshold=threshold_words(thresholds[0]) if thresholds else "its threshold",
                level=f"{100 * table['level'].iloc[0]:g} %",
                omitted=omitted,
            )
            alt = f"Forest plots of differences between {len(chunk)} pairs of runs in {len(metrics)} figures."
            suffix = "" if page == 0 else f"-{page + 1}"
            title = f"Differences, equally long and equally far trained, {attack}"
            yield Drawing(FigureRecord(f"factors-{attack}{suffix}", "comparison", title, words, alt), figure)


def _forest(
    table: pd.DataFrame, pairs: list[tuple[str, str]], metrics: list[str], styles: dict[str, RunStyle]
) -> plt.Figure:
    columns = columns_for(len(metrics), most=3)
    rows = -(-len(metrics) // columns)
    labels = [f"{_name(styles, first)}\n− {_name(styles, second)}" for first, second in pairs]
    lines = max(label.count("\n") + 1 for label in labels)
    height = max(0.42, 0.15 * lines) * len(pairs) + 0.65
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH, rows * height + 0.4),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        _draw_metric(axes, table[table["metric"] == metric], pairs)
        axes.set_title(METRICS[metric])
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(pairs)), labels, fontsize=6.8)
    drawn = set(table["matched_by"])
    legend_above(
        figure,
        [
            Line2D([], [], linestyle="none", color=colour, marker=marker, label=label)
            for name, (label, colour, marker) in _MATCHINGS.items()
            if name in drawn
        ],
    )
    return figure


def _draw_metric(axes: Axes, table: pd.DataFrame, pairs: list[tuple[str, str]]) -> None:
    places = {pair: place for place, pair in enumerate(pairs)}
    axes.axvline(0, color=style.INK, linewidth=0.8)
    for offset, (matching, (_, colour, marker)) in zip((-0.25, 0, 0.25), _MATCHINGS.items(), strict=True):
        part = table[table["matched_by"] == matching]
        part = part[pairs_of(part).isin(places)]
        rows = [places[pair] + offset for pair in pairs_of(part)]
        errors = np.clip([part["difference"] - part["low"], part["high"] - part["difference"]], 0, None)
        mark = {"linestyle": "none", "color": colour, "marker": marker, "markersize": 4}
        axes.plot(part["difference"], rows, **mark, markerfacecolor="white")  # stays hollow without an interval
        known = np.isfinite(errors).all(axis=0)
        axes.errorbar(part["difference"][known], np.array(rows)[known], xerr=errors[:, known], elinewidth=1, **mark)
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.set_xlim(*_frame(table))
    axes.locator_params(axis="x", nbins=4)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _frame(table: pd.DataFrame) -> tuple[float, float]:
    """Range of the estimates, of 0, and of the intervals but those far wider than most, which run out of the frame."""
    half = (table["high"] - table["low"]) / 2
    usual = table[half <= _WIDE * half.median()]
    ends = np.array([0.0, *table["difference"], *usual["low"], *usual["high"]])
    margin = 0.06 * max(np.ptp(ends), 1e-9)
    return ends.min() - margin, ends.max() + margin


def _name(styles: dict[str, RunStyle], run: str) -> str:
    return style.wrap_label(styles[run].name, 26)
