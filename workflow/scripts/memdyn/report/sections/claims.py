"""What the study says of the claims C1, C2 and C3, and of early determination in sentences."""

from typing import Any

import numpy as np
import pandas as pd

from memdyn.report.compared import is_known, matched_words
from memdyn.report.draw import formatting, style
from memdyn.report.page.tables import Cell, Table, text_cells
from memdyn.report.rows import select_threshold
from memdyn.report.section import Part, Section, Study
from memdyn.report.words import DIFFICULTY_LABELS

_CLAIMS = {
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
_CELLS = ("claim", "part", "cell", "estimate", "low", "high", "bound", "verdict", "why")
_NBSP = "\u00a0"  # keeps a number with its sign
_MARKS = {"supported": "✓", "contradicted": "✗", "undecided": "?", "not tested": "–"}


def _verdict_cell(verdict: str, more: str = "") -> Cell:
    """The verdict's word with a mark that needs no colour, and what it is about or why."""
    kind = verdict.replace(" ", "-")
    return Cell(f"{_MARKS[verdict]} {verdict} {more}".rstrip(), kind=f"{kind} wrap" if more else kind)


def _with_names(text: str, styles: dict[str, style.RunStyle]) -> str:
    """Text that holds names of runs, with these as they are shown."""
    for run in sorted(styles, key=len, reverse=True):
        text = text.replace(run, styles[run].name)
    text = text.replace(" - ", " − ").replace(": ", ", ").replace("d'", "d′")
    return DIFFICULTY_LABELS.get(text, text)


def tabulate_claims(study: Study) -> Table:
    """A row a claim: its verdict, the rule in one phrase, what each part rests on, and what is told beside it."""
    styles, cells = study.styles, study.tables.get("claim_cells", pd.DataFrame(columns=list(_CELLS)))
    beside = {"C1": equally_far(study)}
    rows = []
    for claim, parts in study.tables["claims"].groupby("claim", sort=True):
        mine = cells[cells["claim"] == claim]
        bound = f"{mine['bound'].iloc[0]:g}" if len(mine) else "the bound"
        named = [row for row in parts.itertuples() if row.part]
        basis = [_part_words(row, mine[mine["part"] == row.part], styles) for row in named] or [_NO_PART[claim]]
        rows.append(
            [
                Cell(f"{claim}  {_CLAIMS[claim]}", kind="wrap"),
                _verdict_cell(parts["verdict"].iloc[0], _with_names(parts["scope"].iloc[0], styles)),
                Cell(_RULES[claim].format(bound=bound), kind="wrap"),
                Cell("\n".join([*basis, *beside.get(claim, [])]), kind="wrap wide"),
            ]
        )
    caption = (
        "What this study says of the three claims, by rules that were fixed before any result (docs/claims.md). "
        "The intervals of a claim hold jointly. Undecided: the interval holds values on both sides of the bound. A "
        "claim is supported where all its tested parts are, contradicted where any is. Lines with a dot are beside the "
        "rules: they judge nothing."
    )
    return Table(caption, ["claim", "verdict", "rule", "rests on"], rows, head=4)


def equally_far(study: Study) -> list[str]:
    """C1's difference where two runs that differ in one factor had the same test accuracy; it judges nothing."""
    if "factor_differences" not in study.tables:
        return []
    table, styles = study.tables["factor_differences"], study.styles
    table = table[(table["metric"] == "advantage") & (table["factor"] != "")]
    table = table[(table["matched_by"] == "accuracy_test") & is_known(table) & table["low"].notna()]
    table = select_threshold(table, study.options.threshold) if len(table) else table
    best = table.loc[table.groupby(["run_a", "run_b", "attack"], sort=False)["at"].idxmax()]
    rows = [(styles[row["run_a"]].name, styles[row["run_b"]].name, row) for row in best.to_dict("records")]
    return [f"· {row['factor']}, {one} against {other}: {matched_words(row, one)}" for one, other, row in rows]


def _part_words(row: tuple, cells: pd.DataFrame, styles: dict[str, style.RunStyle]) -> str:
    """`optimizer: rate – supported: cnn-sgd - cnn-sam, lira, epoch 6: +0.082 [0.047, 0.117]`, of the telling cell."""
    words = f"{_MARKS[row.part_verdict]} {_with_names(row.part, styles)}: {row.part_verdict}"
    agree = cells[cells["verdict"] == row.part_verdict]
    told = agree if len(agree) else cells
    if not len(told):
        return words
    best = told.loc[told["estimate"].abs().fillna(-1).idxmax()]
    number = formatting.signed_interval(best["estimate"], best["low"], best["high"])
    many = f"{len(agree)} of {len(cells)}, e.g. " if len(cells) > 1 else ""
    why = f"; {_with_names(best['why'], styles)}" if best["why"] else ""
    return f"{words} ({many}{_with_names(best['cell'], styles)}: {number}{why})"


def tabulate_claim_cells(study: Study) -> Table:
    """Every number that the verdicts rest on."""
    styles, rows = study.styles, []
    for row in study.tables["claim_cells"].itertuples():
        names = text_cells(row.claim, _with_names(row.part, styles), _with_names(row.cell, styles))
        numbers = text_cells(formatting.signed_interval(row.estimate, row.low, row.high), f"{row.bound:g}")
        verdict = _verdict_cell(row.verdict, f"({_with_names(row.why, styles)})" if row.why else "")
        rows.append([*names, *numbers, verdict])
    caption = "Every number that the verdicts rest on, with intervals that hold jointly over the cells of a claim."
    columns = ["claim", "part", "what is compared", "estimate", "bound", "verdict"]
    return Table(caption, columns, rows, head=3, folded="Every number behind the verdicts")


def sentences(study: Study) -> list[str]:
    """On early determination, a run and target each."""
    table, styles = study.tables["findings"], study.styles
    targets = {"top": "samples with the largest d′", "hv": "highly vulnerable zone"}
    several = table["attack"].nunique() > 1
    ordered = [(run, row) for run in styles for row in table[table["run"] == run].itertuples()]
    return [
        f"{styles[run].name}{f', {row.attack}' if several else ''} ({targets.get(row.target, row.target)}): "
        f"{row.sentence.replace('%', f'{_NBSP}%')}{_chance(row)}."
        for run, row in ordered
    ]


def _chance(row: Any) -> str:
    """Empty where nothing was to be found."""
    return f"; chance {formatting.percent(row.chance, 0).replace(' ', _NBSP)}" if np.isfinite(row.recall) else ""


SECTION = Section(
    "claims",
    title="Claims",
    tables=(Part(tabulate_claims, needs=("claims",)), Part(tabulate_claim_cells, needs=("claims", "claim_cells"))),
    sentences=(Part(sentences, needs=("findings",)),),
)
