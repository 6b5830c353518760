"""Numeric tables: every column that cannot be used is named at once; nothing is rounded before it is standardised."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memdyn.data.reading import listed

EXACT = 2**53  # whole numbers up to here are float64 numbers
MERGED = 0.1  # share of a column's values that float32 may not tell from another
SAID = {"M": "dates; give numbers, such as seconds", "m": "durations; give numbers, such as seconds"}
SAID |= {"c": "complex numbers", "V": "records; give a column a field"}


def columns_of(values: Any) -> list[tuple[str, NDArray]]:
    """Name and values of each column of a data frame, or of an array [n, F]."""
    if isinstance(values, pd.DataFrame):
        return [(f"column {name!r}", np.asarray(values.iloc[:, at])) for at, name in enumerate(values.columns)]
    return [(f"column {at}", values[:, at]) for at in range(values.shape[1])]


def plain_table(values: Any) -> NDArray | None:
    """An array [n, F] of one kind of numbers, all finite, as `as_table` would give it; None where it is not that."""
    dtype = getattr(values, "dtype", np.dtype(object))
    if dtype.kind not in "fiub" or dtype.itemsize > (8 if dtype.kind == "f" else 4) or not np.isfinite(values).all():
        return None
    return np.ascontiguousarray(values, dtype=np.result_type(dtype, np.float32))


def as_table(columns: Iterable[tuple[str, NDArray]], source: str) -> NDArray:
    """Columns as one float table [n, F]: float32 where that holds all values exactly, else float64.

    Whole numbers beyond 2^53 are counted from the smallest of their column, which standardising takes off anyway.

    Raises:
        ValueError: listing every column that is not a number in each row, with its first such row.
    """
    numbers, found = [], []
    for name, column in columns:
        try:
            numbers.append(_numbers(column))
        except ValueError as error:
            found.append(f"{name}: {error}")
    if found:
        n = len(numbers) + len(found)
        raise ValueError(f"{source}: {len(found)} of {n} columns cannot be used as features: {listed(found)}")
    table = np.empty((len(numbers[0]), len(numbers)), np.result_type(np.float32, *(x.dtype for x in numbers)))
    for at, column in enumerate(numbers):
        table[:, at] = column
    return table


def remarks(table: NDArray, names: Sequence[str], targets: NDArray[np.int64]) -> list[str]:
    """What a user should know of columns that can be used: constant ones, the labels, and such that number the rows."""
    constant = [name for at, name in enumerate(names) if (table[:, at] == table[0, at]).all()]
    numbering = [name for at, name in enumerate(names) if _numbers_the_rows(table[:, at])]
    labels = [name for at, name in enumerate(names) if np.array_equal(table[:, at], targets)]
    said = []
    if labels:
        said.append(f"WARNING: equal to the class numbers: {listed(labels, ', ')}; if it is the label, leave it out")
    if constant:
        said.append(f"{len(constant)} of {len(names)} columns are constant, no features: {listed(constant, ', ')}")
    if numbering:
        said.append(
            f"WARNING: whole numbers, each once and none left out, as if they numbered the rows: "
            f"{listed(numbering, ', ')}; such a feature gives every sample away: if it is none, leave it out"
        )
    return said


def standardised(values: NDArray, reference: slice, names: Sequence[str], source: str) -> NDArray[np.float32]:
    """Each column of [n, F] with mean 0 and standard deviation 1 over the reference rows, in float64; then rounded.

    A column that is constant over the reference rows is only centred.

    Raises:
        ValueError: listing columns whose values float32 does not hold, or cannot tell apart.
    """
    result = np.empty(values.shape, dtype=np.float32)
    faults = []
    for at, name in enumerate(names):
        result[:, at], fault = _standardised(values[:, at].astype(np.float64), reference)
        faults += [f"{name}: {fault}"] * bool(fault)
    if faults:
        raise ValueError(
            f"{source}: after standardising, float32 has no room for {len(faults)} of {len(names)} columns: "
            f"{listed(faults)}; take out outliers and codes for missing values, or give the logarithm"
        )
    return result


def _standardised(column: NDArray[np.float64], reference: slice) -> tuple[NDArray[np.float32], str | None]:
    """The column, and what is wrong with it."""
    base = column[reference]
    with np.errstate(over="ignore"):
        if base.min() == base.max():
            rounded = (column - base[0]).astype(np.float32)
        else:
            unit = np.frexp(np.abs(base).max())[1]  # a power of two takes no digit, and squares stay finite
            near = np.ldexp(column, -unit) - np.ldexp(base[0], -unit)  # the mean of numbers far from 0 would be rounded
            base = near[reference]
            rounded = ((near - base.mean()) / base.std()).astype(np.float32)
    if not np.isfinite(rounded).all():
        row = int(np.argmin(np.isfinite(rounded)))
        return rounded, f"{column[row]:g} is more than 1e38 standard deviations off"
    merged = _merged_share(column, rounded)
    if merged > MERGED:
        return rounded, f"{merged:.0%} of its values (from {column.min():g} to {column.max():g}) become equal to others"
    return rounded, None


def _merged_share(exact: NDArray, rounded: NDArray) -> float:
    """Share of values that differ from another one only before rounding."""
    order = np.argsort(exact)
    exact, rounded = exact[order], rounded[order]
    apart = rounded[1:] != rounded[:-1]
    group = np.concatenate([[0], np.cumsum(apart)])
    mixed = np.unique(group[1:][(exact[1:] != exact[:-1]) & ~apart])
    return float(np.isin(group, mixed).mean())


def _numbers_the_rows(column: NDArray) -> bool:
    low, high = column.min(), column.max()
    if len(column) < 20 or high - low != len(column) - 1 or low != np.floor(low):
        return False
    return len(np.unique(column)) == len(column) and bool((column == np.floor(column)).all())


def _numbers(column: NDArray) -> NDArray:
    """A column as finite numbers that float32 or float64 holds exactly.

    Raises:
        ValueError: what is wrong with it, and in which row first.
    """
    kind = column.dtype.kind
    if kind == "O":
        column = _of_objects(column)
        kind = column.dtype.kind
    if kind in "UST":
        raise ValueError(_text(column.tolist()))
    if kind not in "fiub":
        raise ValueError(SAID.get(kind, str(column.dtype)))
    if kind == "f":
        _check_finite(column)
    return _exact(column)


def _of_objects(column: NDArray) -> NDArray:
    """Python objects as the numbers that they are, missing ones as NaN."""
    missing = pd.isna(column)
    present = column[~missing].tolist()
    if any(isinstance(value, str | bytes) for value in present):
        raise ValueError(_text(column.tolist()))
    try:
        numbers = np.asarray(present)
        if numbers.dtype.kind not in "iub":
            numbers = np.asarray(present, dtype=np.float64)
        if numbers.ndim != 1:
            raise ValueError("lists")
    except (TypeError, ValueError, OverflowError):
        odd = next((row for row, value in enumerate(column) if not missing[row] and not _is_number(value)), 0)
        raise ValueError(f"no number, first in row {odd}: {column[odd]!r}") from None
    if len(np.unique(numbers)) < len(set(present)):
        raise ValueError("float64 cannot tell some of its numbers apart")
    if not missing.any():
        return numbers
    result = np.full(len(column), np.nan)
    result[~missing] = numbers
    return result


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _text(values: Sequence[Any]) -> str:
    row = next((row for row, value in enumerate(values) if not _is_number(value)), None)
    if row is None:
        return f"numbers written as text, such as {values[0]!r} in row 0; convert them"
    return f"text, first in row {row}: {values[row]!r}"


def _check_finite(column: NDArray) -> None:
    bad = ~np.isfinite(column)
    if bad.any():
        n_missing, n_infinite = np.count_nonzero(np.isnan(column)), np.count_nonzero(np.isinf(column))
        counts = [f"{n_missing} missing or NaN"] * bool(n_missing) + [f"{n_infinite} infinite"] * bool(n_infinite)
        raise ValueError(f"{', '.join(counts)}, first in row {np.argmax(bad)}")


def _exact(column: NDArray) -> NDArray:
    """In float32 where that holds the type, else in float64; refused where float64 would make two numbers one."""
    if column.dtype.itemsize < 8:
        return column.astype(np.result_type(column.dtype, np.float32))
    if column.dtype.kind == "f":
        if column.dtype.itemsize == 8:
            return column.astype(np.float64)
        with np.errstate(over="ignore"):
            numbers = column.astype(np.float64)
        _check_finite(numbers)
        return _told_apart(column, numbers)
    low, high = int(column.min()), int(column.max())
    if max(-low, high) > EXACT:
        column = column.astype(np.uint64) - np.uint64(low % 2**64)  # exact modulo 2^64, and so for either sign
    numbers = column.astype(np.float64)
    return numbers if high - low <= EXACT else _told_apart(column, numbers)


def _told_apart(column: NDArray, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(column)
    lost = (column[order][1:] != column[order][:-1]) & (numbers[order][1:] == numbers[order][:-1])
    if lost.any():
        at = int(np.argmax(lost))
        raise ValueError(
            f"float64 cannot tell some of its numbers apart, such as those of rows {order[at]} and {order[at + 1]}"
        )
    return numbers
