"""Differences between runs, paired by model and sample, as a forest plot."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from memdyn.report.draw import style
from memdyn.report.draw.captions import caption
from memdyn.report.draw.layout import chunks, legend_above
from memdyn.report.draw.style import RunStyle
from memdyn.report.page.record import Drawing, FigureRecord
from memdyn.report.sections.leakage import METRICS, preferred_aggregation

PAIRS_PER_FIGURE = 12
_MOST_PAIRS = 12  # beyond them, only those that differ in one factor are shown
ATTACK_COLOURS = ("#222222", "#7a7a7a", "#b0a089", "#4d7f94")


def last_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """The last epoch that each two runs share, one aggregation."""
    table = differences[differences["aggregation"] == preferred_aggregation(differences)]
    return table[table["epoch"] == table.groupby(["run_a", "run_b"])["epoch"].transform("max")]


def pairs_of(table: pd.DataFrame) -> pd.Series:
    """The pair of runs (run_a, run_b) of each row."""
    return pd.Series(list(zip(table["run_a"], table["run_b"], strict=True)), index=table.index, dtype=object)


def shown_pairs(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of the pairs of runs that the page shows, and a sentence on those that it leaves out."""
    pairs, chosen = pairs_of(table), table["factor"] != ""
    if pairs.nunique() <= _MOST_PAIRS or not chosen.any():
        return table, ""
    omitted = pairs[~chosen].nunique()
    words = f"Pairs of runs that do not differ in one factor only are in the tables' files ({omitted} more)."
    return table[chosen], words if omitted else ""


def draw_comparison(tables: dict[str, pd.DataFrame], styles: dict[str, RunStyle]) -> Iterator[Drawing]:
    """Difference of each metric between two runs with its interval; a panel a metric, a mark an attack."""
    table, omitted = shown_pairs(last_differences(tables["differences"]))
    pairs = list(dict.fromkeys(zip(table["run_a"], table["run_b"], strict=True)))
    for page, chunk in enumerate(chunks(pairs, PAIRS_PER_FIGURE)):
        words = caption("comparison", level=f"{100 * table['level'].iloc[0]:g} %", omitted=omitted)
        yield _forest(table, chunk, words, styles, page)


def _forest(
    table: pd.DataFrame, pairs: list[tuple[str, str]], words: str, styles: dict[str, RunStyle], page: int
) -> Drawing:
    attacks = list(table["attack"].unique())
    metrics = [metric for metric in METRICS if metric in set(table["metric"])]
    labels = [f"{_name(styles, a)}\n− {_name(styles, b)}" for a, b in pairs]
    lines = max(label.count("\n") + 1 for label in labels)
    height = max(0.17 * lines, 0.16 * len(attacks)) * len(pairs)
    figure, grid = plt.subplots(
        1,
        len(metrics),
        figsize=(style.WIDTH, height + 1.25),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    offsets = np.linspace(-0.28, 0.28, len(attacks)) if len(attacks) > 1 else [0.0]
    places = {pair: place for place, pair in enumerate(pairs)}
    for axes, metric in zip(grid[0], metrics, strict=True):
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.hlines(
            np.arange(1, len(pairs)) - 0.5, 0, 1, style.RULE, linewidth=0.8, transform=axes.get_yaxis_transform()
        )
        for k, (attack, offset) in enumerate(zip(attacks, offsets, strict=True)):
            part = table[(table["attack"] == attack) & (table["metric"] == metric)]
            part = part[pairs_of(part).isin(places)]
            rows = [places[pair] + offset for pair in pairs_of(part)]
            errors = np.clip([part["difference"] - part["low"], part["high"] - part["difference"]], 0, None)
            axes.errorbar(part["difference"], rows, xerr=errors, **_mark(k))
        axes.set(title=f"difference in {style.METRIC_LABELS[metric]}", ylim=(len(pairs) - 0.5, -0.5))
        axes.locator_params(axis="x", nbins=4)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    grid[0][0].set_yticks(range(len(pairs)), labels)
    if len(attacks) > 1:
        legend_above(figure, [Line2D([], [], label=attack, **_mark(k)) for k, attack in enumerate(attacks)])
    alt = f"Forest plot of the differences between {len(pairs)} pairs of runs in {len(metrics)} metrics."
    suffix = "" if page == 0 else f"-{page + 1}"
    record = FigureRecord(f"comparison{suffix}", "comparison", "Differences between runs", words, alt)
    return Drawing(record, figure)


def _mark(k: int) -> dict:
    return {
        "linestyle": "none",
        "marker": style.MARKERS[k % len(style.MARKERS)],
        "color": ATTACK_COLOURS[k % len(ATTACK_COLOURS)],
        "markersize": 4.5,
    }


def _name(styles: dict[str, RunStyle], run: str) -> str:
    return style.wrap_label(styles[run].name, 26)
