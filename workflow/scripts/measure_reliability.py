"""Scores in, how right the probabilities of attacks are out: reliability diagram, Brier score, calibration error."""

from pathlib import Path

from memdyn.attacks.base import build
from memdyn.attacks.reliability import tables_of_attacks
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.reliability).parent)
    options, given = snakemake.params.stage["options"], snakemake.input
    sources = {name: given[name] for name in ("outputs", *options.get("needs", ()))}
    intervals = options["statistics"]["jackknife_groups"], options["statistics"]["level"]
    with empty_if_too_few(snakemake.output, "reliability", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        attacks = {attack["label"]: build(attack["options"]) for attack in options["attacks"]}
        tables = tables_of_attacks(attacks, scores, *intervals, tell)
        for name, table in tables.items():
            write_table(table, snakemake.output[name], "reliability")
        for row in tables["calibration"].tail(2).itertuples():
            tell(f"{row.attack}: {row.metric} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}]")
