"""A whole data set in memory, as every loader returns it: checked once, here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class RawData:
    """Samples before duplicates are dropped and parts are drawn. Made by `raw_data`, which checks.

    Attributes:
        images: uint8 [n, C, H, W], or float32 features [n, F].
        labels: int64 [n], in 0..K-1, every class present.
        ids: int64 [n], unique: the row in the source.
        class_names: K names.
    """

    images: NDArray
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def raw_data(
    images: ArrayLike,
    labels: ArrayLike,
    *,
    source: str,
    ids: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
) -> RawData:
    """Check what a loader read and give it its final types.

    Args:
        images: uint8 [n, C, H, W], or a real table [n, F].
        labels: whole numbers 0..K-1, or strings (classes in sorted order), [n].
        source: the file or data set, named in every message.
        ids: whole numbers [n]; the row numbers when left out.
        class_names: K names; the labels themselves when left out.

    Raises:
        ValueError: naming the source and what is wrong.
    """
    try:
        images, labels = np.asarray(images), np.asarray(labels)
    except ValueError as error:
        raise ValueError(f"{source}: not a regular array ({error})") from error
    values = _checked_values(images, source)
    if labels.shape != (len(values),):
        raise ValueError(f"{source}: {len(values)} samples, but labels of shape {labels.shape}; allowed: one a sample")
    targets, names = _checked_labels(labels, source)
    if class_names is not None:
        names = _checked_names(targets, tuple(map(str, class_names)), source)
    rows = np.arange(len(values)) if ids is None else np.asarray(ids)
    if rows.dtype.kind not in "iu" or rows.shape != (len(values),) or len(np.unique(rows)) != len(rows):
        raise ValueError(f"{source}: ids must be {len(values)} different whole numbers, one a sample")
    return RawData(values, targets, rows.astype(np.int64), names)


def _checked_values(values: NDArray, source: str) -> NDArray:
    if values.ndim == 0 or len(values) == 0:
        raise ValueError(f"{source}: no samples")
    if values.ndim == 4:
        if values.dtype != np.uint8:
            raise ValueError(f"{source}: images are {values.dtype}; allowed: uint8, 0 to 255")
        if 0 in values.shape:
            raise ValueError(f"{source}: images of shape {values.shape[1:]} have no pixels")
        return np.ascontiguousarray(values)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"{source}: values of shape {values.shape}; "
            "allowed: images [n, channels, height, width] or a table [n, columns]"
        )
    if values.dtype.kind not in "fiub":
        raise ValueError(f"{source}: features are {values.dtype}; allowed: real numbers")
    with np.errstate(over="ignore"):
        table = np.ascontiguousarray(values, dtype=np.float32)
    finite = np.isfinite(table).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"{source}: features have NaN or infinite values in {np.count_nonzero(~finite)} rows, "
            f"first in row {np.argmin(finite)}"
        )
    return table


def _checked_labels(labels: NDArray, source: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels 0..K-1 without gaps, and the K names that they give by themselves."""
    if labels.dtype.kind not in "biuUT":
        raise ValueError(f"{source}: labels are {labels.dtype}; allowed: whole numbers 0..K-1, or strings")
    classes, targets = np.unique(labels, return_inverse=True)
    if labels.dtype.kind in "biu" and (int(classes[0]), int(classes[-1])) != (0, len(classes) - 1):
        raise ValueError(
            f"{source}: labels are {len(classes)} different numbers from {classes[0]} to {classes[-1]}; "
            "allowed: 0..K-1, with samples of every class"
        )
    if len(classes) < 2:
        raise ValueError(f"{source}: one class only; a classifier needs two or more")
    return targets.astype(np.int64), tuple(map(str, classes))


def _checked_names(targets: NDArray[np.int64], names: tuple[str, ...], source: str) -> tuple[str, ...]:
    n_classes = int(targets.max()) + 1
    if n_classes != len(names):
        raise ValueError(f"{source}: samples of {n_classes} classes, but {len(names)} class names")
    return names
