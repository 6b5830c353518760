"""The pool in, masks out: which sample is a member of which shadow model."""

from pathlib import Path

import numpy as np

from memdyn.data.pool import read_pool
from memdyn.design.blocks import models_of
from memdyn.design.membership import membership
from memdyn.identity.job import start
from memdyn.store.masks import write_masks

if __name__ == "__main__":
    path = Path(snakemake.output.masks)
    start(snakemake, path.parents[1])
    stage, pool = snakemake.params.stage, read_pool(snakemake.input.pool)
    models = models_of(path.stem)
    masks = [
        membership(rows.stop - rows.start, models, stage["options"]["seed"], stage["options_hash"], part)
        for part, rows in pool.parts.items()
        if part in ("scored", "sham")
    ]
    write_masks(path, np.concatenate(masks, axis=1))
