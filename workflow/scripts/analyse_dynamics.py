"""Scores in, the full dynamics of one run out: population curves, trajectories, difficulty, early determination."""

from collections import defaultdict
from pathlib import Path

import pandas as pd

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.data.pool import read_pool
from memdyn.dynamics.analysis import Analysis
from memdyn.identity.job import start
from memdyn.store.scores import read_only
from memdyn.store.tables import empty_if_too_few, with_ids, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.curves).parent)
    options, given = snakemake.params.stage["options"], snakemake.input
    pool = read_pool(given.pool)
    sources = {name: given[name] for name in ("outputs", *options.get("needs", ()))}
    with empty_if_too_few(snakemake.output, "analysis", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        measured = {name: read_only(given[name]) for name in options.get("measures", ())}
        analysis = Analysis(
            scores,
            pool.labels,
            pool.flipped,
            Settings.of_options(options, snakemake.params.seed),
            options["analysis"] | {"early_share": options["early_share"]},
            options["dynamics"],
            measured,
            options.get("harder", {}),
        )
        tables: dict[str, list[pd.DataFrame]] = defaultdict(list)
        for attack in options["attacks"]:
            for name, table in analysis.of_attack(build(attack["options"])).items():
                tables[name].append(table.assign(attack=attack["label"]))
            tell(f"{attack['label']}: done")
        for name, table in analysis.of_run().items():
            tables[name].append(table)
        for name, parts in tables.items():
            table = pd.concat(parts, ignore_index=True)
            write_table(with_ids(table, pool.sample_ids), snakemake.output[name], "analysis")
