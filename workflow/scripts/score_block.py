"""Checkpoints in, membership signals of every sample out."""

from pathlib import Path

import numpy as np
import pandas as pd

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.data.pool import read_pool
from memdyn.design.blocks import models_of, progress_folder
from memdyn.identity.job import start
from memdyn.jobs import retention as temporary
from memdyn.jobs.atomic import sweep
from memdyn.jobs.lease import hold
from memdyn.models.build import build_model
from memdyn.probes.scoring import score_block
from memdyn.store.logs import failed_models
from memdyn.store.scores import write_scores
from memdyn.training.resume import clear

if __name__ == "__main__":
    path = Path(snakemake.output.scores)
    tell = start(snakemake, path.parents[1])
    params, pool = snakemake.params, read_pool(snakemake.input.pool)
    recipe = params.train["options"]
    device = prepare_torch(params.device, snakemake.threads)
    rows = [pool.parts[part] for part in params.stage["options"]["parts"]]
    scored = slice(rows[0].start, rows[-1].stop)
    models = models_of(snakemake.wildcards.block)
    inputs = Samples.of_pool(pool, scored, device)
    network = build_model(recipe["model"], pool.images.shape[1:], len(pool.class_names)).to(device)
    checkpoints = Path(snakemake.input.checkpoints)
    progress = progress_folder(path.parents[2], snakemake.wildcards.block)
    failed = failed_models(pd.read_parquet(snakemake.input.log))
    epochs = score_block(network, checkpoints, models, recipe["checkpoints"], inputs, params.batch, failed)
    with hold(progress, "scoring", tell):
        if path.exists():  # Snakemake had deleted it before it started this job
            tell("the other job has scored the block: nothing is left to do")
        else:
            sweep(path.parent)
            # training is published: what a killed job would have resumed from has served
            clear(progress)
            temporary.mark(checkpoints, params.keep != "all")
            write_scores(path, epochs, models, np.asarray(pool.sample_ids[scored]), failed)
            tell(f"models {models[0]} to {models[-1]} scored at {len(recipe['checkpoints'])} checkpoints")
            for model, epoch in failed.items():
                tell(f"model {model} diverged in epoch {epoch}: its scores are NaN")
