"""Small tables: Parquet for programs, CSV beside it for people."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from memdyn.store.atomic import atomic_path


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """One Parquet file, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """One CSV file, gzipped where the name ends in .gz."""
    compression = "gzip" if str(path).endswith(".gz") else None
    with atomic_path(path) as temporary, pa.output_stream(str(temporary), compression=compression) as stream:
        csv.write_csv(pa.Table.from_pandas(table, preserve_index=False), stream)
