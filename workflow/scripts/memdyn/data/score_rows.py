"""Exported scores in a Parquet file: a row a (checkpoint, model), whose cells are lists over samples.

    epoch                    whole number; may be left out where there is one checkpoint
    model                    whole number: models are in its order, whatever that of the rows
    margin, population, ...  the arrays of `memdyn.data.exported` by their names, without the first two axes: a list of
                             numbers, or of lists of them (logits and views)
    mask, together           of the model, the same in its row of every checkpoint
    labels, sample_ids, ...  of the samples, the same in every row

The same functions as `memdyn.data.npz`, which give the same arrays. Null is NaN, which is how pandas writes that.
"""

from collections.abc import Iterator
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from memdyn.data.npz import Header
from memdyn.data.parquet import INDEX
from memdyn.data.reading import reading, require_once

EPOCH, MODEL, EPOCHS = "epoch", "model", "epochs"
OF_MODELS, OF_SAMPLES = ("mask", "together"), ("labels", "sample_ids", "sham_labels", "population_labels")
ROWS = 16  # read at a time


def array_headers(path: str) -> dict[str, Header]:
    """Shape and type of each array, from the first row: that all are alike is seen when they are read.

    Raises:
        ValueError: naming file and column, for a file that is no Parquet; for a (checkpoint, model) with no row, or
            with several.
    """
    with reading(path):
        schema = pq.read_schema(path)
    columns = [name for name in schema.names if not INDEX.fullmatch(name)]
    require_once(path, "column", [MODEL, *columns], schema.names)
    epochs, models, _ = _places(path, columns)
    found = {EPOCHS: ((len(epochs),), epochs.dtype)} if EPOCH in columns else {}
    for name in columns:
        if name not in (EPOCH, MODEL):
            shape, dtype = _shape(path, name, schema.field(name).type)
            found[name] = (*_axes(name, len(epochs), len(models)), *shape), dtype
    return found


def read(path: str, name: str) -> NDArray:
    """One array.

    Raises:
        ValueError: naming file, column and row, where rows differ that should not, or something is missing.
    """
    epochs, models, places = _places(path, pq.read_schema(path).names)
    if name == EPOCHS:
        return epochs
    shape = _axes(name, len(epochs), len(models))
    found, seen = None, np.zeros(int(np.prod(shape)), bool)
    for row, values in enumerate(_rows(path, name)):
        if found is None:
            found = np.empty((len(seen), *values.shape), values.dtype)
        if values.shape != found.shape[1:]:
            _refuse(path, name, row, f"has shape {values.shape}, in row 0 {found.shape[1:]}; allowed: the same in all")
        place = places[row] % len(seen) if shape else 0
        if not seen[place]:
            found[place], seen[place] = values, True
        elif not np.array_equal(found[place], values):
            same = "at all checkpoints of a model" if shape else "in all rows"
            _refuse(path, name, row, f"differs from that of another row; allowed: the same {same}")
    return found.reshape(*shape, *found.shape[1:])


def _axes(name: str, n_epochs: int, n_models: int) -> tuple[int, ...]:
    """The axes that rows stand for."""
    return () if name in OF_SAMPLES else (n_models,) if name in OF_MODELS else (n_epochs, n_models)


def _places(path: str, columns: list[str]) -> tuple[NDArray, NDArray, NDArray]:
    """Epochs and models, increasing; checkpoint * models + model of each row, counted from 0."""
    given = [name for name in (EPOCH, MODEL) if name in columns]
    with reading(path):
        table = pq.read_table(path, columns=given, partitioning=None)
    if not len(table):
        raise ValueError(f"{path}: has no rows; allowed: one a model and epoch")
    for name in given:
        if not pa.types.is_integer(table[name].type) or table[name].null_count:
            raise ValueError(f"{path}: column {name!r} is {table[name].type}; allowed: a whole number in each row")
    models, model = np.unique(table[MODEL].to_numpy(), return_inverse=True)
    given_epochs = table[EPOCH].to_numpy() if EPOCH in given else np.ones(len(table), int)
    epochs, epoch = np.unique(given_epochs, return_inverse=True)
    places = epoch * len(models) + model
    counts = np.bincount(places, minlength=len(epochs) * len(models))
    if odd := np.flatnonzero(counts != 1).tolist():
        where = f"model {models[odd[0] % len(models)]} at epoch {epochs[odd[0] // len(models)]}"
        raise ValueError(
            f"{path}: {counts[odd[0]]} rows are of {where}; allowed: one row a model and epoch, whose cells are lists "
            "over samples"
        )
    return epochs, models, places


def _shape(path: str, name: str, kind: pa.DataType) -> tuple[tuple[int, ...], np.dtype]:
    """Of a cell, of the first row."""
    while _is_list(kind):
        kind = kind.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(f"{path}: column {name!r} holds {kind}; allowed: numbers, and lists of them")
    return next(_rows(path, name)).shape, np.dtype(kind.to_pandas_dtype())


def _rows(path: str, name: str) -> Iterator[NDArray]:
    """The cells of a column, as arrays."""
    for row, cell in enumerate(_cells(path, name)):
        yield _values(path, name, row, cell)


def _cells(path: str, name: str) -> Iterator[pa.Scalar]:
    with reading(f"{path}: column {name!r}"), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, columns=[name]):
            yield from batch.column(0)


def _values(path: str, name: str, row: int, cell: pa.Scalar) -> NDArray:
    """A cell as an array, of lists of equal length."""
    shape: list[int] = []
    values = pa.array([cell.as_py()], cell.type) if not _is_list(cell.type) else cell.values
    if values is None:
        _refuse(path, name, row, "is missing")
    if _is_list(cell.type):
        shape.append(len(values))
    while _is_list(values.type):
        lengths = pc.unique(pc.list_value_length(values)).to_pylist()
        if len(lengths) != 1 or lengths[0] is None:
            _refuse(path, name, row, "holds lists of several lengths; allowed: of one")
        shape.append(lengths[0])
        values = values.flatten()
    if values.null_count and not pa.types.is_floating(values.type):
        _refuse(path, name, row, "holds a missing value")
    return values.to_numpy(zero_copy_only=False).reshape(shape)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _refuse(path: str, name: str, row: int, why: str) -> NoReturn:
    raise ValueError(f"{path}: column {name!r}: row {row} {why}")
