"""A finished study's attacks side by side, with what each has cost: a table in Markdown, for docs and papers."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from math import isnan, nan
from pathlib import Path

import pandas as pd
import yaml

from memdyn.report.rows import at_last
from memdyn.terms import AUC, METRICS, fpr_of

_COST = ("seconds", "peak MB")
_PLAIN = {"avg": "AVG", "pow": "POW", "": "Tail-TNR"}  # without shadow models: attack -> name
_TNR = "loss_tnr_at_tpr_"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("study", type=Path, metavar="FOLDER", help="of a study that ran: results/studies/NAME")
    parser.add_argument("--aggregation", choices=("pooled", "per_model"), default="pooled", help="default: %(default)s")


def run(given: Namespace) -> None:
    """Prints a table a run, each attack at its last checkpoint.

    Raises:
        FileNotFoundError: where no such study has run.
    """
    print("\n".join(lines(given.study, given.aggregation)))


def lines(study: Path, aggregation: str) -> Iterator[str]:
    """The tables, each with what the null test says of the run.

    Args:
        study: its folder, whose results lie two folders above.
        aggregation: of the metrics, as in the table `attack_metrics`.
    """
    tables = study / "tables"
    if not (tables / "folders.yaml").exists():
        raise FileNotFoundError(f"{study}: no study has run there; allowed: results/studies/NAME")
    folders = yaml.safe_load((tables / "folders.yaml").read_text())
    if (tables / "audit.parquet").exists():
        raise FileNotFoundError(f"{study}: an audit has no attacks; its bounds are in tables/audit.csv")
    metrics = pd.read_parquet(tables / "attack_metrics.parquet").query("aggregation == @aggregation")
    null = pd.read_parquet(tables / "null.parquet").set_index("run")
    for name in folders:
        own = metrics[metrics["run"] == name]
        if own.empty:
            yield from (f"**{name}**: no attack has numbers, see the table `runs`", "")
            continue
        last = at_last(own, "attack")  # some read what is not taken of every checkpoint
        yield f"**{name}**, {last['n_models'].iloc[0]} models, {aggregation}"
        yield ""
        yield from _table(last, {label: study.parents[1] / path for label, path in folders[name]["attacks"].items()})
        if (path := tables / "uncalibrated.parquet").exists():
            plain = pd.read_parquet(path).query("run == @name")
            yield ""
            yield from _without_shadow_models(plain, study.parents[1] / folders[name]["uncalibrated"])
        found = null.loc[name]
        said = "passed" if found["passed"] else "FAILED"
        yield ""
        yield f"Null control over all of them and all checkpoints at once: {said} (p = {found['p_value']:.2g})"
        yield ""


def _table(rows: pd.DataFrame, folders: dict[str, Path]) -> Iterator[str]:
    shown = [name for name in METRICS if name in rows]
    yield f"| {' | '.join(['attack', 'epoch', *map(_header, shown), *_COST])} |"
    yield "|---" * (2 + len(shown) + len(_COST)) + "|"
    for _, row in rows.iterrows():
        figures = [_with_limits(*(row[f"{name}{end}"] for end in ("", "_low", "_high"))) for name in shown]
        cost = _cost(folders[row["attack"]] / "attack.job.json")
        yield f"| {' | '.join([row['attack'], str(row['epoch']), *figures, *cost])} |"


def _without_shadow_models(rows: pd.DataFrame, folder: Path) -> Iterator[str]:
    """What the table `uncalibrated` says of attacks, at the last checkpoint; one job has measured all of it."""
    heads = ["without shadow models", "epoch", "figure", "value", "where memberships are swapped", *_COST]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    cost = _cost(folder / "uncalibrated.job.json")
    for _, row in at_last(rows).iterrows():
        figure = row["metric"]
        if figure.startswith(_TNR):
            figure = f"TNR at {100 * float(figure.removeprefix(_TNR)):g} % TPR"
        elif not row["attack"]:
            continue
        cells = [_PLAIN[row["attack"]], str(row["epoch"]), figure, _with_limits(*row[["value", "low", "high"]])]
        yield f"| {' | '.join([*cells, _with_limits(row['null_value'], nan, nan), *cost])} |"


def _cost(job: Path) -> tuple[str, str]:
    """Seconds and peak memory, of a job's record."""
    found = json.loads(job.read_text())
    return f"{found['seconds']:.1f}", f"{found['peak_mb']:.0f}"


def _header(name: str) -> str:
    return "AUC" if name == AUC else f"TPR at {100 * fpr_of(name):g} % FPR"


def _with_limits(value: float, low: float, high: float) -> str:
    """Of too few models there are none, and at FPRs that they do not resolve there is no TPR."""
    if isnan(value):
        return "-"
    return f"{value:.4f}" if isnan(low) else f"{value:.4f} [{low:.4f}, {high:.4f}]"
