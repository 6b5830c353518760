"""The study's tables in, its figures out: PNG for the page, PDF for a paper."""

from pathlib import Path

import pandas as pd

from memdyn.data.pool import read_pool
from memdyn.provenance.job import start
from memdyn.report.figures import draw_all
from memdyn.report.record import ReportOptions
from memdyn.store.atomic import atomic_path

if __name__ == "__main__":
    folder = Path(snakemake.output.figures)
    tell = start(snakemake, folder.parent / "logs" / folder.name)
    tables = {Path(path).stem: pd.read_parquet(path) for path in snakemake.input.tables}
    pools = {Path(path).parent.name: read_pool(path) for path in snakemake.input.pools}
    images = {run["run"]: pools[run["pool"]] for _, run in tables["runs"].iterrows()}
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        figures = draw_all(tables, images, temporary, ReportOptions.of_options(snakemake.params.stage["options"]))
    tell(f"{len(figures)} figures drawn")
