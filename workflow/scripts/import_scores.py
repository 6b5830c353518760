"""Exported scores in, what training and scoring would have left out: pool, masks, logs, signals."""

from pathlib import Path

from memdyn.data.exported import Exported
from memdyn.data.imports import Import, import_scores, words
from memdyn.identity.job import start
from memdyn.identity.recipe import open_stage
from memdyn.identity.sources import refuse_changed

if __name__ == "__main__":
    pool, path, params = Path(snakemake.output.pool), snakemake.params.path, snakemake.params
    tell = start(snakemake, pool.parent, files=[path])
    folders = pool.parent, Path(snakemake.output.logs[0]).parents[1], Path(snakemake.output.signals[0]).parents[1]
    for stage, folder in zip(params.within, folders[1:], strict=True):
        open_stage(stage, folder)
    options = params.stage["options"]
    exported = Exported(**{name: options[name] for name in Exported.__dataclass_fields__})
    made = Import(path, exported, options["seed"], params.stage["options_hash"])
    refuse_changed([path], options["content"], results=pool.parents[1])
    outputs = ([Path(file) for file in snakemake.output[name]] for name in ("masks", "logs", "signals"))
    import_scores(made, pool, *outputs)
    refuse_changed([path], options["content"], results=pool.parents[1])
    tell(f"{words(made)}; nothing is trained")
