"""Scores of all attacks on a run in, whom they find out: sample by attack, what they agree on, and more models' say."""

from pathlib import Path

from memdyn.attacks.base import build
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.data.pool import read_pool
from memdyn.dynamics.agreement import Settings, agreement_tables
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.agreement).parent)
    options, given = snakemake.params.stage["options"], snakemake.input
    sources = {name: given[name] for name in ("outputs", *options.get("needs", ()))}
    with empty_if_too_few(snakemake.output, "agreement", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        attacks = {attack["label"]: build(attack["options"]) for attack in options["attacks"]}
        costly = [attack["label"] for attack in options["attacks"] if attack["costly"]]
        settings = Settings(options["groups"], options["level"], snakemake.params.seed)
        ids = read_pool(given.pool).sample_ids[scores.parts["scored"]]
        for name, table in agreement_tables(scores, attacks, costly, ids, settings, tell).items():
            write_table(table, snakemake.output[name], "agreement")
