"""A section of the page, told in one file: what it draws, tabulates and says, and which tables each of these needs.

`memdyn.report.sections` lists them, `memdyn.report.figures` draws them, `memdyn.report.page.render` prints them. The
two jobs read different fields, and the code digest of each covers what its own fields need (`memdyn.identity.digest`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from memdyn.report.draw.style import RunStyle
from memdyn.report.record import ReportOptions
from memdyn.report.rows import select_threshold
from memdyn.report.words import in_folds, threshold_words


class OfAttack(NamedTuple):
    """The rows of one attack at its threshold, which is told in words."""

    attack: str
    threshold: str
    table: pd.DataFrame


@dataclass(frozen=True)
class Study:
    """What a section is made from.

    Attributes:
        tables: the study's tables that hold anything, by name.
        styles: how each run is drawn, in the study's order.
        pools: of each run, what may be shown of it (`memdyn.report.draw.pools.DrawnPool`); none on the page.
        is_audit: whether it is an audit, even one whose runs all failed, so that its table `audit` is empty.
    """

    tables: Mapping[str, pd.DataFrame]
    styles: dict[str, RunStyle]
    options: ReportOptions
    pools: Mapping[str, Any]
    is_audit: bool

    @classmethod
    def of(
        cls,
        tables: Mapping[str, pd.DataFrame],
        styles: dict[str, RunStyle],
        options: ReportOptions,
        pools: Mapping[str, Any] | None = None,
    ) -> "Study":
        """Without the tables that are empty."""
        filled = {name: table for name, table in tables.items() if len(table)}
        return cls(filled, styles, options, pools or {}, is_audit="audit" in tables)

    @property
    def in_folds(self) -> bool:
        """Whether the models lie in folds, where no model has a partner."""
        return "attack_metrics" in self.tables and in_folds(self.tables["attack_metrics"])

    def by_attack(self, table: pd.DataFrame) -> Iterator[OfAttack]:
        """Rows of a table of the plane, attack by attack, at the threshold that the report shows."""
        for attack, part in select_threshold(table, self.options.threshold).groupby("attack", sort=False):
            yield OfAttack(str(attack), threshold_words(part["threshold"].iloc[0], str(attack)), part)


class Part(NamedTuple):
    """A figure (or several), a table or sentences of a section: made where all needed tables are there."""

    make: Callable[[Study], object]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A part of the page; one with neither figures nor tables nor sentences is left out.

    Attributes:
        name: its anchor on the page, and the name of its file.
        title: its heading.
        figures: makers of `memdyn.report.draw.drawing.Drawing`s.
        captions: kind of figure -> its caption with the {values} that its drawing names.
        tables: makers of a `memdyn.report.page.tables.Table`.
        sentences: makers of lists of sentences.
    """

    name: str
    title: str
    figures: tuple[Part, ...] = ()
    captions: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[Part, ...] = ()
    sentences: tuple[Part, ...] = ()


def made(parts: tuple[Part, ...], study: Study) -> Iterator:
    """What the parts make whose tables are there."""
    for part in parts:
        if all(name in study.tables for name in part.needs):
            yield part.make(study)
