"""Leakage over training: a panel for what is known."""

import numpy as np

from memdyn.report.words import METRIC_LABELS, TPRS
from report_study import draw_one
from synthetic_tables import fake_pool, study_tables


def test_a_metric_that_nobody_has_takes_no_room():
    """As the TPR at an FPR that few non-members cannot show."""
    tables = study_tables(fake_pool(), n_scored=20, models=8)
    metrics = tables["attack_metrics"].assign(**{TPRS[1]: np.nan})
    differences = tables["differences"].copy()
    differences.loc[differences["metric"] == TPRS[1], ["difference", "low", "high"]] = np.nan
    study = {"runs": tables["runs"], "attack_metrics": metrics, "differences": differences}
    for kind in ("leakage", "comparison"):
        titles = [axes.get_title() for axes in draw_one(study, kind).figure.axes]
        told = [title.removeprefix("difference in ") for title in titles if title]
        assert told == ["AUC", METRIC_LABELS[TPRS[0]]], kind
