"""Tables of the page: formatted text, which the template only prints."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pandas as pd

from memdyn.report.draw import formatting
from memdyn.report.draw.style import RunStyle
from memdyn.report.draw.text import width

_LONG_NAME = 24  # letters


@dataclass(frozen=True)
class Cell:
    """One cell: text, a run's colour as a swatch before it, a CSS class (passed, strong, wrap, a verdict, ...)."""

    text: str
    colour: str | None = None
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A caption, column titles, and rows of cells; the first `head` columns name the row, the others hold numbers.

    folded: what is shown in place of the whole table until it is opened; empty where it is open.
    """

    caption: str
    columns: list[str]
    rows: list[list[Cell]] = field(default_factory=list)
    head: int = 1
    folded: str = ""


def without_one_attack(table: Table) -> Table:
    """A table of one attack without the column that says so in every row."""
    if "attack" not in table.columns or not table.rows:
        return table
    place = table.columns.index("attack")
    attacks = {row[place].text for row in table.rows} - {formatting.MISSING}  # of runs that failed there is none
    if len(attacks) != 1:
        return table
    rows = [row[:place] + row[place + 1 :] for row in table.rows]
    columns = table.columns[:place] + table.columns[place + 1 :]
    head = table.head - (place < table.head)
    return replace(table, caption=f"{table.caption} Attack: {attacks.pop()}.", columns=columns, rows=rows, head=head)


def run_cell(style: RunStyle, failed: bool = False) -> Cell:
    """A run's name with its colour, and whether its null control failed; a long one may be broken."""
    kind = "long" if width(style.name) > _LONG_NAME else ""
    if failed:
        return Cell(f"{style.name} (null failed)", style.colour, f"{kind} failed".strip())
    return Cell(style.name, style.colour, kind)


def failed_cell(style: RunStyle, reason: str) -> Cell:
    """A run that has no numbers, and why."""
    return Cell(f"{style.name}: failed, because {reason}", style.colour, "wrap failed")


def text_cells(*values: str) -> list[Cell]:
    return [Cell(value) for value in values]


def interval(
    row: pd.Series | None,
    name: str = "estimate",
    show: Callable = formatting.interval,
    digits: int = 3,
    limits: tuple[str, str] = ("low", "high"),
) -> str:
    """A value of a row with its limits; a dash where there is no row."""
    return formatting.MISSING if row is None else show(row[name], *row[list(limits)], digits)


def excludes_zero(row: pd.Series, limits: tuple[str, str] = ("low", "high")) -> bool:
    """Whether an interval says that something is there."""
    low, high = limits
    return row[low] > 0 or row[high] < 0


def strong(text: str, decided: bool) -> Cell:
    """Bold where it is decided."""
    return Cell(text, kind="strong" if decided else "")


def difference_cell(row: pd.Series, digits: int = 3) -> Cell:
    """A signed difference, bold where its interval excludes 0."""
    return strong(interval(row, "difference", formatting.signed_interval, digits), excludes_zero(row))
