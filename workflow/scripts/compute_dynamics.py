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
from memdyn.dynamics.stage import design_effect_table, observe_states
from memdyn.dynamics.zone_shares import smooth_shares, zone_table
from memdyn.dynamics.zones import ZoneBounds
from memdyn.identity.job import start
from memdyn.store.tables import write_table


def margin_statistics(scores: ShadowScores, level: float) -> pd.DataFrame:
    """d' with its limits and the test of every scored sample at every checkpoint."""
    load = scores.loader("scored")
    signals = ((epoch, load(epoch)) for epoch in scores.epochs)
    tables = [sample_statistics(one.margins, one.mask, epoch, level) for epoch, one in signals]
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.samples).parent)
    options, given, run = snakemake.params.stage["options"], snakemake.input, snakemake.wildcards.run
    sources = [given.outputs, *(given[name] for name in options.get("needs", ()))]
    scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
    pool, dynamics = read_pool(given.pool), options["dynamics"]
    bounds = ZoneBounds(
        hv_tpr=dynamics["hv_tpr"],
        hv_fpr=dynamics["hv_fpr"],
        vulnerable_advantage=dynamics["vulnerable_advantage"],
        test_level=dynamics["test_level"],
    )
    settings = Settings.of_options(options, snakemake.params.seed)
    statistics, smooth = margin_statistics(scores, settings.level), smooth_shares(scores, bounds, settings)
    samples, centres, zones = [], [], []
    for attack, file in zip(options["attacks"], given.rates, strict=True):
        built = build(attack["options"])
        observations = observe_states(scores.for_attack(built), built, settings)
        rates, ids = pd.read_parquet(file), (pool.labels, pool.sample_ids)
        how = bounds, settings.level, design_effect_table(observations), run, attack["label"]
        samples.append(samples_table(rates, statistics, *ids, *how))
        centres.append(centre_table(observations, settings.level).assign(attack=attack["label"]))
        shares = zone_table(observations, smooth, bounds, settings.level)
        zones.append(shares.assign(run=run, attack=attack["label"]))
    table = pd.concat(samples, ignore_index=True)
    write_table(table, snakemake.output.samples)
    write_table(pd.concat(centres, ignore_index=True), snakemake.output.centre)
    write_table(pd.concat(zones, ignore_index=True), snakemake.output.zones)
    write_table(accuracy_by_checkpoint(scores), snakemake.output.accuracy)
    tell(f"{len(table)} states of samples")
