"""Tables and figures in, one self-contained page out; then the study's links show this version."""

import os
from pathlib import Path

import pandas as pd

from memdyn.identity.job import start
from memdyn.identity.recipe import commit, versions
from memdyn.jobs.atomic import atomic_path
from memdyn.operations.guard import keep_config, point_links
from memdyn.report.page.context import PageContext, config_text
from memdyn.report.page.render import render_page
from memdyn.report.record import ReportOptions

if __name__ == "__main__":
    path, params = Path(snakemake.output.page), snakemake.params
    tell = start(snakemake, path.parent)
    config = params.config
    context = PageContext(
        study=config["study"],
        title=config["report"]["title"] or f"Membership dynamics: {config['study']}",
        config_yaml=config_text(config),
        versions={"memdyn, commit": commit() or "unknown"} | versions(),
        folders=params.folders,
        options=ReportOptions.of_options(params.stage["options"]),
        interim=params.stage["options"].get("interim"),
        models=config.get("shadow_models"),
    )
    # the page shows samples in figures only
    paths = {Path(path).stem: path for path in snakemake.input.tables}
    tables = {name: pd.read_parquet(path) for name, path in paths.items() if not name.startswith("samples")}
    # undeclared, so before the declared page: a kill in between cannot leave it without its config
    keep_config(path.parent, config)
    page = render_page(tables, Path(snakemake.input.figures), context)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    point_links(Path(params.study), params.versions)
    tell(f"the report is {os.path.join(params.study, 'report.html')}")
