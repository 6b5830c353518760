"""Scores in, the states of samples in the vulnerability plane out, with their centre of mass and shares of zones."""

from collections import defaultdict
from pathlib import Path

import pandas as pd

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.data.pool import read_pool
from memdyn.dynamics.accuracy import accuracy_by_checkpoint
from memdyn.dynamics.centre import centre_table
from memdyn.dynamics.stage import observe_states
from memdyn.dynamics.states import samples_table
from memdyn.dynamics.zone_shares import smooth_shares, zone_table
from memdyn.dynamics.zones import ZoneBounds
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.samples).parent)
    options, given = snakemake.params.stage["options"], snakemake.input
    sources = {name: given[name] for name in ("outputs", *options.get("needs", ()))}
    with empty_if_too_few(snakemake.output, "dynamics", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        pool, bounds = read_pool(given.pool), ZoneBounds.of_options(options["dynamics"])
        settings, scored = Settings.of_options(options, snakemake.params.seed), pool.parts["scored"]
        smooth, labels, ids = smooth_shares(scores, bounds, settings), pool.labels[scored], pool.sample_ids[scored]
        tables = defaultdict(list, accuracy=[accuracy_by_checkpoint(scores)])
        for attack in options["attacks"]:
            built, label = build(attack["options"]), attack["label"]
            observations = observe_states(scores.for_attack(built), built, settings)
            samples = samples_table(observations, labels, ids, bounds, settings.level)
            tables["samples"].append(samples.assign(attack=label))
            tables["centre"].append(centre_table(observations, settings.level).assign(attack=label))
            tables["zones"].append(zone_table(observations, smooth, bounds, settings.level).assign(attack=label))
        for name, parts in tables.items():
            write_table(pd.concat(parts, ignore_index=True), snakemake.output[name], "dynamics")
        tell(f"{sum(map(len, tables['samples']))} states of samples")
