"""What the study says of the claims C1, C2 and C3, as the tables at the top of the page."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memdyn.report.draw import formatting
from memdyn.report.draw.style import DIFFICULTY_LABELS, RunStyle
from memdyn.report.page.matched import is_known, matched_words
from memdyn.report.page.tables import Cell, Table
from memdyn.report.sections.plane import select_threshold

CLAIMS = {
    "C1": "Data, architecture and optimizer change the rate and the severity at which samples become vulnerable.",
    "C2": "A sample's learning difficulty correlates with its vulnerability.",
    "C3": "The risk of the finally most vulnerable samples is largely determined early in training.",
}
# {bound} is the number that was fixed in the configuration
_RULES = {
    "C1": "Mean advantage of two runs that differ in one factor, at an equal epoch: farther apart than {bound}. "
    "Rate: early in training; severity: at its end.",
    "C2": "Rank correlation of difficulty (models without the sample) with d′, without the noise of few models: above "
    "{bound}, for most difficulties of each run.",
    "C3": "Share of the samples truly most at risk at the end that truly were so early (chance 0, all 1), whatever "
    "noise lets one find of them: above {bound}, in each run.",
}
_NO_PART = {
    "C1": "no two runs that differ in one factor only, and in nothing else",
    "C2": "no run with enough models",
    "C3": "no run with enough models and an early checkpoint",
}
CELLS = ("claim", "part", "cell", "estimate", "low", "high", "bound", "verdict", "why")
NBSP = "\u00a0"  # keeps a number with its sign
_MARKS = {"supported": "✓", "contradicted": "✗", "undecided": "?", "not tested": "–"}


def verdict_cell(verdict: str, more: str = "") -> Cell:
    """The verdict's word with a mark that needs no colour, and what it is about or why."""
    kind = verdict.replace(" ", "-")
    return Cell(f"{_MARKS[verdict]} {verdict} {more}".rstrip(), kind=f"{kind} wrap" if more else kind)


def with_names(text: str, styles: dict[str, RunStyle]) -> str:
    """Text that holds folders of runs, with the names of the runs instead."""
    for run in sorted(styles, key=len, reverse=True):
        text = text.replace(run, styles[run].name)
    text = text.replace(" - ", " − ").replace(": ", ", ").replace("d'", "d′")
    return DIFFICULTY_LABELS.get(text, text)


def claims(
    table: pd.DataFrame, cells: pd.DataFrame, styles: dict[str, RunStyle], beside: Mapping[str, list[str]] | None = None
) -> Table:
    """A row a claim: its verdict, the rule in one phrase, what each part rests on, and what is told beside it."""
    rows = []
    for claim, parts in table.groupby("claim", sort=True):
        mine = cells[cells["claim"] == claim]
        bound = f"{mine['bound'].iloc[0]:g}" if len(mine) else "the bound"
        named = [row for row in parts.itertuples() if row.part]
        basis = [_part_words(row, mine[mine["part"] == row.part], styles) for row in named] or [_NO_PART[claim]]
        rows.append(
            [
                Cell(f"{claim}  {CLAIMS[claim]}", kind="wrap"),
                verdict_cell(parts["verdict"].iloc[0], with_names(parts["scope"].iloc[0], styles)),
                Cell(_RULES[claim].format(bound=bound), kind="wrap"),
                Cell("\n".join([*basis, *(beside or {}).get(claim, [])]), kind="wrap wide"),
            ]
        )
    caption = (
        "What this study says of the three claims, by rules that were fixed before any result (docs/claims.md). "
        "The intervals of a claim hold jointly. Undecided: the interval holds values on both sides of the bound. A "
        "claim is supported where all its tested parts are, contradicted where any is. Lines with a dot are beside the "
        "rules: they judge nothing."
    )
    return Table(caption, ["claim", "verdict", "rule", "rests on"], rows, head=4)


def equally_far(differences: pd.DataFrame, styles: dict[str, RunStyle], threshold: str) -> list[str]:
    """C1's difference where two runs that differ in one factor had the same test accuracy; it judges nothing."""
    table = differences[(differences["metric"] == "advantage") & (differences["factor"] != "")]
    table = table[(table["matched_by"] == "accuracy_test") & is_known(table) & table["low"].notna()]
    table = select_threshold(table, threshold) if len(table) else table
    best = table.loc[table.groupby(["run_a", "run_b", "attack"], sort=False)["at"].idxmax()]
    rows = [(styles[row["run_a"]].name, styles[row["run_b"]].name, row) for row in best.to_dict("records")]
    return [f"· {row['factor']}, {one} against {other}: {matched_words(row, one)}" for one, other, row in rows]


def _part_words(row: tuple, cells: pd.DataFrame, styles: dict[str, RunStyle]) -> str:
    """`optimizer: rate – supported: cnn-sgd - cnn-sam, lira, epoch 6: +0.082 [0.047, 0.117]`, of the telling cell."""
    words = f"{_MARKS[row.part_verdict]} {with_names(row.part, styles)}: {row.part_verdict}"
    agree = cells[cells["verdict"] == row.part_verdict]
    told = agree if len(agree) else cells
    if not len(told):
        return words
    best = told.loc[told["estimate"].abs().fillna(-1).idxmax()]
    number = formatting.signed_interval(best["estimate"], best["low"], best["high"])
    many = f"{len(agree)} of {len(cells)}, e.g. " if len(cells) > 1 else ""
    why = f"; {with_names(best['why'], styles)}" if best["why"] else ""
    return f"{words} ({many}{with_names(best['cell'], styles)}: {number}{why})"


def claim_cells(cells: pd.DataFrame, styles: dict[str, RunStyle]) -> Table:
    """Every number that the verdicts rest on."""
    rows = [
        [
            Cell(row.claim),
            Cell(with_names(row.part, styles)),
            Cell(with_names(row.cell, styles)),
            Cell(formatting.signed_interval(row.estimate, row.low, row.high)),
            Cell(f"{row.bound:g}"),
            verdict_cell(row.verdict, f"({with_names(row.why, styles)})" if row.why else ""),
        ]
        for row in cells.itertuples()
    ]
    caption = "Every number that the verdicts rest on, with intervals that hold jointly over the cells of a claim."
    return Table(caption, ["claim", "part", "what is compared", "estimate", "bound", "verdict"], rows, head=3)


def findings(table: pd.DataFrame, styles: dict[str, RunStyle]) -> list[str]:
    """The sentences on early determination, a run and target each."""
    targets = {"top": "samples with the largest d′", "hv": "highly vulnerable zone"}
    several = table["attack"].nunique() > 1
    ordered = [(run, row) for run in styles for row in table[table["run"] == run].itertuples()]
    return [
        f"{styles[run].name}{f', {row.attack}' if several else ''} ({targets.get(row.target, row.target)}): "
        f"{row.sentence.replace('%', f'{NBSP}%')}{_chance(row)}."
        for run, row in ordered
    ]


def _chance(row: Any) -> str:
    """Empty where nothing was to be found."""
    return f"; chance {formatting.percent(row.chance, 0).replace(' ', NBSP)}" if np.isfinite(row.recall) else ""
