"""A user's own arrays: one .npz or .parquet file with images or a numeric table, and labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memdyn.data import npz, parquet
from memdyn.data.labels import class_numbers
from memdyn.data.layout import as_images
from memdyn.data.raw import RawData, raw_data

SMALL = 2**25  # bytes that may be read to check a file before any job


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, C, H, W] or a table [n, F]; ids are rows of the file.

    Args:
        options: `images` or `features`, `labels`, `shape` as in the config.
        files: the one file.

    Raises:
        ValueError: naming the file, the key or column, and what is allowed.
    """
    (path,) = files
    if not _format(path).count_samples(options, path):
        raise ValueError(f"{path}: no samples")
    columns, notes = None, []
    if options["images"] is not None:
        stored = npz.read if path.endswith(".npz") else parquet.read_images
        values = as_images(stored(path, options["images"]), options["shape"], f"{path}: {options['images']}")
    elif path.endswith(".npz"):
        values = npz.read(path, options["features"])
    else:
        names, index = parquet.columns_of(options, path)
        values, columns = parquet.read_features(path, names), parquet.feature_names(names)
        notes = [f"pandas' index is no feature, left out: {', '.join(map(repr, index))}"] * bool(index)
    labels, called = _labels(options, path)
    return raw_data(values, labels, source=path, labels_source=called, columns=columns, notes=notes)


def look(options: Mapping[str, Any], path: str) -> int:
    """Number of samples. Headers and labels are checked; small files whole, as the loader does it.

    Raises:
        ValueError: as `load`.
    """
    n = _format(path).count_samples(options, path)
    if _format(path).size(options, path) <= SMALL:
        load(options, [path])
    else:
        labels, called = _labels(options, path)
        class_numbers(labels, n, called)
    return n


def image_shape(options: Mapping[str, Any], path: str) -> tuple[int, ...] | None:
    """(C, H, W) of the images of an .npz file, from its header; those of a parquet file are told by `shape` alone.

    Raises:
        ValueError: as `load`.
    """
    if not path.endswith(".npz"):
        return None
    stored = np.broadcast_to(np.uint8(0), npz.shape_of(options, path))
    return as_images(stored, options["shape"], f"{path}: {options['images']}").shape[1:]


def _format(path: str) -> Any:
    return npz if path.endswith(".npz") else parquet


def _labels(options: Mapping[str, Any], path: str) -> tuple[NDArray, str]:
    """The labels, and what messages call them."""
    key = options["labels"]
    if path.endswith(".npz"):
        return npz.read(path, key), f"{path}: {key}"
    return parquet.read_labels(path, key), f"{path}: column {key!r}"
