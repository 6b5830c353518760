"""Columns of a parquet file: what its footer says, and their values."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from memdyn.data.labels import ALLOWED
from memdyn.data.reading import reading, require_once
from memdyn.data.tables import as_table

INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name
ENCODED = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}


def count_samples(options: Mapping[str, Any], path: str) -> int:
    """Number of samples, from the file's footer; columns and their types are checked on the way.

    Where the footer shows that a column cannot be used, the features are read, so that all such columns are named.

    Raises:
        ValueError: naming the file, the columns, and what is allowed.
    """
    metadata = _metadata(path)
    kinds = _kinds(path, metadata)
    labels = options["labels"]
    require_once(path, "column", (labels, *columns_of(options, path)[0]), [name for name, _ in kinds])
    kind = dict(kinds)
    if not _may_label(kind[labels]):
        raise ValueError(f"{path}: labels: column {labels!r} is {kind[labels]}; {ALLOWED}")
    if options["images"] is None:
        columns = columns_of(options, path)[0]
        if not all(_is_number(kind[column]) for column in columns) or _has_nulls(metadata, columns):
            read_features(path, columns)
    elif not (_is_bytes(kind[options["images"]]) or _is_list_of_bytes(kind[options["images"]])):
        said = f"column {options['images']!r} is {kind[options['images']]}"
        raise ValueError(f"{path}: {said}; allowed for images: bytes, or lists of uint8")
    return metadata.num_rows


def columns_of(options: Mapping[str, Any], path: str) -> tuple[list[str], list[str]]:
    """The columns of the values; and those that `*` leaves out because they are pandas' index.

    Raises:
        ValueError: naming the file, when nothing is left.
    """
    wanted = options["images"] or options["features"]
    if options["images"] or wanted != "*":
        return ([wanted] if isinstance(wanted, str) else list(wanted)), []
    metadata = _metadata(path)
    others = [name for name, _ in _kinds(path, metadata) if name != options["labels"]]
    index = [name for name in others if INDEX.fullmatch(name) or name in _pandas_index(path, metadata)]
    columns = [name for name in others if name not in index]
    if not columns:
        raise ValueError(f"{path}: no columns but the labels{' and the index' * bool(index)}")
    return columns, index


def size(options: Mapping[str, Any], path: str) -> int:
    """Bytes of the values that are asked for, about, as far as the footer tells."""
    metadata = _metadata(path)
    wanted = {*columns_of(options, path)[0], options["labels"]}
    stored = sum(chunk.total_uncompressed_size for chunk in _chunks(metadata, wanted))
    return max(stored, 8 * len(wanted) * metadata.num_rows)


def read_labels(path: str, column: str) -> NDArray:
    """The labels as `memdyn.data.labels` takes them; texts as bytes, since they need not be UTF-8."""
    values = _read(path, [column])[0]
    kind = values.type
    if values.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        objects = np.empty(len(values), dtype=object)
        objects[:] = (values.cast(pa.large_binary()) if _is_text(kind) else values).to_pylist()
        return objects
    return values.to_numpy()


def read_images(path: str, column: str) -> NDArray[np.uint8]:
    """Images of one column, raw bytes or lists of uint8, as [n, values of an image].

    Raises:
        ValueError: naming the file, the column and the first row that does not fit.
    """
    source = f"{path}: column {column!r}"
    values = _read(path, [column])[0]
    if _is_bytes(values.type):
        values = values.cast(pa.large_binary())
    rows = []
    for row, value in enumerate(chunked for chunk in values.chunks for chunked in chunk):
        pixels = _pixels(value)
        if pixels is None:
            raise ValueError(f"{source}: pixels missing in row {row}")
        rows.append(pixels)
        if row == 0 or len(pixels) != len(rows[0]):
            _refuse_files(pixels.tobytes(), source)
        if len(pixels) != len(rows[0]):
            said = f"{len(rows[0])} bytes in row 0, but {len(pixels)} in row {row}"
            raise ValueError(f"{source}: {said}; allowed: one size for all")
    return np.stack(rows) if rows else np.empty((0, 0), dtype=np.uint8)


def read_features(path: str, columns: Sequence[str]) -> NDArray:
    """Columns as one table [n, F].

    Raises:
        ValueError: naming the file and every column that is no number in each row, with its first such row.
    """
    return as_table(zip(feature_names(columns), map(_feature, _read(path, columns)), strict=True), path)


def feature_names(columns: Sequence[str]) -> list[str]:
    """What messages call the columns."""
    return [f"column {column!r}" for column in columns]


def _feature(values: pa.ChunkedArray) -> NDArray:
    """Numbers as they are; what is missing as NaN or None; anything else as objects, to be refused with the rest."""
    if _is_text(values.type):
        texts = values.cast(pa.large_binary()).to_pylist()
        return np.array([text and text.decode(errors="replace") for text in texts], dtype=object)
    return values.to_numpy()


def _pixels(value: pa.Scalar) -> NDArray[np.uint8] | None:
    """One image; None where it, or a pixel of it, is missing."""
    if not value.is_valid:
        return None
    if isinstance(value, pa.LargeBinaryScalar):
        return np.frombuffer(value.as_buffer(), dtype=np.uint8)
    return None if value.values.null_count else np.asarray(value.values)


def _refuse_files(image: bytes, source: str) -> None:
    encoded = next((name for mark, name in ENCODED.items() if image.startswith(mark)), None)
    if encoded:
        raise ValueError(
            f"{source}: holds {encoded} files; allowed: raw pixels. Decode them, or write them into folders, one a "
            "class, for the data set image_folder"
        )


def _read(path: str, columns: Sequence[str]) -> list[pa.ChunkedArray]:
    """Columns of this very file, categories as what they stand for."""
    try:
        table = pq.read_table(path, columns=list(columns), partitioning=None)
    except Exception:
        for column in columns:  # which one is it?
            with reading(f"{path}: column {column!r}"):
                pq.read_table(path, columns=[column], partitioning=None)
        raise
    found = [table[column] for column in columns]
    return [values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values for values in found]


def _metadata(path: str) -> pq.FileMetaData:
    with reading(path):
        return pq.read_metadata(path)


def _kinds(path: str, metadata: pq.FileMetaData) -> list[tuple[str, pa.DataType]]:
    with reading(path):
        return [(field.name, field.type) for field in metadata.schema.to_arrow_schema()]


def _pandas_index(path: str, metadata: pq.FileMetaData) -> list[str]:
    """Columns that pandas calls the table's index."""
    with reading(f"{path}: metadata of pandas"):
        pandas = metadata.schema.to_arrow_schema().pandas_metadata or {}
        return [name for name in pandas.get("index_columns", []) if isinstance(name, str)]


def _chunks(metadata: pq.FileMetaData, columns: set[str]) -> Iterator[Any]:
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema in columns or chunk.path_in_schema.partition(".")[0] in columns:
                yield chunk


def _has_nulls(metadata: pq.FileMetaData, columns: Sequence[str]) -> bool:
    return any(chunk.statistics and chunk.statistics.null_count for chunk in _chunks(metadata, set(columns)))


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(test(kind) for test in tests)


def _is_list_of_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests) and kind.value_type == pa.uint8()


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    return any(test(kind) for test in tests)


def _may_label(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _may_label(kind.value_type)
    return _is_number(kind) or _is_text(kind) or _is_bytes(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
