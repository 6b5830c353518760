"""Pairs of runs: which rows of their differences are shown, and what is said where both are equally far trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from memdyn.report.draw import formatting
from memdyn.report.rows import at_last, preferred_aggregation
from memdyn.report.words import METRICS

COMPARED = "compared"  # memdyn.compare.series.COMPARED, without all that it needs
CLOCKS = {"accuracy_test": "test accuracy", "generalisation_gap": "generalisation gap"}
_IN_UNIT = (*METRICS, "share_highly_vulnerable", "inflow_hv")  # metrics between 0 and 1
_MOST_PAIRS = 12  # beyond them, only those that differ in one factor are shown


def last_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """The last epoch that each two runs share, one aggregation."""
    table = differences[differences["aggregation"] == preferred_aggregation(differences)]
    return at_last(table, ["run_a", "run_b"])


def pairs_of(table: pd.DataFrame) -> pd.Series:
    """The pair of runs (run_a, run_b) of each row."""
    return pd.Series(list(zip(table["run_a"], table["run_b"], strict=True)), index=table.index, dtype=object)


def shown_pairs(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of the pairs of runs that the page shows, and a sentence on those that it leaves out."""
    pairs, chosen = pairs_of(table), table["factor"] != ""
    if pairs.nunique() <= _MOST_PAIRS or not chosen.any():
        return table, ""
    omitted = pairs[~chosen].nunique()
    words = f"Pairs of runs that do not differ in one factor only are in the tables' files ({omitted} more)."
    return table[chosen], words if omitted else ""


def is_known(table: pd.DataFrame) -> pd.Series:
    """Whether a difference of runs is there to be shown.

    It is not where a run reaches the value of the clock nobody knows when, and where the interval holds what no two
    values between 0 and 1 can differ by.
    """
    impossible = table["metric"].isin(_IN_UNIT) & ((table["low"] < -1) | (table["high"] > 1))
    return table["difference"].notna() & (table["status"] == COMPARED) & ~impossible


def place_words(row: pd.Series) -> str:
    """`at 0.757, epochs 3.8, 5.1`."""
    return f"at {row['at']:.3f}, epochs {epochs(row)}"


def epochs(row: Mapping[str, Any]) -> str:
    """Where the first and the second run are."""
    return f"{_epoch(row['epoch_a'])}, {_epoch(row['epoch_b'])}"


def matched_words(row: Mapping[str, Any], name: str) -> str:
    """`at equal test accuracy 0.757 (epoch 3.8 against 5.1), a leaks 0.03 [0.01, 0.05] more`; a is the first run."""
    when = f"epoch {_epoch(row['epoch_a'])} against {_epoch(row['epoch_b'])}"
    return f"at equal {CLOCKS[row['matched_by']]} {row['at']:.3f} ({when}), {difference_words(row, name)}"


def difference_words(row: Mapping[str, Any], name: str) -> str:
    """`a leaks 0.03 [0.01, 0.05] more`, a being the first run; no difference is seen where the interval holds 0."""
    difference, low, high = row["difference"], row["low"], row["high"]
    if np.isnan(low) or np.isnan(high):
        return f"the difference is {formatting.signed_interval(difference, low, high)}, without an interval"
    if not (low > 0 or high < 0):
        return f"no difference is seen ({formatting.signed_interval(difference, low, high)})"
    sign = np.sign(difference)
    amount = formatting.interval(abs(difference), *sorted((sign * low, sign * high)))
    return f"{name} leaks {amount} {'more' if sign > 0 else 'less'}"


def _epoch(epoch: float) -> str:
    return f"{epoch:.1f}"
