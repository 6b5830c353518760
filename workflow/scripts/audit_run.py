"""Scores of one run's models in, lower bounds of its epsilon out."""

from pathlib import Path

from memdyn.audit.stage import bounds_table
from memdyn.data.pool import read_pool
from memdyn.dynamics.accuracy import accuracy_without_pairs
from memdyn.identity.job import start
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_signal
from memdyn.store.tables import empty_if_too_few, write_table

if __name__ == "__main__":
    tell, given = start(snakemake, Path(snakemake.output.bounds).parent), snakemake.input
    options, parts = snakemake.params.stage["options"], read_pool(given.pool).parts
    with empty_if_too_few(snakemake.output, "audit", given.outputs, tell):
        margins = read_signal(given.outputs, options["epoch"], "margin", parts["scored"])
        mask = read_masks(given.masks, range(options["models"]))[:, parts["scored"]]
        bounds = bounds_table(margins, mask, options["audit"])
        accuracy = accuracy_without_pairs(given.outputs, parts, mask, options["epoch"])
        write_table(bounds, snakemake.output.bounds, "audit")
        write_table(accuracy, snakemake.output.accuracy, "audit")
        for row in bounds.head(2).itertuples():
            tell(f"epsilon is at least {row.epsilon_lower:.2f} by {row.method}: {row.correct} of {row.guesses} right")
