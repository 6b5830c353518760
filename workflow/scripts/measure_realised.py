"""Scores in, what attackers realise on held-out targets out: rates, precision, calibrated ROC, lists of members."""

from pathlib import Path

from memdyn.attacks.base import build
from memdyn.attacks.realised import Settings, tables_of_attacks
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.data.pool import read_pool
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.realised).parent)
    options, given = snakemake.params.stage["options"], snakemake.input
    sources = {name: given[name] for name in ("outputs", *options.get("needs", ()))}
    with empty_if_too_few(snakemake.output, "realised", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        attacks = {attack["label"]: build(attack["options"]) for attack in options["attacks"]}
        planted = read_pool(given.pool).flipped[scores.parts["scored"]]
        costly = [attack["label"] for attack in options["attacks"] if attack["costly"]]
        tables = tables_of_attacks(attacks, scores, planted, Settings.of_options(options), tell, costly)
        for name, table in tables.items():
            write_table(table, snakemake.output[name], "realised")
