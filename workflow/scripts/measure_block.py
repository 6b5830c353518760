"""Checkpoints in, GraNd and prediction depth of every scored sample out.

A stage of its own beside scoring, and no part of it: a study that wants neither keeps the scores, and their names, that
it has; one that turns them on later has only this stage and the analysis to do, where the weights are still there.
Snakemake deletes the weights of a block after the last job that reads them, which is that of scoring: it waits for this
one. Nor does the guard take weights of which a result is missing (`memdyn.plan.study.RunPlan.results_of_weights`), so
that no kill can lose them in between.
"""

from pathlib import Path

import pandas as pd

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.data.pool import read_pool
from memdyn.design.blocks import models_of, progress_folder
from memdyn.identity.job import start
from memdyn.jobs.atomic import sweep
from memdyn.jobs.lease import hold
from memdyn.models.build import build_model
from memdyn.probes.measuring import measure_block
from memdyn.store.logs import failed_models
from memdyn.store.masks import read_masks
from memdyn.store.measures import write_measures

if __name__ == "__main__":
    path = Path(snakemake.output.measures)
    tell = start(snakemake, path.parents[1])
    params, pool = snakemake.params, read_pool(snakemake.input.pool)
    measures = params.stage["options"]["measures"]
    device = prepare_torch(params.device, snakemake.threads)
    scored, models = pool.parts["scored"], models_of(snakemake.wildcards.block)
    masks = read_masks(snakemake.input.masks, models)[:, scored]
    inputs = Samples.of_pool(pool, scored, device)
    model = params.train["options"]["model"]
    network = build_model(model, pool.images.shape[1:], len(pool.class_names)).to(device)
    checkpoints = Path(snakemake.input.checkpoints)
    with hold(progress_folder(path.parents[1], snakemake.wildcards.block), "measuring", tell):
        if path.exists():  # Snakemake had deleted it before it started this job
            tell("the other job has measured the block: nothing is left to do")
        else:
            sweep(path.parent)
            failed = failed_models(pd.read_parquet(snakemake.input.log))
            found = measure_block(network, checkpoints, models, masks, inputs, params.batch, measures, failed)
            write_measures(path, models, found)
            tell(f"models {models[0]} to {models[-1]}: {', '.join(found)} measured")
