"""Scores and rates in, the dynamics of one run out: the state of every sample at every checkpoint."""

from pathlib import Path

import pandas as pd

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.compare.runs import accuracy_by_checkpoint
from memdyn.data.pool import read_pool
from memdyn.dynamics.centre import centre_table
from memdyn.dynamics.dprime import sample_statistics
from memdyn.dynamics.plane import samples_table
from memdyn.dynamics.zones import ZoneBounds, zone_shares
from memdyn.provenance.job import start
from memdyn.store.tables import write_table


def margin_statistics(scores: ShadowScores, level: float) -> pd.DataFrame:
    """d' with its limits and the test of every scored sample at every checkpoint."""
    load = scores.loader("scored")
    inputs = ((epoch, load(epoch)) for epoch in scores.epochs)
    tables = [sample_statistics(one.signal, one.mask, epoch, level) for epoch, one in inputs]
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.samples).parent)
    options, given, run = snakemake.params.stage["options"], snakemake.input, snakemake.wildcards.run
    scores = ShadowScores.of_files(given.scores, given.pool, given.masks, options["models"])
    pool, dynamics = read_pool(given.pool), options["dynamics"]
    bounds = ZoneBounds(
        hv_tpr=dynamics["hv_tpr"],
        hv_fpr=dynamics["hv_fpr"],
        vulnerable_advantage=dynamics["vulnerable_advantage"],
        test_level=dynamics["test_level"],
    )
    settings = Settings.of_options(options, snakemake.params.seed)
    statistics = margin_statistics(scores, settings.level)
    samples, centres = [], []
    for attack, file in zip(options["attacks"], given.rates, strict=True):
        rates = pd.read_parquet(file)
        ids = pool.labels, pool.sample_ids
        how = bounds, settings.level, options["design_effect"], run, attack["label"]
        samples.append(samples_table(rates, statistics, *ids, *how))
        loaders = scores.loader("scored"), scores.loader("sham")
        centre = centre_table(build(attack["options"]), scores.epochs, *loaders, settings)
        centres.append(centre.assign(attack=attack["label"]))
    table = pd.concat(samples, ignore_index=True)
    write_table(table, snakemake.output.samples)
    write_table(pd.concat(centres, ignore_index=True), snakemake.output.centre)
    write_table(zone_shares(table, ["run", "attack", "threshold", "epoch"]), snakemake.output.zones)
    write_table(accuracy_by_checkpoint(scores), snakemake.output.accuracy)
    tell(f"{len(table)} states of samples")
