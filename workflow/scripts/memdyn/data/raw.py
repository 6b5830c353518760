"""A whole data set in memory, as every loader returns it: checked once, here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from memdyn.data import labels as labelling
from memdyn.data import tables
from memdyn.data.layout import looks_channels_last, pixel_problem


@dataclass(frozen=True, eq=False)
class RawData:
    """Samples before duplicates are dropped and parts are drawn. Made by `raw_data`, which checks.

    Attributes:
        images: uint8 [n, C, H, W]; or features [n, F], float32 or float64, whichever holds the source exactly.
        labels: int64 [n], in 0..K-1, every class present.
        ids: int64 [n], unique: the row in the source.
        class_names: K names.
        source: the file or data set, for messages.
        columns: what to call each of the F features; empty for images.
        files: of samples with a file each, its path below the folder that was given; else empty.
        notes: what a user should know of how the source was read, a line each.
    """

    images: NDArray
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str
    columns: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def raw_data(
    images: Any,
    labels: ArrayLike,
    *,
    source: str,
    ids: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    labels_source: str | None = None,
    columns: Sequence[str] | None = None,
    files: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> RawData:
    """Check what a loader read and give it its final types.

    Args:
        images: uint8 [n, C, H, W], or a real table [n, F], an array or a data frame.
        labels: as `memdyn.data.labels` takes them, [n].
        source: the file or data set, named in every message.
        ids: whole numbers [n]; the row numbers when left out.
        class_names: K names; the labels themselves when left out.
        labels_source: what messages call the labels; the source when left out.
        columns: what to call the columns of a table.
        files, notes: see `RawData`.

    Raises:
        ValueError: naming the source and what is wrong.
    """
    values = images if isinstance(images, pd.DataFrame) else _array(images, "samples", source)
    if len(values) == 0:
        raise ValueError(f"{source}: no samples")
    _refuse_other_order(images, labels, source)
    called = labels_source or source
    targets, names = labelling.class_numbers(_array(labels, "labels", called), len(values), called, class_names)
    rows = np.arange(len(values)) if ids is None else _array(ids, "ids", source)
    if rows.dtype.kind not in "iu" or rows.shape != (len(values),) or len(np.unique(rows)) != len(rows):
        raise ValueError(f"{source}: ids must be {len(values)} different whole numbers, one a sample")
    if rows.max() >= 2**63:
        raise ValueError(f"{source}: an id is {rows.max()}; allowed: below 2^63")
    notes = (*notes, *labelling.remarks(targets, names))
    if values.ndim == 4:
        pixels = _checked_pixels(values, source)
        return RawData(pixels, targets, rows.astype(np.int64), names, source, files=tuple(files), notes=notes)
    table, called = _checked_table(values, columns, source)
    said = (*notes, *tables.remarks(table, called, targets))
    return RawData(table, targets, rows.astype(np.int64), names, source, called, notes=said)


def _array(values: Any, what: str, source: str) -> NDArray:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{source}: {what} are not a regular array ({error})") from error
    if array.dtype == object and array.ndim == 0:
        mend = ", of a sparse matrix .toarray()" * hasattr(values, "toarray")
        raise ValueError(f"{source}: {what} are a {type(values).__name__}; allowed: an array, or lists{mend}")
    n_masked = np.ma.count_masked(values) if isinstance(values, np.ma.MaskedArray) else 0
    if n_masked:
        raise ValueError(f"{source}: {n_masked} values of {what} are masked; leave these samples out, or fill them")
    return array


def _refuse_other_order(images: Any, labels: Any, source: str) -> None:
    """Rows go with labels by their places; pandas would go by an index, which matters where both have the same one."""
    if not isinstance(images, pd.DataFrame) or not isinstance(labels, pd.Series | pd.DataFrame):
        return
    index, other = images.index, labels.index
    if index.is_unique and len(index) == len(other) and not index.equals(other) and index.isin(other).all():
        raise ValueError(
            f"{source}: the index of the labels is that of the samples in another order; allowed: labels in the order "
            "of the samples (labels.loc[images.index]), or without an index (.to_numpy())"
        )


def _checked_pixels(images: NDArray, source: str) -> NDArray[np.uint8]:
    wrong = pixel_problem(images.dtype)
    if wrong:
        raise ValueError(f"{source}: {wrong}")
    if 0 in images.shape:
        raise ValueError(f"{source}: images of shape {images.shape[1:]} have no pixels")
    if looks_channels_last(images.shape):
        raise ValueError(
            f"{source}: images of shape {images.shape} look like [n, height, width, channels]; expected: [n, channels, "
            "height, width], x.transpose(0, 3, 1, 2)"
        )
    return np.ascontiguousarray(images)


def _checked_table(values: Any, columns: Sequence[str] | None, source: str) -> tuple[NDArray, tuple[str, ...]]:
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"{source}: values of shape {values.shape}; "
            "allowed: images [n, channels, height, width] (of grey ones x[:, None]) or a table [n, columns]"
        )
    if not isinstance(values, pd.DataFrame) and values.dtype.kind not in "fiubO":
        raise ValueError(f"{source}: features are {values.dtype}; allowed: real numbers")
    named = tables.columns_of(values)
    called = tuple(columns) if columns is not None else tuple(name for name, _ in named)
    table = tables.plain_table(values)
    if table is None:
        table = tables.as_table(zip(called, (column for _, column in named), strict=True), source)
    return table, called
