"""Tables as `memdyn.tables` declares them, or not at all: Parquet for programs, CSV beside it for people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from memdyn.jobs.atomic import atomic_path
from memdyn.stats.jackknife import TooFewModels
from memdyn.store.scores import read_failed
from memdyn.tables import STAGES
from memdyn.tables.table import Table

_REASON = "reason"


def with_ids(table: pd.DataFrame, sample_ids: np.ndarray) -> pd.DataFrame:
    """The table with the column sample_id in the place of `sample`, if it has one.

    Args:
        sample_ids: int [pool], what a row of the pool is in the source.
    """
    if "sample" not in table:
        return table
    return table.assign(sample=sample_ids[table["sample"]]).rename(columns={"sample": "sample_id"})


def write_table(table: pd.DataFrame, path: str | Path, stage: str) -> None:
    """One Parquet file, whole or not at all.

    Args:
        stage: that the table is declared of, under the name of the file.

    Raises:
        WrongTable: where it is not as declared.
    """
    # numbers that went through an empty table are objects; all of them missing, they would be read as no numbers
    table = declared(path, stage).checked(table.infer_objects())
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_csv(parts: Iterable[pd.DataFrame], path: str | Path, stage: str) -> None:
    """One CSV file of tables one below the other, one in memory at a time; gzipped where the name ends in .gz.

    It lies beside a Parquet file, at whose writing equal keys are looked for. Arguments and errors as `write_table`.
    """
    compression = "gzip" if str(path).endswith(".gz") else None
    with atomic_path(path) as temporary, pa.output_stream(str(temporary), compression=compression) as stream:
        for number, part in enumerate(_as_arrow(parts, declared(path, stage))):
            csv.write_csv(part, stream, csv.WriteOptions(include_header=number == 0))


def write_parts(parts: Iterable[pd.DataFrame], path: str | Path, stage: str) -> None:
    """One Parquet file of tables one below the other, at least one row group each, one in memory at a time.

    Equal keys are not looked for: parts are tables of runs, which were looked through when they were written.
    """
    with atomic_path(path) as temporary:
        writer = None
        for part in _as_arrow(parts, declared(path, stage)):
            writer = writer or pq.ParquetWriter(temporary, part.schema)
            writer.write_table(part)
        if writer is None:
            raise ValueError(f"{path}: there is no table to write")
        writer.close()


@contextmanager
def empty_if_too_few(
    paths: Iterable[str | Path], stage: str, signals: Sequence[str | Path], tell: Callable[[str], None]
) -> Iterator[None]:
    """Where models that failed leave too few for what is done within, its tables are written without rows.

    The reason goes with each of them (`read_reason`), so that the study tells it and goes on with its other runs. With
    all models there, too few of them is an error as ever.

    Args:
        paths: all outputs of the stage, which are tables.
        signals: block files of a probe, which name the models that failed.
    """
    try:
        yield
    except TooFewModels as reason:
        if not read_failed(signals):
            raise
        tell(f"no numbers, because {reason}")
        for path in paths:
            table = declared(path, stage).empty()
            table.attrs[_REASON] = str(reason)  # pandas keeps it in the file
            write_table(table, path, stage)


def read_reason(path: str | Path) -> str:
    """Why a table has no rows; "" of one that was computed."""
    return pd.read_parquet(path, columns=[]).attrs.get(_REASON, "")


def declared(path: str | Path, stage: str) -> Table:
    """The declaration of the table in a file, by the file's name up to its first dot."""
    return STAGES[stage][Path(path).name.partition(".")[0]]


def _as_arrow(parts: Iterable[pd.DataFrame], one: Table) -> Iterator[pa.Table]:
    """All with the schema of the first; as they are declared, but for equal keys."""
    schema = None
    for part in parts:
        table = pa.Table.from_pandas(one.checked(part.infer_objects(), key=False), schema, preserve_index=False)
        schema = schema or table.schema
        yield table
