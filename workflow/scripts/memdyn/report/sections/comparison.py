"""Comparison of runs: differences at the last common epoch, and where both are equally far trained."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memdyn.report.compared import (
    CLOCKS,
    epochs,
    is_known,
    last_differences,
    pairs_of,
    place_words,
    shown_pairs,
)
from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels, shape_for
from memdyn.report.page.tables import Cell, Table, difference_cell, excludes_zero, interval, run_cell, text_cells
from memdyn.report.rows import failures, select_threshold
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import METRIC_DIGITS, METRIC_LABELS, METRICS, level_words, threshold_words

_COMPARISON = """
    Differences between runs at the last checkpoint that both have: first run minus second, so a mark to the right
    says that the first one leaks more. Bars are {level} jackknife intervals of the difference itself: runs share
    samples, memberships and seeds, so they are paired. Each interval holds by itself: among many, some miss 0 by
    chance. Runs differ in how far they have fitted, too; see their accuracies. {omitted}"""
_FACTORS = """
    Differences between runs, first minus second, of {attack}, rates at {threshold}: at the last common epoch
    (circles), where both had the same test accuracy (squares), and where both had the same generalisation gap
    (triangles), each at the largest value at which the figure is known of both; recall above chance without noise
    at the last early checkpoint of both only. Squared speed (the mean over samples with counting noise removed, in
    (points per epoch)²) and inflow to the highly vulnerable zone are of a step between checkpoints: circles are of
    the last step that both have, the others lie between middles of steps, and only where the steps of both are
    equally long. Bars are {level} jackknife intervals of the difference (hollow: too few models for one). Runs on
    one pool are paired, and compared on these samples; between pools circles hold the choice of samples too (of
    AUC, TPR, mean advantage and recall). {omitted} Bars may run out of the frame. A difference that vanishes where
    the runs are equally far trained is one of training length rather than of the factor."""

_FACTOR_LABELS = METRIC_LABELS | {
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
_MATCHED = {"epoch": "last common epoch"} | {clock: f"equal {words}" for clock, words in CLOCKS.items()}
_ATTACK_COLOURS = ("#222222", "#7a7a7a", "#b0a089", "#4d7f94")
_PAIRS, _FACTOR_PAIRS = 12, 6  # of a figure
_WIDE = 4.0  # times the median interval


def draw_comparison(study: Study) -> Iterator[Drawing]:
    """Difference of each metric between two runs with its interval; a panel a metric, a mark an attack."""
    table, omitted = shown_pairs(last_differences(study.tables["differences"]))
    metrics = [metric for metric in METRICS if metric in set(table.loc[table["difference"].notna(), "metric"])]
    for page, pairs in pages(dict.fromkeys(pairs_of(table)), _PAIRS) if metrics else ():
        yield drawn(
            _differences(table, pairs, metrics, study.styles),
            "comparison",
            "Differences between runs",
            f"Forest plot of the differences between {len(pairs)} pairs of runs in {len(metrics)} metrics.",
            page=page,
            level=level_words(table),
            omitted=omitted,
        )


def _differences(
    table: pd.DataFrame, pairs: list[tuple[str, str]], metrics: list[str], styles: dict[str, style.RunStyle]
) -> Figure:
    attacks = list(table["attack"].unique())
    labels, lines = _pair_labels(pairs, styles)
    height = max(0.17 * lines, 0.16 * len(attacks)) * len(pairs)
    figure, grid = panels(1, len(metrics), height + 1.25, sharex=False)
    offsets = np.linspace(-0.28, 0.28, len(attacks)) if len(attacks) > 1 else [0.0]
    between = np.arange(1, len(pairs)) - 0.5
    for axes, metric in zip(grid[0], metrics, strict=True):
        _frame(axes, f"difference in {METRIC_LABELS[metric]}", len(pairs))
        axes.hlines(between, 0, 1, style.RULE, linewidth=0.8, transform=axes.get_yaxis_transform())
        for k, (attack, offset) in enumerate(zip(attacks, offsets, strict=True)):
            part, rows, errors = _placed(
                table[(table["attack"] == attack) & (table["metric"] == metric)], pairs, offset
            )
            axes.errorbar(part["difference"], rows, xerr=errors, **_attack_mark(k))
        axes.locator_params(axis="x", nbins=4)
    grid[0][0].set_yticks(range(len(pairs)), labels)
    if len(attacks) > 1:
        legend_above(figure, [style.handle(attack, **_attack_mark(k)) for k, attack in enumerate(attacks)])
    return figure


def _pair_labels(pairs: list[tuple[str, str]], styles: dict[str, style.RunStyle]) -> tuple[list[str], int]:
    """A label a pair, and the lines of the longest one."""
    names = [[style.wrap_label(styles[run].name, 26) for run in pair] for pair in pairs]
    labels = [f"{first}\n− {second}" for first, second in names]
    return labels, max(label.count("\n") + 1 for label in labels)


def _placed(
    table: pd.DataFrame, pairs: list[tuple[str, str]], offset: float
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The rows of these pairs, where they are drawn (the first pair at 0), and their error bars."""
    places = {pair: place for place, pair in enumerate(pairs)}
    table = table[pairs_of(table).isin(places)]
    rows = np.array([places[pair] + offset for pair in pairs_of(table)])
    return table, rows, bars(table["difference"], table["low"], table["high"])


def _frame(axes: Axes, title: str, pairs: int) -> None:
    axes.axvline(0, color=style.INK, linewidth=0.8)
    axes.set(title=title, ylim=(pairs - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _attack_mark(k: int) -> dict:
    return {
        "linestyle": "none",
        "marker": style.MARKERS[k % len(style.MARKERS)],
        "color": _ATTACK_COLOURS[k % len(_ATTACK_COLOURS)],
        "markersize": 4.5,
    }


def tabulate_differences(study: Study) -> Table:
    """Differences between runs with their intervals, at the last checkpoint that both have."""
    last, omitted = shown_pairs(last_differences(study.tables["differences"]))
    metrics = [metric for metric in METRICS if metric in set(last["metric"])]
    rows = []
    for (first, second, attack), part in last.groupby(["run_a", "run_b", "attack"], sort=False):
        by_metric = part.set_index("metric")
        cells = [difference_cell(by_metric.loc[metric], METRIC_DIGITS[metric]) for metric in metrics]
        rows.append([*_pair_cells(study, first, second), *text_cells(attack), *cells])
    caption = (
        "Differences at the last checkpoint that both runs have, first minus second, with "
        f"{level_words(last)} intervals; bold where the interval excludes 0. {omitted}"
    )
    columns = ["first run", "second run", "attack", *(METRIC_LABELS[metric] for metric in metrics)]
    return Table(caption, columns, rows, head=3)


def _pair_cells(study: Study, *pair: str) -> list[Cell]:
    return [run_cell(study.styles[run]) for run in pair]


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


def draw_factors(study: Study) -> Iterator[Drawing]:
    """A panel a figure, a row a pair of runs, a mark a way of matching."""
    chosen, omitted = shown_pairs(study.tables["factor_differences"])
    shown = factor_rows(chosen, study.options.threshold, early_epochs(study.tables))
    for attack, table in shown.groupby("attack", sort=False):
        metrics = [metric for metric in _FACTOR_LABELS if metric in set(table["metric"])]
        thresholds = [threshold for threshold in table["threshold"].unique() if threshold]
        for page, pairs in pages(dict.fromkeys(pairs_of(table)), _FACTOR_PAIRS):
            yield drawn(
                _matched(table, pairs, metrics, study.styles),
                "factors",
                "Differences, equally long and equally far trained",
                f"Forest plots of differences between {len(pairs)} pairs of runs in {len(metrics)} figures.",
                attack=attack,
                page=page,
                threshold=threshold_words(thresholds[0], attack) if thresholds else "its threshold",
                level=level_words(table),
                omitted=omitted,
            )


def _matched(
    table: pd.DataFrame, pairs: list[tuple[str, str]], metrics: list[str], styles: dict[str, style.RunStyle]
) -> Figure:
    rows, columns = shape_for(len(metrics), most=3)
    labels, lines = _pair_labels(pairs, styles)
    height = max(0.42, 0.15 * lines) * len(pairs) + 0.65
    figure, grid = panels(rows, columns, rows * height + 0.4, sharex=False)
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        _frame(axes, _FACTOR_LABELS[metric], len(pairs))
        _draw_matched(axes, table[table["metric"] == metric], pairs)
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(pairs)), labels, fontsize=6.8)
    drawn_ = set(table["matched_by"])
    marks = [
        style.handle(label, linestyle="none", color=colour, marker=marker)
        for name, (label, colour, marker) in _MATCHINGS.items()
        if name in drawn_
    ]
    legend_above(figure, marks)
    return figure


def _draw_matched(axes: Axes, table: pd.DataFrame, pairs: list[tuple[str, str]]) -> None:
    for offset, (matching, (_, colour, marker)) in zip((-0.25, 0, 0.25), _MATCHINGS.items(), strict=True):
        part, rows, errors = _placed(table[table["matched_by"] == matching], pairs, offset)
        mark = {"linestyle": "none", "color": colour, "marker": marker, "markersize": 4}
        axes.plot(part["difference"], rows, **mark, markerfacecolor="white")  # stays hollow without an interval
        known = np.isfinite(errors).all(axis=0)
        axes.errorbar(part["difference"][known], rows[known], xerr=errors[:, known], elinewidth=1, **mark)
    axes.set_xlim(*_range(table))
    axes.locator_params(axis="x", nbins=4)


def _range(table: pd.DataFrame) -> tuple[float, float]:
    """Range of the estimates, of 0, and of the intervals but those far wider than most, which run out of the frame."""
    half = (table["high"] - table["low"]) / 2
    usual = table[half <= _WIDE * half.median()]
    ends = np.array([0.0, *table["difference"], *usual["low"], *usual["high"]])
    margin = 0.06 * max(np.ptp(ends), 1e-9)
    return ends.min() - margin, ends.max() + margin


def tabulate_factors(study: Study) -> Table:
    """The numbers of the forest plot: a row a pair of runs and figure, a column a way of matching."""
    table = study.tables["factor_differences"]
    chosen, omitted = shown_pairs(table)
    shown = factor_rows(chosen, study.options.threshold, early_epochs(study.tables))
    matchings = [matched for matched in _MATCHED if matched in set(shown["matched_by"])]
    rows = []
    for (first, second, attack), pair in shown.groupby(["run_a", "run_b", "attack"], sort=False):
        for metric, title in _FACTOR_LABELS.items():
            found = {row["matched_by"]: row for _, row in pair[pair["metric"] == metric].iterrows()}
            if found:
                names = [*text_cells(attack), Cell(title.replace("\n", " "), kind="wrap")]
                cells = [_matched_cell(found.get(matched)) for matched in matchings]
                rows.append([*_pair_cells(study, first, second), *names, *cells])
    caption = (
        "Differences of the analysed attack, first run minus second, at the last epoch that both have and at the "
        "largest test accuracy and generalisation gap at which the figure is known of both, with "
        f"{level_words(table)} intervals; bold where the interval excludes 0. Recall above chance is "
        "that without noise, at the last early checkpoint of both. Squared speed (the mean over samples with counting "
        "noise removed, in (points per epoch)²) and inflow are of a step between checkpoints: by epoch, of the last "
        f"step that both have; else only where the steps of both are equally long. {omitted}"
    )
    columns = ["first run", "second run", "attack", "figure", *(_MATCHED[matched] for matched in matchings)]
    return Table(caption, columns, rows, head=4)


def _matched_cell(row: pd.Series | None) -> Cell:
    """A difference; where runs are matched by a clock, its value and the epochs of both below it."""
    if row is None:
        return Cell(formatting.MISSING)
    text = interval(row, "difference", formatting.signed_interval)
    place = f"\n{place_words(row)}" if row["matched_by"] in CLOCKS else ""
    return Cell(f"{text}{place}", kind="lines strong" if excludes_zero(row) else "lines")


def tabulate_equal_accuracy(study: Study) -> Table:
    """Differences of attacks at several test accuracies that both runs reached, with the epochs of both."""
    table = study.tables["factor_differences"]
    chosen, omitted = shown_pairs(table[(table["matched_by"] == "accuracy_test") & table["metric"].isin(METRICS)])
    chosen = chosen[chosen["at"].notna()]
    chosen = chosen.assign(known=is_known(chosen))
    rows = []
    for (attack, first, second, at), point in chosen.groupby(["attack", "run_a", "run_b", "at"], sort=False):
        found = {row["metric"]: row for _, row in point.iterrows()}
        names = text_cells(attack, f"{at:.3f}", epochs(point.iloc[0]))
        rows.append([*_pair_cells(study, first, second), *names, *(_known_cell(found.get(name)) for name in METRICS)])
    caption = (
        "Differences where both runs first had the same test accuracy, first run minus second, with "
        f"{level_words(table)} intervals that hold the matching; bold where the interval excludes 0. The "
        "accuracies are near the best that both reached: the highest is the last one that both surely passed at a "
        "known epoch, since on a plateau a value is reached early or late by chance. Epochs: of the first run, then of "
        f"the second. {omitted}"
    )
    columns = ["first run", "second run", "attack", "test accuracy", "epochs"]
    return Table(caption, [*columns, *(METRIC_LABELS[metric] for metric in METRICS)], rows, head=3)


def _known_cell(row: pd.Series | None) -> Cell:
    if row is None:
        return Cell(formatting.MISSING)
    return difference_cell(row) if row["known"] else Cell("not determined")


def tell_left_out(study: Study) -> list[str]:
    """Which runs cannot be compared, since they failed; with a single other run nothing can."""
    lost, names = failures(study.tables), {run: one.name for run, one in study.styles.items()}
    if not lost:
        return []
    others = [name for run, name in names.items() if run not in lost]
    words = f"Left out, since failed (table of runs): {', '.join(names[run] for run in lost)}."
    if len(others) > 1:
        return [words]
    return [f"{words} So nothing is compared: {f'only {others[0]} has numbers' if others else 'no run has numbers'}."]


SECTION = Section(
    "comparison",
    title="Comparison of runs",
    figures=(
        Part(draw_comparison, needs=("differences",)),
        Part(draw_factors, needs=("factor_differences",)),
    ),
    captions={"comparison": _COMPARISON, "factors": _FACTORS},
    tables=(
        Part(tabulate_differences, needs=("differences",)),
        Part(tabulate_equal_accuracy, needs=("factor_differences",)),
        Part(tabulate_factors, needs=("factor_differences",)),
    ),
    sentences=(Part(tell_left_out, needs=("runs",)),),
)
