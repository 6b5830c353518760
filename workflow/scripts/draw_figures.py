"""The study's tables in, its figures out: PNG for the page, PDF for a paper."""

from pathlib import Path

import pandas as pd

from memdyn.data.pool import read_pool
from memdyn.identity.job import start
from memdyn.jobs.atomic import atomic_path
from memdyn.report.figures import draw_all
from memdyn.report.record import ReportOptions
from memdyn.report.rows import SHOWN_COLUMNS, shown_rows

if __name__ == "__main__":
    folder = Path(snakemake.output.figures)
    tell = start(snakemake, folder.parent / "logs" / folder.name)
    options = ReportOptions.of_options(snakemake.params.stage["options"])
    paths = {Path(path).stem: path for path in snakemake.input.tables}
    tables = {name: pd.read_parquet(path) for name, path in paths.items() if not name.startswith("samples")}
    # the only table that may not fit in memory: what figures show of it
    if "samples" in paths:  # an audit has none
        filters = shown_rows(tables["zones"], options.threshold)
        tables["samples"] = pd.read_parquet(paths["samples"], columns=list(SHOWN_COLUMNS), filters=filters or None)
    pools = {Path(path).parent.name: read_pool(path) for path in snakemake.input.pools}
    images = {run["run"]: pools[run["pool"]] for _, run in tables["runs"].iterrows()}
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        figures = draw_all(tables, images, temporary, options)
    tell(f"{len(figures)} figures drawn")
