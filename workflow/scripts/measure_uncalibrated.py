"""Scores in, what needs no shadow models out: accuracy, losses, the attacks AVG and POW."""

from pathlib import Path

from memdyn.attacks.evaluate import null_seed
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.compare.uncalibrated import Settings, uncalibrated_tables
from memdyn.design.seeds import derive_seed
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    pool, options, given = snakemake.params.pool, snakemake.params.stage["options"], snakemake.input
    of_null = null_seed(pool["options"]["seed"], pool["options_hash"], options["run_key"])
    tell = start(snakemake, Path(snakemake.output.uncalibrated).parent, null_seed=of_null)
    with empty_if_too_few(snakemake.output, "uncalibrated", given.outputs, tell):
        scores = ShadowScores.of_files(given.outputs, given.pool, given.masks, options["models"], options["epochs"])
        # of the pool alone: all runs on it are judged on the same samples
        seed = derive_seed(pool["options"]["seed"], pool["options_hash"], "known samples")
        groups, level, draws = (options["statistics"][key] for key in ("jackknife_groups", "level", "null_draws"))
        settings = Settings(options["known"], options["draws"], seed, groups, level, draws, of_null)
        tables = uncalibrated_tables(scores, settings)
        for name, table in tables.items():
            write_table(table, snakemake.output[name], "uncalibrated")
        last = tables["uncalibrated"].query("metric == 'advantage'").tail(2)
        tell(", ".join(f"{row.attack}: advantage {row.value:.3f}" for row in last.itertuples()))
