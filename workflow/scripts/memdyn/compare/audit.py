"""Lower bounds of epsilon beside what the accountant of DP-SGD says: the table `audit` of a study."""

from collections.abc import Mapping
from math import ceil, inf
from typing import Any

import pandas as pd

from memdyn.compare.failures import FAILED, OK, failed_words
from memdyn.compare.privacy import epsilon_of
from memdyn.compare.runs import run_row
from memdyn.store.logs import failed_models


def audit_table(bounds: Mapping[str, pd.DataFrame], runs: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The bounds of all runs, each with the accountant's epsilon at its delta and the epoch that was audited.

    Args:
        bounds: run -> its table `bounds`; without rows where its models failed.
        runs: run -> its recipe, `members` and `audited`, the epoch, as the plan describes it.
    """
    tables = []
    for run, table in bounds.items():
        known = [accountant_of(runs[run], delta, runs[run]["audited"]) for delta in table["delta"]]
        table = table.assign(run=run, epsilon=pd.Series(known, table.index, dtype=float))
        tables.append(table.assign(violated=table["epsilon_lower"] > table["epsilon"]))
    kept = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(kept, ignore_index=True)


def audited_row(run: Mapping[str, Any], log: pd.DataFrame, accuracy: pd.DataFrame, reason: str) -> dict[str, Any]:
    """A row of the table `runs`: as that of an ordinary study, but a model that failed takes no other one with it.

    Args:
        log, accuracy: as for `memdyn.compare.runs.run_row`.
        reason: why there are no bounds; "" where there are.
    """
    status, failed = {"status": OK, "reason": ""}, failed_models(log)
    if reason:
        status = {"status": FAILED, "reason": "; ".join([failed_words(log), f"no audit: {reason}"])}
    return run_row(run, log, accuracy, status) | {"n_models": log["model"].nunique() - len(failed)}


def accountant_of(run: Mapping[str, Any], delta: float, epoch: int) -> float:
    """Epsilon of the weights after an epoch, of members that are added or removed; infinite without DP-SGD.

    Of the epoch whose models were scored, not of the recipe's last: training may go on after the last checkpoint, and
    a bound would be held to an epsilon that is too large.
    """
    recipe = run["recipe"]
    section = next((each for each in recipe.get("mechanisms", ()) if each["name"] == "dp_sgd"), None)
    if section is None:
        return inf
    steps = epoch * ceil(run["members"] / section["lot"])
    return epsilon_of(section["noise"], section["lot"] / run["members"], steps, delta)[0]
