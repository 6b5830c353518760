"""Measures of difficulty on disk: wide Parquet, a row a model, each measure a list over the scored samples."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memdyn.jobs.atomic import atomic_path


def write_measures(path: Path, models: range, measures: dict[str, np.ndarray]) -> None:
    """Writes a block's measures, float32 [models, samples] each, whole or not at all."""
    columns = {"model": pa.array(models, pa.int32())}
    for name, values in measures.items():
        flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    with atomic_path(path) as temporary:
        pq.write_table(pa.table(columns), temporary, compression="zstd")


def read_measures(paths: Sequence[str | Path]) -> dict[str, np.ndarray]:
    """Measure -> float32 [models, samples], the blocks `paths` one below the other; no measure of no file."""
    blocks = [pq.read_table(path).drop_columns("model") for path in paths]
    names = blocks[0].column_names if blocks else []
    return {name: np.concatenate([_matrix(block[name]) for block in blocks]) for name in names}


def _matrix(column: pa.ChunkedArray) -> np.ndarray:
    lists = column.combine_chunks()
    return lists.values.to_numpy().reshape(len(lists), -1)
