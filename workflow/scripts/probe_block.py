"""Checkpoints in, what one probe reads off them out.

Each probe is a stage of its own: one more leaves the others as they are, and asks only for the weights. These are
deleted by the Snakemake that has seen all of them read (`memdyn.operations.discard`), so that no kill can lose them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.data.pool import read_pool
from memdyn.design.blocks import models_of, progress_folder
from memdyn.identity.job import start
from memdyn.jobs import retention
from memdyn.jobs.atomic import sweep
from memdyn.jobs.lease import hold
from memdyn.models.build import build_model
from memdyn.probes.answers import Answers
from memdyn.probes.block import build_probe, members_of, of_first, probe_block
from memdyn.store.logs import failed_models
from memdyn.store.masks import read_masks
from memdyn.store.scores import write_scores
from memdyn.training.resume import tidy_up

if __name__ == "__main__":
    path, block = Path(snakemake.output.signals), snakemake.wildcards.block
    tell = start(snakemake, path.parents[1])
    params, pool = snakemake.params, read_pool(snakemake.input.pool)
    options, recipe, models = params.stage["options"], params.train["options"], models_of(block)
    device = prepare_torch(params.device, snakemake.threads)
    rows = np.concatenate([np.arange(len(pool.labels))[pool.parts[part]] for part in options["parts"]])
    rows = rows[: options["probe"].get("samples")]
    members = members_of(read_masks(snakemake.input.masks, models), pool.parts["scored"], rows)
    network = build_model(recipe["model"], pool.images.shape[1:], len(pool.class_names)).to(device)
    checkpoints, samples = Path(snakemake.input.checkpoints), Samples.of_pool(pool, rows, device)
    epochs = options.get("epochs", recipe["checkpoints"])
    failed = failed_models(pd.read_parquet(snakemake.input.log))
    probe, name = build_probe(options["probe"], options["signal"]), options["signal"]
    answers = Answers(**options["answers"], pool=pool, device=device) if "answers" in options else None
    without = {*failed, *models[len(of_first(models, options["probe"].get("models"))) :]}
    taken = probe_block(probe, network, checkpoints, models, epochs, samples, members, params.batch, without, answers)
    with hold(progress_folder(path.parents[1], block), f"taking {name} of", tell):
        if path.exists():  # Snakemake had deleted it before it started this job
            tell("the other job has read the block: nothing is left to do")
        else:
            sweep(path.parent)
            tidy_up(path.parents[2], block, tell)
            retention.mark(checkpoints, params.keep != "all")
            write_scores(path, taken, models, np.asarray(pool.sample_ids[rows]), failed)
            tell(f"models {models[0]} to {models[-1]}: {name} at {len(epochs)} checkpoints")
            for model, epoch in failed.items():
                tell(f"model {model} diverged in epoch {epoch}: its signals are NaN")
