"""Width: what is drawn and tabulated of the tables, a panel an attack and series, at the threshold that is shown."""

import pandas as pd
import pytest

from memdyn.report.sections.width import tabulate_width
from report_study import draw_one, shown, texts

RUNS = {"w": ("width=2", "width=4"), "d": ("width=2,decayed", "width=4,decayed")}
CLAIMS = ("rises_with_width", "rises_after_flat", "error_falls", "advantage_falls")


def made_up(series=("w",)):
    """Tables of two attacks at two thresholds, advantages and errors known by heart."""
    curves, claims = [], []
    for attack in ("tan2023", "lira"):
        for threshold in ("lr1", "fpr0.01"):
            for name in series:
                keys = {"attack": attack, "threshold": threshold, "series": RUNS[name][0], "level": 0.95}
                for k, run in enumerate(RUNS[name]):
                    for epoch, (advantage, error) in enumerate([(0.0, 0.9), (0.1 + 0.1 * k, 0.3), (0.3, 0.2)]):
                        row = keys | {"run": run, "width": 2.0 ** (k + 1), "epoch": epoch}
                        for column, value in (("advantage", advantage), ("error", error)):
                            row |= {column: value, f"{column}_low": value - 0.01, f"{column}_high": value + 0.02}
                        curves.append(row)
                for claim in CLAIMS:
                    told = {"verdict": "supported", "estimate": -0.0123, "low": -0.02, "high": -0.01}
                    if claim == "rises_after_flat":
                        nothing = dict.fromkeys(("estimate", "low", "high"), float("nan"))
                        told = nothing | {"verdict": "not tested", "status": "the test error still falls"}
                    claims.append(keys | {"claim": claim, "status": "tested", "widths": 2} | told | {"level": 0.9875})
    runs = pd.DataFrame({"run": [run for name in series for run in RUNS[name]], "status": "ok", "reason": ""})
    return {"runs": runs, "width_curves": pd.DataFrame(curves), "width_claims": pd.DataFrame(claims)}


def test_untrained_nets_are_left_out_and_the_caption_says_so():
    assert draw_one(made_up(), "width").record.values["high"] == "0.34"


@pytest.mark.parametrize(("series", "panels"), [(("w",), 2), (("w", "d"), 4)])
def test_a_panel_an_attack_and_series(series, panels):
    figure = draw_one(made_up(series), "width").figure
    drawn = [axes for axes in figure.axes if axes.get_visible()]
    assert len(drawn) == panels
    titles = [axes.get_title() for axes in drawn]
    assert titles[0] == "tan2023, each sample's own threshold" and titles[-1] == "lira, likelihood ratio 1"
    for axes in drawn:
        curves = [line for line in axes.lines if len(line.get_xdata()) == 2]  # without that of the untrained net
        assert [list(line.get_xdata()) for line in curves] == [[0.1, 0.3], [0.2, 0.3]]
        assert all(list(line.get_ydata()) == [0.3, 0.2] for line in curves)


def test_the_table_says_signs_and_what_was_not_tested():
    table = tabulate_width(shown(made_up()))
    rows = texts(table)
    assert len(rows) == 2 * len(CLAIMS) and table.columns[:3] == ["attack", "threshold", "claim"]
    assert rows[0][3:] == ["−0.0123 [−0.0200, −0.0100]", "advantage per doubling", "supported"]
    assert rows[1][3:] == ["–", "change of advantage", "not tested: the test error still falls"]
    assert "98.75 % each" in table.caption


def test_the_table_names_several_series():
    table = tabulate_width(shown(made_up(("w", "d"))))
    assert {row[table.columns.index("wider than")] for row in texts(table)} == {"width=2", "width=2,decayed"}
    assert table.head == 4
