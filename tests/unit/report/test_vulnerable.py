"""The table of the most vulnerable and the figure over the number of models, from tables that an attack made."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from memdyn.attacks.base import build
from memdyn.attacks.convergence import convergence_table
from memdyn.attacks.evaluate import Settings, evaluate_checkpoint
from memdyn.report.draw.style import run_styles
from memdyn.report.figures import drawings
from memdyn.report.page.vulnerable import most_vulnerable
from synthetic_tables import OPTIONS, fake_pool, folder, study_tables
from worlds import gaussian_world

SETTINGS = Settings(level=0.95, groups=8, draws=2, seed=0, fprs=(0.001, 0.01), rate_fprs=(), points_per_decade=2)
ATTACKS = {
    "lira": {"name": "lira", "mode": "online", "variance": "shrunken"},
    "loss": {"name": "loss"},
}
A, B = folder("mlp-sgd"), folder("cnn-sgd")


@pytest.fixture(scope="module")
def tables():
    study = study_tables(fake_pool(), n_scored=60, models=8)
    found = {"most_vulnerable": [], "convergence": []}
    for seed, run in enumerate((A, B)):
        world = gaussian_world(seed, 24, 200, np.random.default_rng(0).gamma(0.5, 1 + seed, 200))
        for attack, options in ATTACKS.items():
            keys = {"run": run, "attack": attack}
            table = evaluate_checkpoint(build(options), world, SETTINGS)["most_vulnerable"]
            found["most_vulnerable"] += [table.assign(**keys, epoch=epoch) for epoch in (0, 20)]
            found["convergence"].append(convergence_table(build(options), world, SETTINGS).assign(**keys))
    study |= {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
    return {name: study[name][study[name]["run"].isin([A, B])] for name in ("runs", "attack_metrics", *found)}


def test_the_table_tells_the_shares_beside_all_samples(tables):
    table = most_vulnerable(tables["most_vulnerable"], run_styles(tables["runs"]), {B})
    assert table.columns == [
        *("run", "attack", "all samples", "top 10 %", "top 5 %", "top 1 %"),
        *("FPR of the top 10 %", "FPR of the top 5 %", "FPR of the top 1 %"),
    ]
    texts = [[cell.text for cell in row] for row in table.rows]
    assert [row[:2] for row in texts] == [
        [run, attack] for run in ("mlp-sgd", "cnn-sgd (null failed)") for attack in ATTACKS
    ]
    assert [row[0].kind for row in table.rows] == ["", "", "failed", "failed"]
    last = tables["most_vulnerable"].query("epoch == 20 and metric == 'tpr_at_fpr_0.001' and share == .01")
    for row, few in zip(texts, last.to_dict("records"), strict=True):
        assert row[2] == f"{few['all_samples']:.3f}"
        assert row[5] == f"{few['value']:.3f} [{few['low']:.3f}, {few['high']:.3f}]"
        assert row[8] == f"{100 * few['fpr']:.1f} [{100 * few['fpr_low']:.1f}, {100 * few['fpr_high']:.1f}] %"
    assert table.caption.startswith("TPR at 0.1 % FPR of the most vulnerable samples by themselves: ")
    assert "The smallest share is 2 samples." in table.caption


def test_where_no_small_fpr_is_known_the_next_one_is_told(tables):
    few = tables["most_vulnerable"]
    unknown = few["metric"] == "tpr_at_fpr_0.001"
    names = ["value", "low", "high", "fpr", "fpr_low", "fpr_high"]
    few = few.assign(**{name: few[name].mask(unknown) for name in names})
    styles = run_styles(tables["runs"])
    assert most_vulnerable(few, styles, set()).caption.startswith("TPR at 1 % FPR of the most vulnerable samples")
    none = few.assign(value=few["value"].where(few["metric"] == "auc"))
    table = most_vulnerable(none, styles, set())
    assert (
        table.columns[2:] == ["all samples", "top 10 %", "top 5 %", "top 1 %"] and "false alarms" not in table.caption
    )


def test_every_point_of_the_figure_is_in_the_table(tables):
    (drawing,) = [d for d in drawings(tables, {}, OPTIONS) if d.record.name.startswith("convergence")]
    panels = np.array(drawing.figure.axes).reshape(-1, len(ATTACKS))
    assert [axes.get_ylabel() for axes in panels[:, 0]] == [
        *("AUC", "TPR at 1 % FPR", "TPR at 0.1 % FPR", "TPR at 0.1 % FPR,\ntop 1 %")
    ]
    last = tables["convergence"].query("attack == 'loss' and metric == 'tpr_at_fpr_0.001' and share == .01")
    drawn = [container.lines[0].get_ydata() for container in panels[-1, 1].containers]
    for run, values in zip((A, B), drawn, strict=True):
        expected = last[last["run"] == run].sort_values("models")["value"]
        np.testing.assert_array_equal(np.array(values, dtype=float), expected)
    shown = [tick.get_text() for tick in panels[-1, 0].get_xticklabels()]
    assert shown == ["8", "12", "16", "24"]
    plt.close(drawing.figure)


def test_one_number_of_models_is_no_curve(tables):
    few = tables | {"convergence": tables["convergence"].query("models == 8")}
    assert not [d for d in drawings(few, {}, OPTIONS) if d.record.name.startswith("convergence")]


def test_the_caption_tells_of_the_last_row_only_where_it_is_there(tables):
    counted = tables["convergence"]["metric"] != "tpr_at_fpr_0.001"
    few = tables | {"convergence": tables["convergence"].assign(value=tables["convergence"]["value"].where(counted))}
    for study, said in ((tables, True), (few, False)):
        (drawing,) = [d for d in drawings(study, {}, OPTIONS) if d.record.name.startswith("convergence")]
        assert ("The last row is of the most vulnerable" in drawing.record.caption) == said
        plt.close(drawing.figure)
