"""The pool of an audit in, masks out: a coin for each sample of each shadow model."""

from pathlib import Path

import numpy as np

from memdyn.data.pool import read_pool
from memdyn.design.bernoulli import bernoulli_membership
from memdyn.design.blocks import models_of
from memdyn.identity.job import start
from memdyn.store.masks import write_masks
from memdyn.terms import MASKED_PARTS

if __name__ == "__main__":
    path = Path(snakemake.output.masks)
    start(snakemake, path.parents[1])
    stage, pool = snakemake.params.stage, read_pool(snakemake.input.pool)
    drawn = [
        bernoulli_membership(
            rows.stop - rows.start, models_of(path.stem), stage["options"]["seed"], stage["options_hash"], part
        )
        for part, rows in pool.parts.items()
        if part in MASKED_PARTS
    ]
    write_masks(path, np.concatenate(drawn, axis=1))
