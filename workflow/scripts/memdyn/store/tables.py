"""Tables: Parquet for programs, CSV beside it for people."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from memdyn.jobs.atomic import atomic_path


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """One Parquet file, whole or not at all."""
    with atomic_path(path) as temporary:
        # numbers that went through an empty table are objects; all of them missing, they would be read as no numbers
        table.infer_objects().to_parquet(temporary, index=False)


def write_csv(parts: Iterable[pd.DataFrame], path: str | Path) -> None:
    """One CSV file of tables one below the other, one in memory at a time; gzipped where the name ends in .gz."""
    compression = "gzip" if str(path).endswith(".gz") else None
    with atomic_path(path) as temporary, pa.output_stream(str(temporary), compression=compression) as stream:
        for number, part in enumerate(_as_arrow(parts)):
            csv.write_csv(part, stream, csv.WriteOptions(include_header=number == 0))


def write_parts(parts: Iterable[pd.DataFrame], path: str | Path) -> None:
    """One Parquet file of tables one below the other, at least one row group each, one in memory at a time."""
    with atomic_path(path) as temporary:
        writer = None
        for part in _as_arrow(parts):
            writer = writer or pq.ParquetWriter(temporary, part.schema)
            writer.write_table(part)
        if writer is None:
            raise ValueError(f"{path}: there is no table to write")
        writer.close()


def _as_arrow(parts: Iterable[pd.DataFrame]) -> Iterator[pa.Table]:
    """All with the schema of the first."""
    schema = None
    for part in parts:
        table = pa.Table.from_pandas(part, schema, preserve_index=False)
        schema = schema or table.schema
        yield table
