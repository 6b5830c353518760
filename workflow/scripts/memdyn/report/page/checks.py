"""The first line of the page: everything that was checked, green where all is well, else linked to where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.report.rows import at_last, failed_runs, failures, non_members, preferred_aggregation
from memdyn.report.words import METRIC_CHANCE, TPRS

PASSED, WARNED, FAILED = "passed", "warned", "failed"
UNLIKELY = 0.01  # p-value of a null test that passed; one honest run in a hundred has it
FEW_MODELS = 16  # with fewer, intervals rest on fewer than eight pairs
FEW_ALARMS = 10  # false alarms that a rate at a small FPR has to rest on
MANY_DIVERGED = 0.1  # share of the models
SOME_COPIES, MANY_COPIES = 0.01, 0.1  # share of the samples
_NAMED = 3  # runs; the others are counted


@dataclass(frozen=True)
class Check:
    """One check of the study.

    Attributes:
        status: passed, warned (to be read with care, or not done) or failed.
        text: what was found, in a few words.
        section: where it stands on the page.
    """

    status: str
    text: str
    section: str


def checks(tables: Mapping[str, pd.DataFrame]) -> list[Check]:
    """All checks of the study; those without anything to check are left out.

    Args:
        tables: all of the study, those without rows too: an audit whose runs all failed is none of attacks for that.
    """
    is_audit, tables = "audit" in tables, {name: table for name, table in tables.items() if len(table)}
    found = [] if is_audit else [null_check(tables)]
    for check, needed in (
        (audit_check, "audit"),
        (tail_check, "tail_verdicts"),
        (diverged_models, "runs"),
        (few_models, "attack_metrics"),
        (few_alarms, "attack_metrics"),
        (duplicates, "pools"),
    ):
        found += [check(tables)] if needed in tables else []
    return [check for check in found if check is not None]


def audit_check(tables: Mapping[str, pd.DataFrame]) -> Check | None:
    """Whether any lower bound of epsilon, of all targets together, is above what the accountant says.

    None where no run has an accountant's epsilon, so that nothing could be contradicted.
    """
    together = tables["audit"][tables["audit"]["target"] == "all"]
    wrong = list(together.loc[together["violated"], "run"].unique())
    if wrong:
        luck = 1 - together["confidence"].iloc[0]
        words = (
            f"the lower bound of epsilon of {_names(wrong)} is above the accountant's: a fault, or luck that each "
            f"bound has with a chance of at most {100 * luck:.3g} %"
        )
        return Check(FAILED, words, "audit")
    accounted = list(together.loc[np.isfinite(together["epsilon"]), "run"].unique())
    if not accounted:
        return None
    return Check(PASSED, f"epsilon of {_count(accounted, 'run')} with a guarantee is not contradicted", "audit")


def worst(found: list[Check]) -> str:
    """The status of the line."""
    return next((status for status in (FAILED, WARNED) if any(check.status == status for check in found)), PASSED)


def null_check(tables: Mapping[str, pd.DataFrame]) -> Check:
    """Whether every run passed its null test."""
    lost = failures(tables)
    runs = [run for run in tables["runs"]["run"] if run not in lost]
    if "null" not in tables:
        return Check(WARNED, "null control not done: nothing shows that the pipeline itself does not leak", "null")
    failed = [run for run in runs if run in failed_runs(tables)]
    untested = [run for run in runs if run not in set(tables["null"]["run"])]
    if failed:
        return Check(FAILED, f"null control FAILED for {_names(failed)}: do not trust their numbers", "null")
    if untested:
        return Check(WARNED, f"null control not done for {_names(untested)}", "null")
    unlikely = list(tables["null"].loc[tables["null"]["p_value"] <= UNLIKELY, "run"])
    if unlikely:
        words = f"null control of {_names(unlikely)}: unlikely, though not failed; more draws tell"
        return Check(WARNED, words, "null")
    return Check(PASSED, f"null control of {_count(runs, 'run')}", "null")


def tail_check(tables: Mapping[str, pd.DataFrame]) -> Check:
    """Whether the upper tail of the scored samples' OUT margins is the predicted one at each run's last checkpoint."""
    last = at_last(tables["tail_verdicts"])
    by_word = {word: list(part["run"]) for word, part in last[last["part"] == "scored"].groupby("verdict")}
    if by_word.get("fails"):
        names = _names(by_word["fails"])
        return Check(FAILED, f"tail check FAILED for {names}: no parametric rates at small FPRs", "tails")
    if by_word.get("undecided"):
        return Check(WARNED, f"tail check undecided for {_names(by_word['undecided'])}", "tails")
    return Check(PASSED, f"tail check of {_count(by_word.get('holds', []), 'run')}", "tails")


def diverged_models(tables: Mapping[str, pd.DataFrame]) -> Check | None:
    """Models that diverged and were left out."""
    runs = tables["runs"]
    if "n_failed" not in runs:
        return None
    lost = runs[runs["n_failed"] > 0]
    if not len(lost):
        return Check(PASSED, "no model diverged", "run")
    status = FAILED if (lost["n_failed"] > MANY_DIVERGED * lost["n_planned"]).any() else WARNED
    words = f"{lost['n_failed'].sum()} of {runs['n_planned'].sum()} models diverged, in {_names(list(lost['run']))}"
    failed = list(failures(tables))
    return Check(status, f"{words}; FAILED and without numbers: {_names(failed)}" if failed else words, "run")


def few_models(tables: Mapping[str, pd.DataFrame]) -> Check:
    """Whether there are models enough for intervals."""
    runs = tables["runs"]
    models = runs.loc[~runs["run"].isin(failures(tables)), "n_models"].min()
    if tables["attack_metrics"]["auc_low"].isna().any():
        return Check(FAILED, f"{models} models are too few for intervals", "run")
    if models < FEW_MODELS:
        return Check(WARNED, f"few models ({models}): wide intervals, coarse rates of samples", "run")
    return Check(PASSED, f"{models} models a run", "run")


def few_alarms(tables: Mapping[str, pd.DataFrame]) -> Check:
    """Whether the rates at the smallest FPR rest on false alarms enough, in every run."""
    metrics = tables["attack_metrics"]
    smallest = min(METRIC_CHANCE[name] for name in TPRS if name in metrics)
    alarms = int(smallest * non_members(metrics, preferred_aggregation(metrics)).min())
    if alarms < FEW_ALARMS:
        return Check(WARNED, f"only {alarms} false alarms at {100 * smallest:g} % FPR", "roc")
    return Check(PASSED, f"{alarms} false alarms at {100 * smallest:g} % FPR", "roc")


def duplicates(tables: Mapping[str, pd.DataFrame]) -> Check:
    """Copies of samples that were dropped: a few are usual, many say that the data were read wrongly."""
    pools = tables["pools"]
    dropped, kept = pools["duplicates_dropped"], pools[["scored", "sham", "population", "test", "spare"]].sum(axis=1)
    # Copies are dropped from all of the source, of which a pool may hold a part; old pools do not tell its size.
    source = pd.to_numeric(pools["samples_in_source"]).fillna(dropped + kept)
    share = (dropped / source).max()
    status = FAILED if share > MANY_COPIES else WARNED if share > SOME_COPIES else PASSED
    return Check(status, f"{dropped.sum() or 'no'} duplicates dropped", "run")


def _names(runs: list[str]) -> str:
    return ", ".join(runs[:_NAMED]) + (f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else "")


def _count(things: list, word: str) -> str:
    return f"{len(things)} {word}{'s' if len(things) != 1 else ''}"
