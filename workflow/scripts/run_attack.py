"""Scores in, one attack's tables out: metrics with intervals, ROC curves, null draws, rates of every sample."""

from pathlib import Path

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings, evaluate
from memdyn.attacks.inputs import Inputs
from memdyn.data.pool import read_pool
from memdyn.provenance.job import start
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_epochs, read_signal
from memdyn.store.tables import write_table

if __name__ == "__main__":
    folder = Path(snakemake.output.metrics).parent
    tell = start(snakemake, folder)
    options, parts = snakemake.params.stage["options"], read_pool(snakemake.input.pool).parts
    masks = read_masks(snakemake.input.masks, range(options["models"]))
    statistics = options["statistics"]
    settings = Settings(
        level=statistics["level"],
        groups=16,
        draws=statistics["null_draws"],
        seed=snakemake.params.seed,
        fprs=(0.001, 0.01),
        rate_fprs=tuple(threshold for threshold in options["thresholds"] if threshold != "lr1"),
        points_per_decade=10,
    )

    def load(part: str):
        def at(epoch: int) -> Inputs:
            margins = read_signal(snakemake.input.scores, epoch, "margin")
            rows = parts[part]
            return Inputs.of(margins[:, rows], masks[:, rows], margins[:, parts["population"]])

        return at

    tables = evaluate(
        build(options["attack"]), read_epochs(snakemake.input.scores[0]), load("scored"), load("sham"), settings
    )
    for name, table in tables.items():
        write_table(table, snakemake.output[name])
    last = tables["metrics"].query("aggregation == 'pooled'").iloc[-1]
    tell(f"AUC {last['auc']:.3f} [{last['auc_low']:.3f}, {last['auc_high']:.3f}] at epoch {last['epoch']}")
