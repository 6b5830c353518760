"""Verdicts on the claims C1, C2 and C3 by rules that were fixed before any result.

    C1  data, architecture and optimizer change the RATE and the SEVERITY at which samples become vulnerable
    C2  a sample's learning difficulty correlates with its vulnerability
    C3  the risk of the finally most vulnerable samples is largely determined EARLY in training

A claim is cut into cells, each one number with an interval. The intervals of a claim hold jointly (Bonferroni): with
m cells each has level 1 - (1 - level) / m, so that one false verdict among them has a chance of at most 1 - level.

    C1 cell  mean advantage of one run minus another's that differs in one factor only, at an equal epoch: at the last
             checkpoint within `early_share` of the epochs (rate), at the last checkpoint (severity). Runs on one pool
             are compared on these samples; on two pools the error is that of models and of samples together.
             supported: wholly outside [-difference, +difference]; contradicted: wholly inside; else undecided.
             A factor and aspect: supported if any two runs are, contradicted if all are, else undecided.
    C2 cell  Spearman of a difficulty (`DIFFICULTIES`: of models without the sample) with d', from disjoint halves,
             signed so that + means "harder is more vulnerable", its error that of models and of samples together.
             supported: wholly above `correlation`; contradicted: wholly below; else undecided.
             A run: what most of its difficulties say; undecided without a majority.
    C3 cell  share of the ceiling, both above chance, that d' finds of the finally top share at the last checkpoint
             within `early_share` of the epochs, a run; its error that of models and of samples together.
             supported: wholly above `found`; contradicted: wholly below; else undecided, and always undecided where the
             ceiling is not above chance (nothing to be found).

    A claim is a conjunction of what it is made of: supported if all parts are, contradicted if any is, else undecided.
    What a study does not say is a part as well, and undecided: a factor that no two runs differ in (C1), a run with too
    few models, without the full analysis, or without an early checkpoint (C2, C3).
"""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtrit

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
FACTORS = ("dataset", "architecture", "optimizer")
DIFFICULTIES = ("learning_epoch", "el2n", "aum", "loss", "c_score")
COLUMNS = ["claim", "part", "cell", "estimate", "low", "high", "bound", "verdict"]


@dataclass(frozen=True)
class Rules:
    """The numbers in the rules.

    Attributes:
        level: chance that all intervals of a claim hold.
        difference: the smallest change of the mean advantage that counts (C1).
        correlation: the smallest rank correlation that counts (C2).
        early_share: what share of the epochs is early (C1's rate, C3).
        found: what share of the ceiling is "largely" (C3).
    """

    level: float
    difference: float
    correlation: float
    early_share: float
    found: float


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim and the numbers that it rests on.

    Attributes:
        claim: "C1", "C2" or "C3".
        verdict: supported, contradicted or undecided.
        parts: part -> its verdict.
        cells: claim, part, cell, estimate, low, high (joint level), bound, verdict.
    """

    claim: str
    verdict: str
    parts: dict[str, str]
    cells: pd.DataFrame


def outside(low: float, high: float, bound: float) -> str:
    """Whether a number is farther from 0 than a bound."""
    if low > bound or high < -bound:
        return SUPPORTED
    return CONTRADICTED if -bound < low and high < bound else UNDECIDED


def above(low: float, high: float, bound: float) -> str:
    """Whether a number is above a bound."""
    if low > bound:
        return SUPPORTED
    return CONTRADICTED if high < bound else UNDECIDED


def all_of(verdicts: Iterable[str]) -> str:
    """A conjunction: one counterexample is enough."""
    verdicts = list(verdicts)
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return SUPPORTED if verdicts and set(verdicts) == {SUPPORTED} else UNDECIDED


def any_of(verdicts: Iterable[str]) -> str:
    """A disjunction: one example is enough."""
    verdicts = list(verdicts)
    if SUPPORTED in verdicts:
        return SUPPORTED
    return CONTRADICTED if verdicts and set(verdicts) == {CONTRADICTED} else UNDECIDED


def most_of(verdicts: Iterable[str]) -> str:
    """A majority."""
    verdicts = list(verdicts)
    return next((v for v in (SUPPORTED, CONTRADICTED) if 2 * verdicts.count(v) > len(verdicts)), UNDECIDED)


def pairs_by_factor(runs: pd.DataFrame) -> pd.DataFrame:
    """run_a, run_b, factor: the pairs of runs that differ in exactly one of `FACTORS`, and in nothing else.

    Args:
        runs: from `memdyn.compare.runs.factor_row`. A learning rate belongs to its optimizer, a width to its
            architecture; epochs, batch size, augmentation and precision must be equal.
    """
    rows = []
    for first, second in combinations(runs.to_dict("records"), 2):
        differing = [factor for factor in FACTORS if first[factor] != second[factor]]
        if len(differing) == 1 and first["rest"] == second["rest"]:
            rows.append((first["run"], second["run"], differing[0]))
    return pd.DataFrame(rows, columns=["run_a", "run_b", "factor"])


def judge_c1(differences: pd.DataFrame, factors: pd.DataFrame, rules: Rules) -> Verdict:
    """C1.

    Args:
        differences: of the mean advantage, from `memdyn.compare.factors.at_equal_epochs`: run_a, run_b, attack,
            threshold (one an attack), at, difference, se, df.
        factors: from `pairs_by_factor`.
        rules: see `Rules`.
    """
    rows = []
    table = differences.merge(factors, on=["run_a", "run_b"])
    keys = ["run_a", "run_b", "attack", "threshold", "factor"]
    for (first, second, attack, threshold, factor), curve in table.groupby(keys, sort=False):
        epochs = {"severity": curve["at"].max()}
        early = curve.loc[(curve["at"] > 0) & (curve["at"] <= rules.early_share * curve["at"].max()), "at"]
        if len(early):
            epochs["rate"] = early.max()
        for aspect, epoch in epochs.items():
            row = curve[curve["at"] == epoch].iloc[0]
            cell = f"{first} - {second}, {attack} at {threshold}, epoch {epoch:g}"
            rows.append((f"{factor}: {aspect}", cell, row["difference"], row["se"], row["df"]))
    varied = {part.partition(":")[0] for part, *_ in rows}
    missing = [f"{factor}: not varied alone" for factor in FACTORS if factor not in varied]
    return _verdict("C1", rows, rules.difference, rules.level, outside, any_of, missing=missing)


def judge_c2(correlations: pd.DataFrame, runs: Sequence[str], rules: Rules) -> Verdict:
    """C2.

    Args:
        correlations: run, attack, and the columns of `memdyn.dynamics.correlation.correlation_tables`. d' is of the
            margin, whichever attack the table was made with.
        runs: of the study.
        rules: see `Rules`.
    """
    table = correlations[
        (correlations["method"] == "spearman")
        & (correlations["models"] == "out")
        & (correlations["target"] == "d_prime")
        & correlations["difficulty"].isin(DIFFICULTIES)
    ].drop_duplicates(["run", "difficulty"])
    rows = [
        (
            row["run"],
            row["difficulty"],
            row["harder"] * row["estimate"],
            row["se_total"],
            row["groups"] - 1,
        )
        for row in table.to_dict("records")
    ]
    missing = _silent(runs, rows)
    return _verdict("C2", rows, rules.correlation, rules.level, above, most_of, missing=missing)


def judge_c3(early: pd.DataFrame, runs: Sequence[str], rules: Rules) -> Verdict:
    """C3.

    Args:
        early: run, attack, and the columns of `memdyn.dynamics.early.early_tables`; d' as in `judge_c2`.
        runs: of the study.
        rules: see `Rules`.
    """
    rows, nothing = [], set()
    risk = early[(early["target"] == "top") & (early["predictor"] == "d_prime")]
    for run, table in risk.drop_duplicates(["run", "epoch", "metric"]).groupby("run", sort=False):
        last = table["epoch"].max()
        epoch = table.loc[table["epoch"] <= rules.early_share * last, "epoch"].max()
        if not epoch > 0:
            continue  # no trained checkpoint is early
        share = table[(table["epoch"] == epoch) & (table["metric"] == "recall_share")].iloc[0]
        ceiling = table[(table["epoch"] == last) & (table["metric"] == "recall")].iloc[0]
        if not ceiling["low"] > ceiling["chance"]:
            nothing.add(run)
        cell = f"recall above chance over ceiling, epoch {epoch} of {last}"
        se = np.hypot(share["se"], share["se_samples"])
        rows.append((run, cell, share["estimate"], se, share["groups"] - 1))
    return _verdict("C3", rows, rules.found, rules.level, above, all_of, nothing, _silent(runs, rows))


def _silent(runs: Sequence[str], rows: Sequence[tuple]) -> list[str]:
    """The runs that say nothing."""
    found = {run for run, *_ in rows}
    return [f"{run}: nothing to judge by" for run in runs if run not in found]


def _verdict(
    claim: str,
    rows: list[tuple],
    bound: float,
    level: float,
    rule: Callable[[float, float, float], str],
    combine: Callable[[Iterable[str]], str],
    undecidable: Set[str] = frozenset(),
    missing: Sequence[str] = (),
) -> Verdict:
    """Rows are (part, cell, estimate, standard error, degrees of freedom); `missing` are parts without any."""
    cells = []
    for part, cell, estimate, se, df in rows:
        half = stdtrit(df, 1 - (1 - level) / (2 * len(rows))) * se if df >= 1 else np.nan
        low, high = estimate - half, estimate + half
        decided = UNDECIDED if part in undecidable or not np.isfinite(half) else rule(low, high, bound)
        cells.append((claim, part, cell, estimate, low, high, bound, decided))
    table = pd.DataFrame(cells, columns=COLUMNS)
    parts = {part: combine(group["verdict"]) for part, group in table.groupby("part", sort=False)}
    parts |= dict.fromkeys(missing, UNDECIDED)
    return Verdict(claim, all_of(parts.values()), parts, table)
