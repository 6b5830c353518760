"""All runs' audits in, the study's tables out: lower bounds of epsilon beside the accountant's."""

import hashlib
from pathlib import Path

import pandas as pd
import yaml

from memdyn.compare.audit import audit_table, audited_row
from memdyn.compare.runs import pool_row, samples_of
from memdyn.data.pool import read_pool
from memdyn.identity.job import start
from memdyn.jobs.atomic import atomic_path
from memdyn.store.tables import read_reason, write_csv, write_table


def study_tables(snakemake) -> dict[str, pd.DataFrame]:
    """Every table of the study, by name."""
    given, runs = snakemake.input, {run["name"]: run for run in snakemake.params.runs}
    bounds = {run: pd.read_parquet(path) for run, path in zip(runs, given.bounds, strict=True)}
    reasons = {run: read_reason(path) for run, path in zip(runs, given.bounds, strict=True)}
    accuracy = {run: pd.read_parquet(path) for run, path in zip(runs, given.accuracy, strict=True)}
    blocks = len(given.logs) // len(runs)
    rows = []
    for place, (name, run) in enumerate(runs.items()):
        log = pd.concat(map(pd.read_parquet, given.logs[place * blocks : (place + 1) * blocks]))
        rows.append(audited_row(run, log, accuracy[name], reasons[name]))
    known = [table.assign(run=run) for run, table in accuracy.items()]
    pools = {run["pool"]: (run["dataset"], path) for run, path in zip(runs.values(), given.pools, strict=True)}
    return {
        "runs": pd.DataFrame(rows),
        "audit": audit_table(bounds, runs),
        "accuracy": pd.concat([table for table in known if len(table)] or known[:1], ignore_index=True),
        "pools": pd.DataFrame(
            [
                pool_row(folder, dataset, read_pool(path), hashlib.sha256(Path(path).read_bytes()).hexdigest())
                for folder, (dataset, path) in pools.items()
            ]
        ),
        "samples_index": pd.concat(
            [samples_of(folder, read_pool(path)) for folder, (_, path) in pools.items()], ignore_index=True
        ),
    }


if __name__ == "__main__":
    folder = Path(snakemake.output[0]).parent
    tell = start(snakemake, folder)
    # undeclared, so before the declared tables: a kill in between cannot leave them without it
    with atomic_path(folder / "folders.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(snakemake.params.map, sort_keys=False))
    for name, table in study_tables(snakemake).items():
        write_csv([table], folder / f"{name}.csv", "study")
        write_table(table, snakemake.output[name], "study")
    tell(f"{len(snakemake.params.runs)} runs audited")
