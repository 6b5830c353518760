"""Two versions of a table value by value, and of a figure pixel by pixel."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageSequence

# by numpy's letters; others are compared as they are
_KINDS = {"f": "numbers", "i": "whole numbers", "u": "whole numbers"}


@dataclass(frozen=True)
class Difference:
    """Between what was archived and what was made anew.

    Attributes:
        column: of a table; "" where it is not of a column.
        largest: absolute difference of numbers; NaN where they are none.
        relative: the same over the larger of the two.
        rows: how many differ.
    """

    path: str
    column: str
    about: str
    largest: float = float("nan")
    relative: float = float("nan")
    rows: int = 0

    def __str__(self) -> str:
        column = f", column {self.column}" * bool(self.column)
        return f"{self.path}{column}: {self.about}"


def table_differences(path: str, archived: Path, rebuilt: Path, without: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Of two Parquet tables; numbers are equal where they are the same, or both missing, and whole in both or neither.

    Args:
        without: columns that are not compared.
    """
    if not rebuilt.exists():
        yield Difference(path, "", "was not made")
        return
    old, new = (pd.read_parquet(file).drop(columns=list(without), errors="ignore") for file in (archived, rebuilt))
    if list(old.columns) != list(new.columns) or len(old) != len(new):
        yield Difference(
            path, "", f"{old.shape[0]} rows of {old.shape[1]} columns, now {new.shape[0]} of {new.shape[1]}"
        )
        return
    for name in old.columns:
        yield from _column(path, name, old[name].to_numpy(), new[name].to_numpy())


def _column(path: str, name: str, old: np.ndarray, new: np.ndarray) -> Iterator[Difference]:
    kinds = [_KINDS.get(values.dtype.kind, "") for values in (old, new)]
    if kinds[0] != kinds[1]:
        yield Difference(path, name, f"values of the type {old.dtype}, now {new.dtype}", rows=len(old))
        return
    if kinds[0]:
        yield from _numbers(path, name, old, new)
        return
    unequal = np.array([not _same(a, b) for a, b in zip(old, new, strict=True)], bool)
    if unequal.any():
        first = int(np.flatnonzero(unequal)[0])
        about = f"{unequal.sum()} of {len(old)} values; the first, in row {first}: {old[first]!r}, now {new[first]!r}"
        yield Difference(path, name, about, rows=int(unequal.sum()))


def _numbers(path: str, name: str, old: np.ndarray, new: np.ndarray) -> Iterator[Difference]:
    if old.dtype.kind in "iu":  # as Python's, for neither floats nor numpy's differences hold all of 64 bits
        old, new = old.astype(object), new.astype(object)
        unequal = old != new
    else:
        unequal = (old != new) & ~(np.isnan(old) & np.isnan(new))
    if not unequal.any():
        return
    old, new = old[unequal], new[unequal]
    with np.errstate(invalid="ignore", divide="ignore"):
        distance = np.abs(old - new).astype(float)
        share = distance / np.maximum(np.abs(old), np.abs(new)).astype(float)
    # where one of the two is missing, or infinite, they are apart without bound
    largest, relative = (float(np.where(np.isnan(values), np.inf, values).max()) for values in (distance, share))
    about = f"{unequal.sum()} of {len(unequal)} values, by {largest:.3g} at most ({relative:.2g} of the value)"
    yield Difference(path, name, about, largest, relative, int(unequal.sum()))


def _same(old: object, new: object) -> bool:
    if isinstance(old, np.ndarray) or isinstance(new, np.ndarray):
        return np.array_equal(np.asarray(old), np.asarray(new), equal_nan=np.asarray(old).dtype.kind == "f")
    return bool(old == new) or (pd.isna(old) and pd.isna(new))


def figure_differences(path: str, archived: Path, rebuilt: Path) -> Iterator[Difference]:
    """Of two files of a figure: equal bytes, or else equal pixels of each frame; of a PDF bytes alone."""
    if not rebuilt.exists():
        yield Difference(path, "", "was not drawn")
        return
    if archived.read_bytes() == rebuilt.read_bytes():
        return
    if archived.suffix not in (".png", ".gif"):
        yield Difference(path, "", "other bytes")
        return
    old, new = (_frames(file) for file in (archived, rebuilt))
    if [frame.shape for frame in old] != [frame.shape for frame in new]:
        yield Difference(path, "", f"{_size(old)}, now {_size(new)}")
        return
    apart = [np.abs(a.astype(int) - b).max(axis=-1) for a, b in zip(old, new, strict=True)]
    if share := float(np.mean([np.mean(frame > 0) for frame in apart])):
        worst = max(int(frame.max()) for frame in apart)
        yield Difference(path, "", f"{share:.2%} of its pixels, by {worst} of 255 at most", float(worst))


def _frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(image)]


def _size(frames: list[np.ndarray]) -> str:
    height, width = frames[0].shape[:2]
    return f"{width} x {height} pixels" + f" in {len(frames)} frames" * (len(frames) > 1)
