"""Which rows of the study's tables are shown, and in which order."""

from collections.abc import Iterable, Mapping

import pandas as pd

from memdyn.terms import ALL_CLASSES


def select_threshold(table: pd.DataFrame, threshold: str) -> pd.DataFrame:
    """Rows at the wanted threshold; an attack without it (no likelihood ratio, say) shows its first one."""
    return table[table["threshold"] == table["attack"].map(_shown(table, threshold))]


SHOWN_COLUMNS = (
    *("run", "attack", "threshold", "epoch", "sample_id", "label", "n_in", "tpr", "fpr"),
    *("advantage", "advantage_low", "advantage_high", "design_effect_advantage"),
    *("d_prime", "d_prime_low", "d_prime_high", "zone_counted"),
)
"""What figures need of the table `samples`, which may not fit in memory."""


def shown_rows(table: pd.DataFrame, threshold: str) -> list[list[tuple[str, str, str]]]:
    """What `select_threshold` keeps, as a filter for the reader of another table of the same attacks and thresholds."""
    return [
        [("attack", "==", attack), ("threshold", "==", shown)] for attack, shown in _shown(table, threshold).items()
    ]


def _shown(table: pd.DataFrame, threshold: str) -> dict[str, str]:
    """The threshold of each attack."""
    return {
        attack: threshold if (part["threshold"] == threshold).any() else part["threshold"].iloc[0]
        for attack, part in table.groupby("attack", sort=False)
    }


def preferred_aggregation(table: pd.DataFrame) -> str:
    """Pooled where the table has it, else the first one."""
    known = list(table["aggregation"].unique())
    return "pooled" if "pooled" in known else known[0]


def at_last(table: pd.DataFrame, by: str | list[str] = "run") -> pd.DataFrame:
    """The rows of the last checkpoint of each run, or of each of what is named."""
    return table[table["epoch"] == table.groupby(by)["epoch"].transform("max")]


def of_population(curves: pd.DataFrame, needed: str = "") -> pd.DataFrame:
    """Curves of all samples, of the runs that have the needed figure."""
    having = curves.loc[curves["figure"] == needed, "run"] if needed else curves["run"]
    return curves[curves["run"].isin(having) & (curves["samples"] == ALL_CLASSES)]


def runs_in(table: pd.DataFrame, runs: Iterable[str]) -> list[str]:
    """The runs of a table (column run), in the study's order."""
    present = set(table["run"].unique())
    return [run for run in runs if run in present]


def by_run(table: pd.DataFrame, runs: Iterable[str]) -> list[pd.Series]:
    """Rows in the order of the study's runs."""
    place = {run: i for i, run in enumerate(runs)}
    ordered = table.assign(_place=table["run"].map(place)).sort_values("_place", kind="stable")
    return [row for _, row in ordered.iterrows()]


def of_runs(table: pd.DataFrame, runs: Iterable[str]) -> list[tuple[str, str, pd.DataFrame]]:
    """(run, attack, rows), attack by attack, in the order of the study's runs."""
    runs, groups = list(runs), dict(list(table.groupby(["attack", "run"], sort=False)))
    attacks = list(dict.fromkeys(attack for attack, _ in groups))
    return [(run, attack, groups[attack, run]) for attack in attacks for run in runs if (attack, run) in groups]


def failed_runs(tables: dict[str, pd.DataFrame]) -> frozenset[str]:
    """The runs that failed their null control."""
    if "null" not in tables:
        return frozenset()
    null = tables["null"]
    return frozenset(null.loc[~null["passed"].astype(bool), "run"])


def failures(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """The runs that have no numbers, since too few of their models are left -> why, in the study's order."""
    runs = tables["runs"]
    if "status" not in runs:  # of tables that are older than this column
        return {}
    failed = runs[runs["status"] == "failed"]
    return dict(zip(failed["run"], failed["reason"], strict=True))


def non_members(metrics: pd.DataFrame, aggregation: str) -> pd.Series:
    """How many non-members a ROC curve counts, of each row of an aggregation."""
    rows = metrics[metrics["aggregation"] == aggregation]
    models = rows["n_models"] if aggregation == "pooled" else 1
    return rows["n_samples"] * models // 2
