"""The figure over the number of models, from tables that an attack made."""

import numpy as np
import pytest

from report_study import attacked, draw

A, B = "mlp-sgd", "cnn-sgd"


@pytest.fixture(scope="module")
def tables():
    return attacked()


def test_every_point_of_the_figure_is_in_the_table(tables):
    (drawing,) = draw(tables, "convergence")
    panels = np.array(drawing.figure.axes).reshape(-1, 2)
    assert [axes.get_ylabel() for axes in panels[:, 0]] == [
        *("AUC", "TPR at 1 % FPR", "TPR at 0.1 % FPR", "TPR at 0.1 % FPR,\ntop 1 %")
    ]
    last = tables["convergence"].query("attack == 'loss' and metric == 'tpr_at_fpr_0.001' and share == .01")
    drawn = [container.lines[0].get_ydata() for container in panels[-1, 1].containers]
    for run, values in zip((A, B), drawn, strict=True):
        expected = last[last["run"] == run].sort_values("n_models")["value"]
        np.testing.assert_array_equal(np.array(values, dtype=float), expected)
    shown = [tick.get_text() for tick in panels[-1, 0].get_xticklabels()]
    assert shown == ["8", "12", "16", "24"]


def test_one_number_of_models_is_no_curve(tables):
    few = tables | {"convergence": tables["convergence"].query("n_models == 8")}
    assert not draw(few, "convergence")


def test_the_caption_tells_of_the_last_row_only_where_it_is_there(tables):
    counted = tables["convergence"]["metric"] != "tpr_at_fpr_0.001"
    few = tables | {"convergence": tables["convergence"].assign(value=tables["convergence"]["value"].where(counted))}
    for study, said in ((tables, True), (few, False)):
        (drawing,) = draw(study, "convergence")
        assert drawing.record.values["few"].startswith("The last row is of the most vulnerable") == said
