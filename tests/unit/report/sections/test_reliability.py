"""Probabilities: what is drawn and tabulated of the tables."""

import numpy as np
import pandas as pd

from memdyn.report.sections.reliability import tabulate_calibration
from report_study import draw_one, shown, texts


def made_up(attacks=("privacy_risk_score", "shokri2017")):
    """Two runs at two checkpoints; at the last one members are rarer than told, by a tenth."""
    bins, metrics = [], []
    for run in ("a", "b"):
        for attack in attacks:
            for epoch in (0, 5):
                keys = {"run": run, "attack": attack, "epoch": epoch, "level": 0.95}
                for k, share in enumerate((0.6, 0.399, 0.001)):
                    p = 0.35 + 0.3 * k
                    rate = p - 0.1 * (epoch > 0)
                    limits = {"low": rate - 0.05, "high": rate + 0.05} if k < 2 else {"low": np.nan, "high": np.nan}
                    bins.append(
                        keys | {"bin": 4 + 3 * k, "probability": p, "member_rate": rate, "share": share} | limits
                    )
                for metric, value in (("brier", 0.2 + 0.01 * epoch), ("calibration_error", 0.02 * epoch)):
                    metrics.append(keys | {"metric": metric, "value": value, "low": value - 0.01, "high": value + 0.01})
    runs = pd.DataFrame({"run": ["a", "b"], "status": "ok", "reason": ""})
    return {"runs": runs, "reliability": pd.DataFrame(bins), "calibration": pd.DataFrame(metrics)}


def test_a_panel_an_attack_of_the_last_checkpoint():
    drawing = draw_one(made_up(), "reliability")
    panels = [axes for axes in drawing.figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["privacy_risk_score", "shokri2017"]
    for axes in panels:
        diagonal, *curves = axes.lines
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1] and len(curves) == 2
        for line in curves:
            np.testing.assert_allclose(line.get_xdata(), [0.35, 0.65])  # without the bin of a thousandth
            np.testing.assert_allclose(line.get_ydata(), [0.25, 0.55])
    assert drawing.record.values == {"level": "95 %", "least": "0.5 %"}


def test_the_table_has_a_row_a_run_and_attack():
    table = tabulate_calibration(shown(made_up()))
    rows = texts(table)
    assert [row[:2] for row in rows] == [
        [run, attack] for attack in ("privacy_risk_score", "shokri2017") for run in "ab"
    ]
    assert rows[0][2:] == ["0.250 [0.240, 0.260]", "0.100 [0.090, 0.110]"] and "95 %" in table.caption
