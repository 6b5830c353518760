"""Attacks on runs whose models lie in folds in, the study's tables out: side by side, with differences and nulls."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from memdyn.compare.claims import with_factor
from memdyn.compare.differences import run_differences
from memdyn.compare.folds import accuracy_of, folded_row, missing_attacks, sizes_of
from memdyn.compare.history import history_gain
from memdyn.compare.nulls import null_tests
from memdyn.compare.runs import factor_row
from memdyn.compare.stacked import pool_tables, stack, taken_over, training_logs
from memdyn.identity.job import start
from memdyn.jobs.atomic import atomic_path
from memdyn.store.tables import write_csv, write_table


def study_tables(snakemake) -> dict[str, pd.DataFrame]:
    """Every table of the study, by name."""
    options, runs, given = snakemake.params.stage["options"], snakemake.params.runs, snakemake.input
    by_run = [{"run": run["name"]} for run in runs]
    by_attack = [
        key | {"attack": label} for key, run in zip(by_run, options["runs"], strict=True) for label, _ in run["attacks"]
    ]
    tables, replicates = taken_over("attack", by_attack, given.attacks), stack(by_attack, given.replicates)
    metrics, logs = tables["attack_metrics"], training_logs(given.logs, by_run)
    sizes = {run: sizes_of(np.array(snakemake.params.folds), log) for run, log in logs.items()}
    pool_of = {run["name"]: run["pool"] for run in runs}
    differences = run_differences(metrics, replicates, pool_of, sizes, options["level"])
    missing = missing_attacks(by_attack, given.replicates)
    accuracy = accuracy_of(options["runs"], options["models"], given.outputs, given.pools, given.masks)
    return tables | {
        "accuracy": accuracy,
        "differences": with_factor(differences, pd.DataFrame([factor_row(run) for run in runs])),
        "history_gain": history_gain(metrics, replicates, options.get("alone", {}), sizes, options["level"]),
        "null": null_tests(tables["null_draws"]),
        "runs": pd.DataFrame(
            [
                folded_row(run, logs[run["name"]], accuracy, missing.get(run["name"], {}), set(metrics["run"]))
                for run in runs
            ]
        ),
        **pool_tables(runs, given.pools),
    }


if __name__ == "__main__":
    folder = Path(snakemake.output[0]).parent
    tell = start(snakemake, folder)
    # undeclared, so before the declared tables: a kill in between cannot leave them without it
    with atomic_path(folder / "folders.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(snakemake.params.map, sort_keys=False))
    for name, table in study_tables(snakemake).items():
        write_csv([table], folder / f"{name}.csv", "study")
        write_table(table, snakemake.output[name], "study")
    tell(f"{len(snakemake.params.runs)} run{'s' * (len(snakemake.params.runs) > 1)} compared")
