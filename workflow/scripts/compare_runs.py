"""All runs' tables in, the study's tables out: side by side, with paired differences and the null test."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import yaml

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.compare.claims import power_law, study_claims, with_factor
from memdyn.compare.differences import run_differences
from memdyn.compare.failures import run_status
from memdyn.compare.history import history_gain
from memdyn.compare.nulls import null_tests
from memdyn.compare.privacy import dp_table
from memdyn.compare.regularization.losses import LastMargins
from memdyn.compare.regularization.tables import against_baselines, regularization_tables
from memdyn.compare.runs import factor_row, run_row
from memdyn.compare.stacked import keyed, pool_tables, stack, taken_over, training_logs, with_rows
from memdyn.compare.verdicts import Rules
from memdyn.compare.width import width_tables
from memdyn.identity.job import start
from memdyn.jobs.atomic import atomic_path
from memdyn.stats.jackknife import Pairs
from memdyn.store.logs import failed_models
from memdyn.store.tables import read_reason, write_csv, write_parts, write_table

# rows from which on a CSV is compressed, and beyond which there is none: nobody would read it, and writing takes hours
LONG, TOO_LONG = 50_000, 20_000_000


def write_samples(snakemake, tell: Callable[[str], None]) -> None:
    """The one table that may not fit in memory: a row a run, attack, threshold, checkpoint and sample."""
    paths, out = snakemake.input.samples, Path(snakemake.output.samples)
    by_run = [{"run": run["name"]} for run in snakemake.params.runs]
    rows = sum(pq.read_metadata(path).num_rows for path in paths)
    if rows > TOO_LONG:
        tell(f"no CSV of the table samples, which has {rows} rows; {out.name} holds them all")
    else:
        write_csv(with_rows(keyed(by_run, paths)), out.with_suffix(".csv.gz" if rows > LONG else ".csv"), "study")
    write_parts(with_rows(keyed(by_run, paths)), out, "study")


def study_tables(snakemake) -> dict[str, pd.DataFrame]:
    """Every table of the study but the samples', by name."""
    options, runs = snakemake.params.stage["options"], snakemake.params.runs
    by_run = [{"run": run["name"]} for run in runs]
    by_attack = [
        key | {"attack": label} for key, run in zip(by_run, options["runs"], strict=True) for label, _ in run["attacks"]
    ]
    given = snakemake.input
    tables = {
        **taken_over("attack", by_attack, given.attacks),
        **taken_over("dynamics", by_run, given.dynamics),
        **taken_over("agreement", by_run, given.agreement),
        **taken_over("analysis", by_run, given.analysis),
        **taken_over("distance", by_run, given.distances),
        **taken_over("reliability", by_run, given.reliability),
        **taken_over("realised", by_run, given.realised),
    }
    if given.uncalibrated:
        tables["uncalibrated"] = stack(by_run, given.uncalibrated)
        tables["null_draws"] = pd.concat([tables["null_draws"], stack(by_run, given.uncalibrated_null)])
    tables["null"] = null_tests(tables["null_draws"])
    pool_of = {run["name"]: run["pool"] for run in runs}
    logs = training_logs(given.logs, by_run)
    pairs = {run: Pairs.of(options["models"], failed_models(log)) for run, log in logs.items()}
    sizes = {run: left.sizes(options["groups"]) for run, left in pairs.items()}
    replicates, factors = stack(by_attack, given.replicates), pd.DataFrame([factor_row(run) for run in runs])
    differences = run_differences(tables["attack_metrics"], replicates, pool_of, sizes, options["level"])
    tables["differences"] = with_factor(differences, factors)
    attacks = tables["attack_metrics"], replicates
    tables["history_gain"] = history_gain(*attacks, options.get("alone", {}), sizes, options["level"])
    attacked, missing = set(tables["attack_metrics"]["run"]), missing_parts(given, by_attack, by_run)
    status = {run: run_status(run, log, missing.get(run, {}), attacked) for run, log in logs.items()}
    tables["runs"] = pd.DataFrame(
        [
            run_row(run, logs[run["name"]], tables["accuracy"].query("run == @run['name']"), status[run["name"]])
            for run in runs
        ]
    )
    if "curves" in tables:
        everything = tables | {"replicates": replicates}
        rules = Rules(level=options["level"], **options["claims"])
        tables |= study_claims(everything, factors, pool_of, sizes, options["level"], options["thresholds"], rules)
        curves = [tables[name] for name in ("curve_replicates", "clocks", "clock_replicates")]
        tables |= width_tables(*curves, factors, sizes, options["level"])
    tables["dp"] = dp_table(runs, tables["accuracy"])
    tables |= pool_tables(runs, given.pools)
    everything = tables | {"replicates": replicates}
    tables |= power_law(everything, factors, tables["pools"], sizes, options["level"])
    if "regularization" in options:
        weak = {"uncalibrated_replicates": stack(by_run, given.uncalibrated_replicates)}
        own, reasons = (
            options["regularization"],
            dict(zip(tables["runs"]["run"], tables["runs"]["reason"], strict=True)),
        )
        against = against_baselines(everything | tables | weak, runs, sizes, options["level"], own, reasons)
        margins, distances = dict(last_margins(snakemake, attacked)), tables.get("level_distance")
        tables |= regularization_tables(against, margins, distances, options["groups"], own)
    return tables


def last_margins(snakemake, attacked: set[str]) -> Iterator[tuple[str, LastMargins]]:
    """(run, its margins at the last checkpoint), of the runs that attacks have numbers of."""
    options, runs, given = snakemake.params.stage["options"], snakemake.params.runs, snakemake.input
    blocks, masks = (len(files) // len(runs) for files in (given.outputs, given.masks))
    for k, (run, pool) in enumerate(zip(runs, given.pools, strict=True)):
        files = given.outputs[k * blocks : (k + 1) * blocks], pool, given.masks[k * masks : (k + 1) * masks]
        last = options["regularization"]["last"][run["name"]]
        if run["name"] in attacked:
            yield run["name"], LastMargins.of(ShadowScores.of_files(*files, options["models"], [last]))


def missing_parts(given, by_attack: list[dict[str, str]], by_run: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Run -> what could not be computed of it (an attack's label, dynamics, analysis) -> why."""
    stages = {"attack": (by_attack, given.replicates)}
    for stage, paths, table in (("dynamics", given.dynamics, "centre"), ("analysis", given.analysis, "curves")):
        mine = [path for path in paths if Path(path).stem == table]
        stages[stage] = (by_run if mine else [], mine)
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for stage, (keys, paths) in stages.items():
        for key, path in zip(keys, paths, strict=True):
            if why := read_reason(path):
                found[key["run"]][key.get("attack", stage)] = why
    return found


if __name__ == "__main__":
    folder = Path(snakemake.output[0]).parent
    tell = start(snakemake, folder)
    # undeclared, so before the declared tables: a kill in between cannot leave them without it
    with atomic_path(folder / "folders.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(snakemake.params.map, sort_keys=False))
    write_samples(snakemake, tell)
    for name, table in study_tables(snakemake).items():
        write_csv([table], folder / (f"{name}.csv.gz" if len(table) > LONG else f"{name}.csv"), "study")
        write_table(table, snakemake.output[name], "study")
    tell(f"{len(snakemake.params.runs)} runs compared")
