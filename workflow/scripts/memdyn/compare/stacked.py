"""Tables of several runs and attacks one below the other, as the tables of their study."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from memdyn.compare.runs import pool_row, samples_of
from memdyn.data.pool import read_pool
from memdyn.tables import STAGES


def keyed(keys: Sequence[Mapping[str, str]], paths: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Tables, each with its keys as first columns."""
    for key, path in zip(keys, paths, strict=True):
        table = pd.read_parquet(path)
        yield pd.concat([pd.DataFrame(key, index=table.index), table], axis=1)


def with_rows(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Those that hold anything, since empty ones have other types; where all are empty, the first."""
    first, found = None, False
    for table in tables:
        if len(table):
            found = True
            yield table
        elif first is None:
            first = table
    if first is not None and not found:
        yield first


def stack(keys: Sequence[Mapping[str, str]], paths: Sequence[str]) -> pd.DataFrame:
    """The tables with their keys, one below the other."""
    return pd.concat(with_rows(keyed(keys, paths)), ignore_index=True)


def taken_over(stage: str, keys: Sequence[Mapping[str, str]], paths: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The runs' tables of a stage, each stacked, by the study's names; none of no paths."""
    by_name = defaultdict(list)
    for path in paths:
        by_name[Path(path).stem].append(path)
    return {STAGES[stage][name].study: stack(keys, mine) for name, mine in by_name.items()}


def training_logs(paths: Sequence[str], by_run: Sequence[Mapping[str, str]]) -> dict[str, pd.DataFrame]:
    """The log of all blocks of each run."""
    blocks = len(paths) // len(by_run)
    return {
        key["run"]: pd.concat([pd.read_parquet(path) for path in paths[place * blocks : (place + 1) * blocks]])
        for place, key in enumerate(by_run)
    }


def pool_tables(runs: Sequence[Mapping[str, Any]], paths: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables `pools` and `samples_index`.

    Args:
        runs: as the plan describes them.
        paths: the pool of each.
    """
    pools = {run["pool"]: (run["dataset"], path) for run, path in zip(runs, paths, strict=True)}
    built = {folder: read_pool(path) for folder, (_, path) in pools.items()}
    rows = [pool_row(folder, pools[folder][0], pool, sha256(pools[folder][1])) for folder, pool in built.items()]
    index = [samples_of(folder, pool) for folder, pool in built.items()]
    return {"pools": pd.DataFrame(rows), "samples_index": pd.concat(index, ignore_index=True)}


def sha256(path: str) -> str:
    """Hash of a file's content, in hex."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
