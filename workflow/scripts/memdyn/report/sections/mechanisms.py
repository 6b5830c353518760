"""Mechanisms against the baseline: verdicts in words, and what each changes where the two are compared fairly."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memdyn.report.draw import formatting, style
from memdyn.report.draw.curves import bars
from memdyn.report.draw.drawing import Drawing, drawn
from memdyn.report.draw.layout import legend_above, pages, panels
from memdyn.report.mechanisms import (
    ACCURACY,
    BEST,
    BY_ATTACK,
    BY_DISTANCE,
    COMPARISONS,
    CONTRADICTED,
    FAILED,
    HEADLINES,
    NOT_TESTED,
    RELEASED,
    SUPPORTED,
    headline,
    mechanisms_by_run,
    run_label,
)
from memdyn.report.page.tables import Cell, Table, difference_cell, run_cell, text_cells
from memdyn.report.rows import runs_in
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import METRIC_DIGITS, METRIC_LABELS, METRICS, level_words

_FOREST = """
    What each mechanism changes: run minus its baseline, with {level} jackknife intervals of the difference itself,
    since both share samples, memberships and seeds. Left of the line is less. Four comparisons: each run at its last
    checkpoint; at the last epoch that both have; where both first had the same training loss (cross-entropy of the
    members in eval mode), and the same test accuracy. A fall of the leak that vanishes at equal training loss or
    accuracy is one of less training. Comparisons that are missing have no such place; each interval holds by itself."""

_MARKS = {
    RELEASED: ("#222222", "o"),
    "equal_epoch": ("#7a7a7a", "D"),
    "equal_training_loss": ("#0072B2", "^"),
    "equal_accuracy": ("#D55E00", "s"),
}
_RUNS = 10  # of a figure
_CLAIMS = {
    ("R1", ""): "R1 lowers the leak",
    ("R2", ""): "R2 raises it",
    ("R3", ""): "R3 beats its parts",
    ("R4", BY_ATTACK): "R4 false sense, by attack",
    ("R4", BY_DISTANCE): "R4 by distance",
}
_SIGNS = {SUPPORTED: "✓", CONTRADICTED: "✗", "undecided": "?", NOT_TESTED: "–"}


def verdict_sentences(study: Study) -> list[str]:
    """The verdicts in words, a sentence a run."""
    table = study.tables["regularization_verdicts"]
    return [_sentence(study.styles[run].name, table[table["run"] == run]) for run in runs_in(table, study.styles)]


def _sentence(name: str, table: pd.DataFrame) -> str:
    rows = {(row["claim"], row["by"] or ""): row for row in table.fillna({"by": "", "reason": ""}).to_dict("records")}
    first = rows["R1", ""]
    if first["status"] == FAILED:
        return f"{name} cannot be compared: {first['reason'] or 'it failed'}."
    words = [_leak_words(first, rows["R2", ""])]
    cost = [first[f"accuracy_{end}"] for end in ("difference", "low", "high")]
    if np.isfinite(cost[0]):
        words.append(f"test accuracy {formatting.signed_interval(*cost)}")
    combination = rows.get(("R3", ""))
    if combination and combination["verdict"] in (SUPPORTED, CONTRADICTED):
        words.append(
            "it leaks less than each of its parts" if combination["verdict"] == SUPPORTED else "a part leaks no more"
        )
    words += [_false_sense(rows[key]) for key in (("R4", BY_ATTACK), ("R4", BY_DISTANCE)) if key in rows]
    mechanism = "" if first["mechanism"] == name else f" ({first['mechanism']})"
    return f"{name}{mechanism}: {'; '.join(filter(None, words))}."


def _leak_words(lowers: dict, raises: dict) -> str:
    number = formatting.signed_interval(*(lowers[end] for end in ("estimate", "low", "high")))
    words = {
        (SUPPORTED, CONTRADICTED): "lowers the leak",
        (CONTRADICTED, SUPPORTED): "raises the leak",
        (CONTRADICTED, CONTRADICTED): "changes the leak by less than what counts",
        (CONTRADICTED, "undecided"): "does not lower the leak, and may raise it",
        ("undecided", CONTRADICTED): "does not raise the leak, and may lower it",
        (NOT_TESTED, NOT_TESTED): "its leak could not be compared",
    }.get((lowers["verdict"], raises["verdict"]), "whether it lowers or raises the leak is undecided")
    return f"{words} (AUC of the best strong attack {number})"


def _false_sense(row: dict) -> str:
    if row["verdict"] != SUPPORTED:
        return ""
    ends = [row[end] for end in ("estimate", "low", "high")]
    if row["by"] == BY_ATTACK:
        number = formatting.signed_interval(*ends)
        return f"a false sense of privacy: the advantage of a weak attack falls ({number}), the best AUC does not"
    number = formatting.interval(*ends)
    return f"a false sense of privacy: attacks are at chance, the level distance is not (matched AUC {number})"


def tabulate_verdicts(study: Study) -> Table:
    """A row a run, a column a claim."""
    table = study.tables["regularization_verdicts"].fillna({"by": "", "reason": ""})
    found = {(row["run"], row["claim"], row["by"]): row for row in table.to_dict("records")}
    claims = [key for key in _CLAIMS if any(key == place[1:] for place in found)]
    rows = []
    for run in runs_in(table, study.styles):
        first = found[run, "R1", ""]
        numbers = [("estimate", "low", "high"), ("accuracy_difference", "accuracy_low", "accuracy_high")]
        cells = [Cell(formatting.signed_interval(*(first[end] for end in ends))) for ends in numbers]
        verdicts = [_verdict_cell(found.get((run, *key))) for key in claims]
        rows.append([run_cell(study.styles[run]), Cell(first["mechanism"], kind="wrap"), *verdicts, *cells])
    caption = (
        "What this study says of each mechanism, by rules that were fixed before any result (docs/claims.md). Leak: "
        "AUC of the best strong attack at the last checkpoint, minus the baseline's; its intervals hold jointly over "
        "the runs. Undecided: the interval holds values on both sides of what counts. The test accuracy beside it, "
        "with an interval of its own, is what it costs. A dash: not tested, or no combination."
    )
    columns = ["run", "mechanism", *(_CLAIMS[key] for key in claims), "leak", "test accuracy"]
    return Table(caption, columns, rows, head=2)


def _verdict_cell(row: dict | None) -> Cell:
    if row is None:
        return Cell(formatting.MISSING)
    return Cell(f"{_SIGNS[row['verdict']]} {row['verdict']}", kind=row["verdict"].replace(" ", "-"))


def tabulate_mechanisms(study: Study) -> Table:
    """A row a run and comparison, a column a headline."""
    table, rows = study.tables["mechanisms"].fillna({"reason": ""}), []
    for run in runs_in(table, study.styles):
        own = table[table["run"] == run]
        for comparison, words in COMPARISONS.items():
            part = own[own["comparison"] == comparison]
            names = [run_cell(study.styles[run]), Cell(own["mechanism"].iloc[0], kind="wrap"), Cell(words)]
            cells = [_difference(headline(part, *key)) for key in HEADLINES]
            rows.append([*names, Cell(_place(part), kind="wrap"), *cells])
    caption = (
        "What each mechanism changes: run minus baseline, with paired "
        f"{level_words(table)} intervals, each by itself; bold where it excludes 0. Epochs: of the run, then of the "
        "baseline, where both are compared; between checkpoints they are interpolated."
    )
    columns = ["run", "mechanism", "compared", "epochs", *HEADLINES.values()]
    return Table(caption, columns, rows, head=4)


def _place(part: pd.DataFrame) -> str:
    known = part[part["epoch"].notna()]
    if not len(known):
        return ", ".join(filter(None, part[["status", "reason"]].iloc[0])) if len(part) else formatting.MISSING
    return f"{known['epoch'].iloc[0]:.3g}, {known['baseline_epoch'].iloc[0]:.3g}"


def _difference(rows: pd.DataFrame, digits: int = 3) -> Cell:
    return difference_cell(rows.iloc[0], digits) if len(rows) else Cell(formatting.MISSING)


def tabulate_attacks(study: Study) -> Table:
    """A row a run, comparison and attack, a column a metric."""
    table, rows = study.tables["mechanisms"], []
    table = table[table["metric"].isin(METRICS) & (table["attack"] != BEST)]
    metrics = [metric for metric in METRICS if metric in set(table["metric"])]
    for run in runs_in(table, study.styles):
        for (comparison, attack), part in table[table["run"] == run].groupby(["comparison", "attack"], sort=False):
            cells = [_difference(headline(part, attack, metric), METRIC_DIGITS[metric]) for metric in metrics]
            names = text_cells(COMPARISONS[comparison], attack)
            rows.append([run_cell(study.styles[run]), *names, *cells])
    caption = f"The same for every attack, with paired {level_words(table)} intervals; bold where they exclude 0."
    columns = ["run", "compared", "attack", *(METRIC_LABELS[metric] for metric in metrics)]
    return Table(caption, columns, rows, head=3, folded="Every attack's differences to the baseline")


def draw_forest(study: Study) -> Iterator[Drawing]:
    """A panel a headline, a row a run, a mark a comparison."""
    table = study.tables["mechanisms"]
    table = table[table["difference"].notna()]
    keys = [key for key in HEADLINES if len(headline(table, *key))]
    if not keys:
        return
    for page, runs in pages(runs_in(table, study.styles), _RUNS):
        yield drawn(
            _forest(table, runs, keys, study.styles),
            "forest",
            "What each mechanism changes",
            f"Forest plot of the differences of {len(runs)} runs to their baseline, {len(keys)} panels.",
            page=page,
            level=level_words(table),
        )


def _forest(
    table: pd.DataFrame, runs: list[str], keys: list[tuple[str, str]], styles: dict[str, style.RunStyle]
) -> Figure:
    labels = [run_label(run, mechanisms_by_run(table), styles, 24) for run in runs]
    lines = max(label.count("\n") + 1 for label in labels)
    figure, grid = panels(1, len(keys), max(0.17 * lines, 0.4) * len(runs) + 1.2, sharex=False)
    offsets = dict(zip(_MARKS, np.linspace(-0.27, 0.27, len(_MARKS)), strict=True))
    for axes, key in zip(grid[0], keys, strict=True):
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.set(title=_two_lines(HEADLINES[key]), ylim=(len(runs) - 0.5, -0.5))
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        between = np.arange(1, len(runs)) - 0.5
        axes.hlines(between, 0, 1, style.RULE, linewidth=0.8, transform=axes.get_yaxis_transform())
        rows = headline(table, *key)
        for comparison, mark in _MARKS.items():
            part = rows[(rows["comparison"] == comparison) & rows["run"].isin(runs)]
            if key == ("", ACCURACY) and comparison == "equal_accuracy":
                continue  # 0 by construction
            places = [runs.index(run) + offsets[comparison] for run in part["run"]]
            errors = bars(part["difference"], part["low"], part["high"])
            axes.errorbar(part["difference"], places, xerr=errors, elinewidth=1, **_mark(*mark))
        axes.locator_params(axis="x", nbins=3)
    grid[0][0].set_yticks(range(len(runs)), labels)
    legend_above(figure, [style.handle(COMPARISONS[name], **_mark(*mark)) for name, mark in _MARKS.items()])
    return figure


def _two_lines(title: str) -> str:
    """`AUC,`, `best strong attack`: titles of narrow panels."""
    return (
        title.replace(", ", ",\n").replace("advantage of", "advantage\nof").replace("test accuracy", "test\naccuracy")
    )


def _mark(colour: str, marker: str) -> dict:
    return {"linestyle": "none", "marker": marker, "color": colour, "markersize": 4}


SECTION = Section(
    "mechanisms",
    title="Mechanisms against the baseline",
    figures=(Part(draw_forest, needs=("mechanisms",)),),
    captions={"forest": _FOREST},
    tables=(
        Part(tabulate_verdicts, needs=("regularization_verdicts",)),
        Part(tabulate_mechanisms, needs=("mechanisms",)),
        Part(tabulate_attacks, needs=("mechanisms",)),
    ),
    sentences=(Part(verdict_sentences, needs=("regularization_verdicts",)),),
)
