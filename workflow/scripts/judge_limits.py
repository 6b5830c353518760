"""The study's tables in; out a file if every limit is judged and kept, else an error that names what is not."""

import sys
from pathlib import Path

import pandas as pd

from memdyn.jobs import failure
from memdyn.jobs.atomic import atomic_path
from memdyn.report.limits import message
from memdyn.stats.limits import WITHIN, judged

if __name__ == "__main__":
    tables = {Path(path).stem: pd.read_parquet(path) for path in snakemake.input.tables}
    found = judged(tables["attack_metrics"], snakemake.params.limits, list(tables["runs"]["run"]))
    said = message(found, tables)
    Path(snakemake.log[0]).write_text(f"{said}\n")
    if said:
        print(said, file=sys.stderr, flush=True)
    if (found["verdict"] != WITHIN).any():  # a gate that cannot judge must not pass
        words = "limits: see the lines above"
        told = failure.Failure(failure.token(), snakemake.rule, failure.ERROR, words, again=False)
        failure.write(told, snakemake.log[0])
        sys.exit(1)
    failure.forget(snakemake.log[0])
    with atomic_path(snakemake.output.verdict) as temporary:
        temporary.write_text("no leak surely above its limit\n")
