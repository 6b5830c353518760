"""Whether an attack is surely above a limit of its leak."""

import numpy as np
import pandas as pd
import pytest

from memdyn.stats.limits import ABOVE, NO_FIGURES, NO_INTERVAL, NO_VALUE, NOT_JUDGED, WITHIN, judged, why_not


def metrics(low: float, value: float = 0.7) -> pd.DataFrame:
    """Two checkpoints of one run, of which the first is far above any limit, and a figure that is not pooled."""
    rows = [("pooled", 1, 0.99, 0.98), ("pooled", 2, value, low), ("mean", 3, 0.99, 0.98)]
    table = pd.DataFrame(rows, columns=["aggregation", "epoch", "auc", "auc_low"])
    return table.assign(run="r", attack="lira", auc_high=1.0)


@pytest.mark.parametrize(
    ("low", "verdict"), [(0.61, ABOVE), (0.6, WITHIN), (0.5, WITHIN), (np.nan, NOT_JUDGED)], ids=str
)
def test_the_lower_end_at_the_last_checkpoint_decides(low, verdict):
    (row,) = judged(metrics(low), [("lira", "auc", 0.6)], ["r"]).to_dict("records")
    assert (row["verdict"], row["epoch"], row["value"]) == (verdict, 2, 0.7)


def test_a_run_without_figures_is_not_judged():
    found = judged(metrics(0.9), [("lira", "auc", 0.6)], ["r", "failed"])
    assert list(found["verdict"]) == [ABOVE, NOT_JUDGED]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (metrics(0.9)[:0], NO_FIGURES),
        (metrics(np.nan, np.nan), NO_VALUE),
        (metrics(np.nan), NO_INTERVAL),
    ],
    ids=str,
)
def test_why_a_limit_is_not_judged(table, why):
    (row,) = judged(table, [("lira", "auc", 0.6)], ["r"]).to_dict("records")
    assert row["verdict"] == NOT_JUDGED and why_not(row) == why
