"""The pool and masks in; trained shadow models out: weights at the checkpoints, and the log of training."""

from pathlib import Path

from memdyn.data.pool import read_pool
from memdyn.design.blocks import models_of, progress_folder
from memdyn.identity.job import start
from memdyn.jobs import retention
from memdyn.store.masks import read_masks
from memdyn.training.block import BlockTask, train_block
from memdyn.training.resume import tidy_up
from memdyn.training.teacher import teachers_of

if __name__ == "__main__":
    log = Path(snakemake.output.log)
    tell = start(snakemake, log.parents[1])
    params, pool = snakemake.params, read_pool(snakemake.input.pool)
    block, options = snakemake.wildcards.block, params.pool["options"]
    models = models_of(block)
    task = BlockTask(
        recipe=params.stage["options"],
        models=models,
        masks=read_masks(snakemake.input.masks, models)[:, pool.parts["scored"]],
        seed=options["seed"],
        pool_key=params.pool["options_hash"],
        progress=progress_folder(log.parents[1], block),
        device=params.device,
        threads=snakemake.threads,
        keep=params.keep,
        on_divergence=params.on_divergence,
        teachers=teachers_of(params.get("teachers", []), snakemake.input.get("teachers", [])),
    )
    for teacher in task.teachers:
        tidy_up(teacher.checkpoints.parents[1], block, tell)
    checkpoints = Path(snakemake.output.checkpoints)
    train_block(task, pool, checkpoints, log, tell)
    retention.mark(checkpoints, params.keep != "all")
