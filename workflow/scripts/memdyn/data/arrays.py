"""A user's own arrays: one .npz or .parquet file with images or a numeric table, and labels."""

import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from memdyn.data.raw import RawData, raw_data

CHANNELS = (1, 3)


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, C, H, W] or features float32 [n, F]; ids are rows of the file.

    Args:
        options: `images` or `features`, `labels`, `shape` as in the config.
        files: the one file.

    Raises:
        ValueError: naming the file, the key or column, and what is allowed.
    """
    (path,) = files
    count_samples(options, path)
    values, labels = (_read_npz if path.endswith(".npz") else _read_parquet)(path, options)
    if options["images"] is not None:
        values = as_images(values, options["shape"], f"{path}: {options['images']}")
    return raw_data(values, labels, source=path)


def count_samples(options: Mapping[str, Any], path: str) -> int:
    """Number of samples, from the file's headers alone; keys, columns and lengths are checked on the way.

    Raises:
        ValueError: naming the file and the missing key or column.
    """
    with _errors_name(path):
        if path.endswith(".parquet"):
            metadata = pq.read_metadata(path)
            _columns(path, metadata.schema.to_arrow_schema().names, options)
            return metadata.num_rows
        headers = _npz_headers(path)
    key, labels = options["images"] or options["features"], options["labels"]
    for wanted in (key, labels):
        _require(path, wanted, list(headers), "key")
        shape, dtype = headers[wanted]
        if dtype.hasobject:
            raise ValueError(f"{path}: {wanted} holds Python objects (unsafe to read); save plain numbers or strings")
        if not shape:
            raise ValueError(f"{path}: {wanted} is a single number; allowed: an array with a row a sample")
    n, n_labels = headers[key][0][0], headers[labels][0][0]
    if n != n_labels:
        raise ValueError(f"{path}: {key} has {n} samples, but {labels} has {n_labels} labels")
    return n


def as_images(values: NDArray, shape: Sequence[int] | None, source: str) -> NDArray:
    """Bring stored images [n, H, W], [n, C, H, W], [n, H, W, C] or flat to [n, C, H, W].

    Raises:
        ValueError: when the layout is not one of these, or two of them at once.
    """
    if shape is not None:
        stored = math.prod(values.shape[1:])
        if stored != math.prod(shape):
            raise ValueError(f"{source}: {stored} values an image, but shape {list(shape)} needs {math.prod(shape)}")
        return values.reshape(-1, *shape)
    if values.ndim == 3:
        return values[:, None]
    first, last = (values.ndim == 4 and values.shape[axis] in CHANNELS for axis in (1, 3))
    if first == last:
        raise ValueError(
            f"{source}: cannot tell channels in shape {values.shape}; allowed: [n, height, width], 1 or 3 channels as "
            "second or last axis, or flat with `shape: [channels, height, width]`"
        )
    return values if first else values.transpose(0, 3, 1, 2)


@contextmanager
def _errors_name(path: str) -> Iterator[None]:
    """Whatever a reader says about a damaged file, the message names the file."""
    try:
        yield
    except (pa.ArrowException, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{path}: cannot be read: missing, truncated, or another format ({error})") from error


def _require(path: str, wanted: str, present: Sequence[str], what: str) -> None:
    if wanted not in present:
        raise ValueError(f"{path}: no {what} {wanted!r}; it has {', '.join(map(repr, present)) or 'none'}")


def _npz_headers(path: str) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Key -> shape and type, without reading the arrays."""
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as stream:
                try:
                    one = np.lib.format.read_magic(stream) == (1, 0)
                    read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
                    shape, _, dtype = read(stream)
                except ValueError as error:
                    raise ValueError(f"{path}: {name} is not a numpy array ({error})") from error
            headers[name.removesuffix(".npy")] = (shape, dtype)
    return headers


def _read_npz(path: str, options: Mapping[str, Any]) -> tuple[NDArray, NDArray]:
    try:
        with _errors_name(path), np.load(path, allow_pickle=False) as archive:
            return archive[options["images"] or options["features"]], archive[options["labels"]]
    except ValueError as error:
        raise ValueError(f"{path}: an array cannot be read ({error})") from error


def _columns(path: str, names: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """The columns of the values; all that is asked for is there."""
    _require(path, options["labels"], names, "column")
    if options["features"] == "*":
        return [name for name in names if name != options["labels"]]
    wanted = options["images"] or options["features"]
    columns = [wanted] if isinstance(wanted, str) else list(wanted)
    for column in columns:
        _require(path, column, names, "column")
    return columns


def _read_parquet(path: str, options: Mapping[str, Any]) -> tuple[NDArray, NDArray]:
    with _errors_name(path):
        columns = _columns(path, pq.read_schema(path).names, options)
        table = pq.read_table(path, columns=[*columns, options["labels"]])
    for column in table.column_names:
        if table[column].null_count:
            raise ValueError(f"{path}: column {column!r} has {table[column].null_count} missing values")
    labels = table[options["labels"]]
    labels = np.array(labels.to_pylist()) if _is_text(labels.type) else labels.to_numpy()
    if options["images"] is not None:
        return _wide_column(table[columns[0]], f"{path}: column {columns[0]!r}"), labels
    for column in columns:
        if not _is_number(table[column].type):
            raise ValueError(f"{path}: column {column!r} is {table[column].type}; allowed as a feature: numbers")
    return np.stack([table[column].to_numpy().astype(np.float32) for column in columns], axis=1), labels


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _wide_column(column: pa.ChunkedArray, source: str) -> NDArray:
    """Images of one column, raw bytes or lists of uint8, as [n, values of an image]."""
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        rows = [np.frombuffer(value, dtype=np.uint8) for value in column.to_pylist()]
    elif (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)) and (
        kind.value_type == pa.uint8()
    ):
        rows = [np.asarray(value.values) for chunk in column.chunks for value in chunk]
    else:
        raise ValueError(f"{source} is {kind}; allowed for images: bytes, or lists of uint8")
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(f"{source} has images of {min(lengths)} to {max(lengths)} bytes; allowed: one size for all")
    return np.stack(rows) if rows else np.empty((0, 0), dtype=np.uint8)
