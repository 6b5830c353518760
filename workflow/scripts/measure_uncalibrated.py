"""Scores in, what needs no shadow models out: accuracy, losses, the attacks AVG and POW."""

from pathlib import Path

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.compare.uncalibrated import uncalibrated_tables
from memdyn.design.seeds import derive_seed
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell = start(snakemake, Path(snakemake.output.uncalibrated).parent)
    pool, options, given = snakemake.params.pool, snakemake.params.stage["options"], snakemake.input
    with empty_if_too_few(snakemake.output, "uncalibrated", given.outputs, tell):
        scores = ShadowScores.of_files(given.outputs, given.pool, given.masks, options["models"], options["epochs"])
        # of the pool alone: all runs on it are judged on the same samples
        seed = derive_seed(pool["options"]["seed"], pool["options_hash"], "known samples")
        statistics = options["statistics"]
        intervals = statistics["jackknife_groups"], statistics["level"]
        tables = uncalibrated_tables(scores, options["known"], options["draws"], seed, *intervals)
        for name, table in tables.items():
            write_table(table, snakemake.output[name], "uncalibrated")
        last = tables["uncalibrated"].query("metric == 'advantage'").tail(2)
        tell(", ".join(f"{row.attack}: advantage {row.value:.3f}" for row in last.itertuples()))
