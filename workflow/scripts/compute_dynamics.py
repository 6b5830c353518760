"""Scores and rates in, the dynamics of one run out: the state of every sample at every checkpoint."""

from pathlib import Path

import numpy as np
import pandas as pd

from memdyn.compare.runs import accuracy_by_checkpoint
from memdyn.data.pool import read_pool
from memdyn.dynamics.dprime import sample_statistics
from memdyn.dynamics.plane import samples_table
from memdyn.dynamics.zones import ZoneBounds, zone_shares
from memdyn.provenance.job import start
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_epochs, read_signal
from memdyn.store.tables import write_table


def margin_statistics(scores: list[str], masks: np.ndarray, rows: slice) -> pd.DataFrame:
    """d' and the test of every scored sample at every checkpoint."""
    tables = [
        sample_statistics(read_signal(scores, epoch, "margin", rows), masks[:, rows], epoch)
        for epoch in read_epochs(scores[0])
    ]
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    folder = Path(snakemake.output.samples).parent
    tell = start(snakemake, folder)
    options, pool = snakemake.params.stage["options"], read_pool(snakemake.input.pool)
    masks = read_masks(snakemake.input.masks, range(options["models"]))
    dynamics, scores = options["dynamics"], list(snakemake.input.scores)
    bounds = ZoneBounds(
        hv_tpr=dynamics["hv_tpr"],
        hv_fpr=dynamics["hv_fpr"],
        vulnerable_advantage=dynamics["vulnerable_advantage"],
        test_level=dynamics["test_level"],
    )
    statistics = margin_statistics(scores, masks, pool.parts["scored"])
    samples = [
        samples_table(
            pd.read_parquet(rates), statistics, pool.labels, pool.sample_ids, bounds, options["level"], snakemake.wildcards.run, label
        )
        for (label, _), rates in zip(options["attacks"], snakemake.input.rates, strict=True)
    ]
    table = pd.concat(samples, ignore_index=True)
    write_table(table, snakemake.output.samples)
    write_table(zone_shares(table, ["run", "attack", "threshold", "epoch"]), snakemake.output.zones)
    write_table(accuracy_by_checkpoint(scores, masks, pool.parts), snakemake.output.accuracy)
    tell(f"{len(table)} states of samples")
