"""The page's words about zones and about the limits of single samples."""

import numpy as np
import pandas as pd
import pytest

from memdyn.report.sections.samples import _cell_title, _effect_words
from memdyn.report.sections.zones import tabulate_zones
from memdyn.terms import ZONES
from report_study import draw_one, shown


def table(high):
    rows = [
        {"zone": zone, "share": 0.2, "low": 0.15 if high else np.nan, "high": high or np.nan, "null": 0.0125}
        for zone in ZONES
    ]
    found = pd.DataFrame(rows).assign(run="a", attack="lira", threshold="lr1", epoch=3)
    worst = found["zone"] == "highly_vulnerable"
    for name, value in {"smooth": 0.193, "smooth_low": 0.181, "smooth_high": 0.204}.items():
        found[name] = np.where(worst, value, np.nan)
    return found.assign(zone=pd.Categorical(found["zone"], ZONES))


def study(high):
    return shown({"runs": pd.DataFrame({"run": ["a"]}), "zones": table(high)})


def test_the_highly_vulnerable_stand_beside_sham_and_the_parametric_share():
    shown = tabulate_zones(study(0.25))
    row = dict(zip(shown.columns, [cell.text for cell in shown.rows[0]], strict=True))
    assert row["highly vulnerable"] == "20.0 % [15.0, 25.0]"
    assert row["the same (sham)"] == "1.2 %" and row["the same, parametric"] == "19.3 % [18.1, 20.4]"
    assert "depends on the number of models" in shown.caption


def test_too_few_models_have_no_interval():
    assert "20.0 %" in [cell.text for cell in tabulate_zones(study(None)).rows[0]]
    row = pd.DataFrame(
        [{"sample_id": 3, "d_prime": 1.0, "advantage": 0.75, "advantage_low": np.nan, "analysed": False}]
    )
    title = _cell_title("cat", "#3", next(row.assign(advantage_high=np.nan).itertuples()))
    assert title.endswith("A 0.75")
    assert _effect_words(pd.Series([np.nan, np.nan])) == "too few models for one"
    assert _effect_words(pd.Series([1.02, 2.5])) == "design effect 1.0 to 2.5, since decisions share their calibration"


@pytest.mark.parametrize("lengths", [{"long": 35, "short": 7}, {"short": 7, "long": 35}])
def test_runs_that_end_at_different_epochs_are_all_seen_whole(lengths):
    zones = [table(0.25).assign(run=run, epoch=epoch) for run, end in lengths.items() for epoch in (0, 3, end)]
    runs = pd.DataFrame({"run": list(lengths), "status": "ok", "reason": ""})
    figure = draw_one({"runs": runs, "zones": pd.concat(zones, ignore_index=True)}, "zones-lira").figure
    assert [axes.get_xlim() for axes in figure.axes if axes.get_visible()] == [(0, 35)] * 2
