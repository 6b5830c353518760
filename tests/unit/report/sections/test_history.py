"""What history adds: a panel an attack and metric, and the differences at the last checkpoint."""

import numpy as np
import pandas as pd

from memdyn.report.section import made
from memdyn.report.sections.history import SECTION, tabulate_history
from report_study import draw_one, shown, texts
from synthetic_tables import fake_pool, study_tables


def made_up(aggregations=("per_model", "pooled")):
    tables, rows = study_tables(fake_pool()), []
    runs = list(tables["runs"]["run"])
    for run in runs:
        for attack, reference in (("sequence", "lira"), ("trajectory", "loss")):
            for aggregation in aggregations:
                for epoch in (0, 10, 20):
                    for metric in ("auc", "tpr_at_fpr_0.01", "tpr_at_fpr_0.001"):
                        gain = np.nan if metric == "tpr_at_fpr_0.001" else epoch / 1000
                        rows.append(
                            {"run": run, "attack": attack, "reference": reference, "aggregation": aggregation}
                            | {"epoch": epoch, "metric": metric, "value": 0.5 + gain, "reference_value": 0.5}
                            | {"difference": gain, "low": gain - 0.03, "high": gain + 0.01, "level": 0.95}
                        )
    return tables | {"history_gain": pd.DataFrame(rows)}, runs


def test_a_panel_an_attack_and_known_metric():
    tables, runs = made_up()
    figure = draw_one(tables, "history").figure
    assert len(figure.axes) == 4 and figure.axes[0].get_ylabel() == "sequence\nminus lira"
    assert [list(line.get_ydata()) for line in figure.axes[0].lines[: len(runs)]] == [[0, 0.01, 0.02]] * len(runs)


def test_the_table_has_the_last_checkpoint_with_signs():
    tables, runs = made_up()
    table = tabulate_history(shown(tables))
    assert table.columns == ["run", "attack", "minus", "AUC", "TPR at 1 % FPR"]
    assert len(table.rows) == 2 * len(runs)
    assert texts(table)[0][1:] == ["sequence", "lira", *["+0.020 [−0.010, +0.030]"] * 2]


def test_no_attack_over_time_no_section():
    tables = study_tables(fake_pool()) | {"history_gain": made_up()[0]["history_gain"].iloc[:0]}
    study = shown(tables)
    assert not list(made(SECTION.figures, study)) and not list(made(SECTION.tables, study))
