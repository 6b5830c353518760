"""What is tabulated of attacks without shadow models."""

import numpy as np
import pandas as pd
import pytest

from memdyn.report.sections.uncalibrated import tabulate_uncalibrated
from report_study import shown, texts

METRICS = [("", "accuracy_test"), ("", "loss_tnr_at_tpr_0.99"), ("", "loss_tnr_at_tpr_0.999")]
METRICS += [("avg", "advantage"), ("pow", "advantage")]


def made_up(resolved):
    """Two runs at two checkpoints; of few members there is no thousandth."""
    rows = [
        {"run": run, "epoch": epoch, "attack": attack, "metric": metric, "value": 0.1 * k + 0.01 * epoch}
        for run in "ab"
        for epoch in (0, 5)
        for k, (attack, metric) in enumerate(METRICS)
    ]
    table = pd.DataFrame(rows)
    table.loc[~resolved & (table["metric"] == "loss_tnr_at_tpr_0.999"), "value"] = np.nan
    limits = {"low": table["value"] - 0.05, "high": table["value"] + 0.05, "null_value": 0.001, "level": 0.95}
    runs = pd.DataFrame({"run": ["a", "b"], "status": "ok", "reason": ""})
    return {"runs": runs, "uncalibrated": table.assign(**limits)}


@pytest.mark.parametrize("resolved", [True, False])
def test_a_row_a_run_of_the_last_checkpoint(resolved):
    table = tabulate_uncalibrated(shown(made_up(resolved)))
    heads = ["advantage of AVG", "advantage of POW", "Tail-TNR at 99 %", *["Tail-TNR at 99.9 %"] * resolved]
    assert table.columns == ["run", *(text for head in heads for text in (head, "null"))]
    first, second = texts(table)
    assert first[:5] == ["a", "0.350 [0.300, 0.400]", "0.001", "0.450 [0.400, 0.500]", "0.001"]
    assert second[0] == "b" and second[5] == "0.150 [0.100, 0.200]" and "95 %" in table.caption
