"""Scores of models of any design in, one attack's tables out: metrics with intervals, ROC curves, null draws."""

from pathlib import Path

import numpy as np

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings, null_seed
from memdyn.attacks.evaluate_folds import evaluate_folds
from memdyn.attacks.folds import FoldedScores
from memdyn.identity.job import start
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    pool, options, given = snakemake.params.pool["options"], snakemake.params.stage["options"], snakemake.input
    seed = null_seed(pool["seed"], snakemake.params.pool["options_hash"], options["run_key"])
    tell = start(snakemake, Path(snakemake.output.metrics).parent, null_seed=seed)
    settings, attack = Settings.of_options(options | {"thresholds": []}, seed), build(options["attack"])
    with empty_if_too_few(snakemake.output, "attack", given.outputs, tell):
        scores = FoldedScores.of_files(given.outputs, given.pool, given.masks, options["models"], options["epochs"])
        tables = evaluate_folds(attack, scores.folded(attack, np.array(pool["folds"]), pool["seed"]), settings)
        for name, table in tables.items():
            write_table(table, snakemake.output[name], "attack")
        last = tables["metrics"].query("aggregation == 'pooled'").iloc[-1]
        tell(f"AUC {last['auc']:.3f} [{last['auc_low']:.3f}, {last['auc_high']:.3f}] at epoch {last['epoch']}")
