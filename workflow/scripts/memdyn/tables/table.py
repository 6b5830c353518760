"""What is declared of a table, and the check that a table is as it is declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the Snakefile reads declarations, and no table
    import pandas as pd

Kind = Literal["text", "int", "float", "bool"]
# kind -> kinds of numpy that it may lie in: whole numbers among floats are floats
_ALLOWED = {"text": "OUT", "int": "iu", "float": "fiu", "bool": "b"}
_EMPTY = {"text": "object", "int": "int64", "float": "float64", "bool": "bool"}
# what a placeholder in a column's name stands for
_PLACEHOLDERS = {
    "<fpr>": r"[0-9.e-]+",
    "<measure>": r"\w+",  # a user's own may have any name in Python
    "<models>": r"in|out|in-out",
    "<mechanism>": r"[A-Za-z0-9_-]+",
    "<figure>": r".+",
    "<attack>": r"[\w.-]+",
}


class WrongTable(ValueError):
    """A table is not as it is declared."""


@dataclass(frozen=True)
class Column:
    """One column; of a name with a placeholder, as `tpr_at_fpr_<fpr>`, there is any number.

    Attributes:
        kind: "float" also where whole numbers may be missing.
        about: one line.
        unit: "" where there is none.
        measured: a time that another run of the same bits would not repeat.
    """

    name: str
    kind: Kind
    about: str
    unit: str = ""
    measured: bool = False

    @property
    def varies(self) -> bool:
        """Whether the name holds a placeholder."""
        return "<" in self.name

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the names of its columns match."""
        words = re.split("(<[a-z]+>)", self.name)
        return re.compile("".join(f"(?:{_PLACEHOLDERS[w]})" if w in _PLACEHOLDERS else re.escape(w) for w in words))


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        stage: whose folder it lies in: "train", "attack", "dynamics", "analysis" or "study".
        about: one line.
        key: columns that tell its rows apart.
        columns: all of them, those of the key included.
        study: what the study calls it, one below the other of all runs; "" where it does not take it over.
    """

    name: str
    stage: str
    about: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    study: str = ""

    def checked(self, table: pd.DataFrame, key: bool = True) -> pd.DataFrame:
        """The table, if it is as declared. One without rows gets the columns that it lacks.

        Args:
            key: whether to look for equal keys.

        Raises:
            WrongTable: naming the table, and the column or the key.
        """
        if not len(table):
            table = self._completed(table)
        self._check_names([str(name) for name in table.columns])
        whole = [name for name in table.columns if self._went_through_floats(name, table[name])]
        table = table.astype(dict.fromkeys(whole, "int64")) if whole else table
        for name in table.columns:
            self._check_kind(name, table[name])
        if key:
            self._check_key(table)
        return table

    def empty(self) -> pd.DataFrame:
        """The table without rows; columns whose names vary are left out."""
        import pandas as pd  # the Snakefile reads declarations, and no table

        return self._completed(pd.DataFrame())

    def _completed(self, table: pd.DataFrame) -> pd.DataFrame:
        missing = [column for column in self.columns if not column.varies and column.name not in table]
        return table.assign(**{column.name: None for column in missing}).astype(
            {column.name: _EMPTY[column.kind] for column in missing}
        )

    def _check_names(self, names: list[str]) -> None:
        unknown = [name for name in names if self._declared(name) is None]
        if unknown:
            raise self._error(f"column {unknown[0]!r} is not declared")
        missing = [column.name for column in self.columns if not column.varies and column.name not in names]
        if missing:
            raise self._error(f"column {missing[0]!r} is missing")

    def _went_through_floats(self, name: str, values: pd.Series) -> bool:
        """Whether these are whole numbers that are floats, as where an empty table stood among their parts."""
        return self._declared(name).kind == "int" and values.dtype.kind == "f" and bool((values % 1 == 0).all())

    def _check_kind(self, name: str, values: pd.Series) -> None:
        kind = self._declared(name).kind
        if values.dtype.kind not in _ALLOWED[kind] and not values.isna().all():
            raise self._error(f"column {name!r} holds {values.dtype}; declared: {kind}")

    def _check_key(self, table: pd.DataFrame) -> None:
        twice = table.duplicated(list(self.key))
        if twice.any():
            first = table.loc[twice.to_numpy(), list(self.key)].iloc[0]
            where = ", ".join(f"{name} {value}" for name, value in first.items())
            raise self._error(f"two rows of one key: {where}")

    def _declared(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.pattern.fullmatch(name)), None)

    def _error(self, what: str) -> WrongTable:
        return WrongTable(f"table {self.name} ({self.stage}): {what}; see memdyn/tables/{self.stage}.py")
