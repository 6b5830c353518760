"""Scores in, one attack's tables out: metrics with intervals, ROC curves, null draws, rates of every sample."""

from functools import partial
from pathlib import Path

from memdyn.attacks.base import build
from memdyn.attacks.convergence import convergence_table
from memdyn.attacks.evaluate import Settings, evaluate, null_seed
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.data.pool import read_pool
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, with_ids, write_table

if __name__ == "__main__":
    folder = Path(snakemake.output.metrics).parent
    pool, options, given = snakemake.params.pool, snakemake.params.stage["options"], snakemake.input
    seed = null_seed(pool["options"]["seed"], pool["options_hash"], options["run_key"])
    tell = start(snakemake, folder, null_seed=seed)
    settings, attack = Settings.of_options(options, seed, snakemake.threads), build(options["attack"])
    sources = {name: given[name] for name in ("outputs", *options.get("needs", ()))}
    with empty_if_too_few(snakemake.output, "attack", given.outputs, tell):
        scores = ShadowScores.of_sources(sources, given.pool, given.masks, options["models"], options["epochs"])
        scores = scores.for_attack(attack)
        load, load_sham = (partial(scores.prepared, attack, part) for part in ("scored", "sham"))
        tables = evaluate(attack, scores.epochs, load, load_sham, settings)
        tables["convergence"] = convergence_table(attack, load(scores.epochs[-1]), settings)
        sample_ids = read_pool(given.pool).sample_ids
        for name, table in tables.items():
            write_table(with_ids(table, sample_ids), snakemake.output[name], "attack")
        last = tables["metrics"].query("aggregation == 'pooled'").iloc[-1]
        tell(f"AUC {last['auc']:.3f} [{last['auc_low']:.3f}, {last['auc_high']:.3f}] at epoch {last['epoch']}")
