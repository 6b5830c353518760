"""What a study says of the claims C1, C2 and C3: runs side by side, and the verdicts of the fixed rules."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from memdyn.compare.matched import at_matched
from memdyn.compare.power_law import power_law_tables
from memdyn.compare.series import Comparison, at_equal_epochs, with_limits_of_few
from memdyn.compare.verdicts import Rules, Verdict, judge_c1, judge_c2, judge_c3, pairs_by_factor
from memdyn.terms import FPRS, threshold_label, tpr_at

# clock -> where runs are compared, as shares of its way to the highest value that both reach: of accuracy where the
# runs are good, which is near its plateau, of the gap all along
CLOCKS = {"accuracy_test": (0.9, 0.95, 0.98, 0.99, 1.0), "generalisation_gap": (0.25, 0.5, 0.75, 0.9, 1.0)}
_KEYS = ["attack", "threshold"]
# figures of the population that are compared between runs
HEADLINES = (
    "advantage",
    "displacement",
    "speed_squared_corrected",
    "entropy_change",
    "share_highly_vulnerable",
    "inflow_hv",
)


def study_claims(
    tables: Mapping[str, pd.DataFrame],
    factors: pd.DataFrame,
    pool_of: Mapping[str, str],
    sizes: Mapping[str, np.ndarray],
    level: float,
    thresholds: Sequence[str | float],
    rules: Rules,
) -> dict[str, pd.DataFrame]:
    """Differences between runs at equal epochs and equally far trained, and what they decide.

    Args:
        tables: of the study, each with the column run: attack_metrics, replicates, curve_replicates, clocks,
            clock_replicates, disattenuated, early, early_profiles, early_replicates.
        factors: a row a run, from `memdyn.compare.runs.factor_row`.
        pool_of: the pool of each run.
        sizes: [G] pairs of each run in each group of the jackknife; 0 where models that failed took all of them.
        level: of the intervals.
        thresholds: of the plane, as configured: C1 is judged at the first that an attack has.
        rules: of the verdicts.

    Returns:
        factor_differences: see `memdyn.compare.series` and `memdyn.compare.matched`, one below the other, and
            factor: the only one that the two runs differ in, or "";
        claims: claim, verdict, scope (what the verdict is about), part, part_verdict;
        claim_cells: see `memdyn.compare.verdicts.Verdict`.
    """
    comparison = Comparison(pool_of, sizes, level)
    series = _series(tables)
    equal = [at_equal_epochs(*one, _KEYS, comparison) for one in series]
    clocks = tables["clocks"], tables["clock_replicates"]
    matched = [
        at_matched(*one, clock, *clocks, _KEYS, comparison, shares)
        for one in series
        for clock, shares in CLOCKS.items()
    ]
    differences = pd.concat([*equal, *matched], ignore_index=True)
    verdicts = _verdicts(tables, factors, first_thresholds(differences, thresholds), rules)
    return {"factor_differences": with_factor(differences, factors), **_claim_tables(verdicts)}


def with_factor(differences: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    """Adds the only factor that the two runs (run_a, run_b) differ in; "" where there is not exactly one."""
    if not len(differences):
        return differences
    return differences.merge(pairs_by_factor(factors), "left", ["run_a", "run_b"]).fillna({"factor": ""})


def _series(tables: Mapping[str, pd.DataFrame]) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """(estimates, replicates) of everything that is compared: run, attack, threshold, metric, epoch, value[, group]."""
    metrics = tables["attack_metrics"].query("aggregation == 'pooled'")
    names = [name for name in metrics.columns if name in set(tables["replicates"]["metric"])]
    leaks = with_limits_of_few(_long(metrics, names), metrics).assign(threshold="")
    leak_replicates = tables["replicates"].query("aggregation == 'pooled'").assign(threshold="")
    curves = tables["curve_replicates"].query("metric in @HEADLINES")
    early = tables["early"].query("target == 'top' and predictor == 'd_prime' and metric == 'latent_share'")
    early_replicates = tables["early_replicates"].query(
        "target == 'top' and predictor == 'd_prime' and metric == 'latent_share'"
    )
    return [
        (leaks, leak_replicates),
        (curves.query("group == -1").drop(columns="group"), curves.query("group >= 0")),
        (
            early.rename(columns={"estimate": "value"}).assign(threshold=""),
            early_replicates.assign(threshold=""),
        ),
    ]


def _long(metrics: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """run, attack, epoch, metric, value of some columns of attack_metrics, and se_samples, NaN where there is none."""
    keys = ["run", "attack", "epoch"]
    values = metrics.melt(keys, list(names), "metric", "value")
    errors = {f"{name}_se_samples": name for name in names if f"{name}_se_samples" in metrics}
    by_samples = metrics.melt(keys, list(errors), "metric", "se_samples")
    by_samples["metric"] = by_samples["metric"].map(errors)
    return values.merge(by_samples, "left", [*keys, "metric"])


def first_thresholds(differences: pd.DataFrame, thresholds: Sequence[str | float]) -> pd.DataFrame:
    """The differences of the mean advantage at equal epochs, of each attack at the first threshold that it has."""
    if not len(differences):
        return pd.DataFrame(columns=["run_a", "run_b", "attack", "threshold", "at", "difference", "se", "df"])
    advantage = differences[(differences["metric"] == "advantage") & (differences["matched_by"] == "epoch")]
    order = advantage["threshold"].map({threshold_label(value): k for k, value in enumerate(thresholds)})
    return advantage[order == order.groupby(advantage["attack"]).transform("min")]


def _verdicts(
    tables: Mapping[str, pd.DataFrame], factors: pd.DataFrame, advantage: pd.DataFrame, rules: Rules
) -> list[Verdict]:
    runs = list(factors["run"])
    failed = set(runs) - set(tables["attack_metrics"]["run"])
    return [
        judge_c1(advantage, pairs_by_factor(factors), rules, failed),
        judge_c2(tables["disattenuated"], runs, rules, failed),
        judge_c3(tables["early"], tables["early_profiles"], runs, rules, failed),
    ]


def _claim_tables(verdicts: list[Verdict]) -> dict[str, pd.DataFrame]:
    rows = [
        {
            "claim": verdict.claim,
            "verdict": verdict.verdict,
            "scope": verdict.scope,
            "part": part,
            "part_verdict": decided,
        }
        for verdict in verdicts
        for part, decided in (verdict.parts or {"": verdict.verdict}).items()
    ]
    return {
        "claims": pd.DataFrame(rows),
        "claim_cells": pd.concat([verdict.cells for verdict in verdicts], ignore_index=True),
    }


def power_law(
    tables: Mapping[str, pd.DataFrame],
    factors: pd.DataFrame,
    pools: pd.DataFrame,
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> dict[str, pd.DataFrame]:
    """Vulnerability against samples per class, where the runs differ in nothing but the sizes of their pools.

    Args:
        tables: runs (run, pool), attack_metrics and replicates of the study; runs without numbers are left out.
        factors: a row a run, from `memdyn.compare.runs.factor_row`.
        pools: pool, scored, n_classes.
        sizes: as for `study_claims`.

    Returns:
        power_law_points and power_law_fits, empty where there is nothing to fit.
    """
    known = pools.set_index("pool")
    per_class = (known["scored"] / 2 / known["n_classes"]).rename("samples_per_class")
    runs = tables["runs"].join(per_class, on="pool")
    runs = runs[runs["run"].isin(tables["attack_metrics"]["run"])]
    factors = factors[factors["run"].isin(runs["run"])]
    if factors["series"].nunique() > 1 or runs["samples_per_class"].nunique() < max(2, len(runs)):
        nothing = pd.DataFrame(columns=["attack", "fpr"])
        return {"power_law_points": nothing, "power_law_fits": nothing}
    last = tables["attack_metrics"].query("aggregation == 'pooled'")
    last = last[last["epoch"] == last.groupby("run")["epoch"].transform("max")]
    names = {tpr_at(fpr): fpr for fpr in FPRS}
    place = runs.set_index("run")[["pool", "samples_per_class"]]
    estimates = _long(last, list(names)).rename(columns={"value": "tpr"}).join(place, on="run")
    replicates = tables["replicates"].query("aggregation == 'pooled'").rename(columns={"value": "tpr"})
    replicates = replicates.merge(estimates[["run", "attack", "epoch", "metric"]]).join(place, on="run")
    given = [table.assign(fpr=table["metric"].map(names)) for table in (estimates, replicates)]
    of_pool = {pool: sizes[run] for run, pool in place["pool"].items()}
    found = power_law_tables(*given, ["attack", "fpr"], of_pool, level)
    return {"power_law_points": found["points"], "power_law_fits": found["fits"]}
