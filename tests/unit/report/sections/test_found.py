"""Accuracy against leakage, every attack on every run, and the most vulnerable by themselves."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from memdyn.report.draw import formatting
from memdyn.report.sections.found import accuracy_and_leaks, tabulate_most_vulnerable, tabulate_results
from memdyn.report.words import TPRS
from report_study import attacked, draw, shown, texts
from synthetic_tables import ATTACKS, RUNS, fake_pool, study_tables

A, B, C = RUNS


@pytest.fixture(scope="module")
def attacked_tables():
    return attacked()


@pytest.fixture(scope="module")
def tables():
    """Of a study whose last run failed its null control."""
    return study_tables(fake_pool(), n_scored=150, models=16, failed_null=True)


def test_accuracy_against_tpr_is_that_of_the_tables(tables):
    few = {name: tables[name] for name in ("runs", "accuracy", "attack_metrics")}
    (drawing,) = draw(few, "utility")
    axes = drawing.figure.axes
    assert [a.get_title() for a in axes] == [*ATTACKS, "", "", ""], "a column an attack, a row an FPR"
    everything = accuracy_and_leaks(few)
    low = everything["accuracy"].min() + 0.9 * np.ptp(everything["accuracy"])
    shown = everything[everything["accuracy"] >= low].sort_values("epoch")
    for place, (metric, attack) in enumerate((metric, attack) for metric in TPRS for attack in ATTACKS):
        for container, run in zip(axes[place].containers, (A, B, C), strict=True):
            mine = shown[(shown["run"] == run) & (shown["attack"] == attack)]
            line, _, (bars,) = container
            np.testing.assert_allclose(line.get_xdata().astype(float), mine["accuracy"])
            np.testing.assert_allclose(line.get_ydata().astype(float), mine[metric])
            ends = np.array([segment[:, 1] for segment in bars.get_segments()], dtype=float)
            np.testing.assert_allclose(ends, mine[[f"{metric}_low", f"{metric}_high"]], atol=1e-12)
    texts = {text.get_text() for text in axes[0].texts}
    assert "20" in texts and texts <= {f"{epoch:g}" for epoch in everything["epoch"]}


def test_a_run_far_below_the_others_is_still_seen_at_its_end(tables):
    """As one that is trained with much noise: its legend would stand for nothing."""
    below = np.where(tables["accuracy"]["run"] == B, 0.3, 0)
    accuracy = tables["accuracy"].assign(accuracy_test=lambda table: table["accuracy_test"] - below)
    few = {"runs": tables["runs"], "accuracy": accuracy, "attack_metrics": tables["attack_metrics"]}
    (drawing,) = draw(few, "utility")
    for axes in drawing.figure.axes:
        counts = [len(line.get_xdata()) for line, _, _ in axes.containers]
        assert counts[1] == 1 and min(counts) >= 1


def test_many_runs_have_neither_bars_nor_epochs():
    runs = {f"r{k}": (0.8 + 0.05 * k, "mlp", "sgd") for k in range(5)}
    tables = study_tables(fake_pool(), n_scored=20, models=8, runs=runs)
    (drawing,) = draw({name: tables[name] for name in ("runs", "accuracy", "attack_metrics")}, "utility")
    assert not any(axes.texts or any(c[2] for c in axes.containers) for axes in drawing.figure.axes)


def test_without_a_test_part_accuracy_is_that_of_non_members_and_unknown_rates_are_left_out(tables):
    accuracy = tables["accuracy"].assign(accuracy_test=np.nan, accuracy_out=lambda t: t["accuracy_out"] - 0.01)
    metrics = tables["attack_metrics"].assign(**{TPRS[1]: np.nan})
    few = {"runs": tables["runs"], "accuracy": accuracy, "attack_metrics": metrics}
    assert set(accuracy_and_leaks(few)["accuracy"]) == set(accuracy["accuracy_out"])
    (drawing,) = draw(few, "utility")
    assert len(drawing.figure.axes) == len(ATTACKS)
    assert not draw(few | {"attack_metrics": metrics.assign(**{TPRS[0]: np.nan})}, "utility")


def test_results_table_is_the_last_checkpoint_with_failed_runs_marked(tables):
    table = tabulate_results(shown(tables))
    last = tables["attack_metrics"].query("epoch == 20")
    assert len(table.rows) == len(last) / 2 == 9
    pooled, own = (
        last.query("attack == 'lira' and run == 'mlp-sgd' and aggregation == @aggregation").iloc[0]
        for aggregation in ("pooled", "per_model")
    )
    row = texts(table)[0]
    limits = formatting.interval(pooled["auc"], pooled["auc_low"], pooled["auc_high"])
    assert row[:3] == ["mlp-sgd", "lira", f"{limits} ± {0.002 * stats.t(15).ppf(0.975):.3f}"]
    small = "tpr_at_fpr_0.001"
    assert row[-3] == f"{own['auc']:.3f}" and row[-1] == f"{own[small]:.4f}"
    assert "on noise, by the draws of the null control, these are AUC 0.500, TPR at 1 % FPR 0.010, " in table.caption
    assert [row[0].kind for row in table.rows] == [""] * 6 + ["failed"] * 3
    assert "understates" not in table.caption


def test_results_table_says_where_pooled_figures_understate(tables):
    metrics = tables["attack_metrics"].copy()
    named = (metrics["attack"] == "rmia") & (metrics["run"] == "cnn-sgd") & (metrics["aggregation"] == "pooled")
    columns = ["target_spread", "pooling_loss", "pooling_loss_at_least"]
    metrics.loc[named & (metrics["epoch"] == 20), columns] = [0.72, 0.036, 0.031]
    metrics.loc[named & (metrics["epoch"] < 20), columns] = [0.9, 0.09, 0.08]  # not the last checkpoint
    caption = tabulate_results(shown(tables, attack_metrics=metrics)).caption
    assert "understates rmia on cnn-sgd by 0.036 (targets differ by 0.72 SD)" in caption and "0.09" not in caption
    metrics.loc[named, "pooling_loss_at_least"] = 0.004
    assert "understates" not in tabulate_results(shown(tables, attack_metrics=metrics)).caption


def test_the_table_tells_the_shares_beside_all_samples(attacked_tables):
    tables = attacked_tables
    failed = pd.DataFrame({"run": [A, B], "passed": [True, False]})
    table = tabulate_most_vulnerable(shown(tables, null=failed))
    assert table.columns == [
        *("run", "attack", "all samples", "top 10 %", "top 5 %", "top 1 %"),
        *("FPR of the top 10 %", "FPR of the top 5 %", "FPR of the top 1 %"),
    ]
    texts = [[cell.text for cell in row] for row in table.rows]
    assert [row[:2] for row in texts] == [
        [run, attack] for run in ("mlp-sgd", "cnn-sgd (null failed)") for attack in ("lira", "loss")
    ]
    assert [row[0].kind for row in table.rows] == ["", "", "failed", "failed"]
    last = tables["most_vulnerable"].query("epoch == 20 and metric == 'tpr_at_fpr_0.001' and share == .01")
    for row, few in zip(texts, last.to_dict("records"), strict=True):
        assert row[2] == f"{few['all_samples']:.3f}"
        assert row[5] == f"{few['value']:.3f} [{few['low']:.3f}, {few['high']:.3f}]"
        assert row[8] == f"{100 * few['fpr']:.1f} [{100 * few['fpr_low']:.1f}, {100 * few['fpr_high']:.1f}] %"
    assert table.caption.startswith("TPR at 0.1 % FPR of the most vulnerable samples by themselves: ")
    assert "The smallest share is 2 samples." in table.caption


def test_where_no_small_fpr_is_known_the_next_one_is_told(attacked_tables):
    few = attacked_tables["most_vulnerable"]
    unknown = few["metric"] == "tpr_at_fpr_0.001"
    names = ["value", "low", "high", "fpr", "fpr_low", "fpr_high"]
    few = few.assign(**{name: few[name].mask(unknown) for name in names})
    told = tabulate_most_vulnerable(shown(attacked_tables, most_vulnerable=few))
    assert told.caption.startswith("TPR at 1 % FPR of the most vulnerable samples")
    none = few.assign(value=few["value"].where(few["metric"] == "auc"))
    table = tabulate_most_vulnerable(shown(attacked_tables, most_vulnerable=none))
    assert (
        table.columns[2:] == ["all samples", "top 10 %", "top 5 %", "top 1 %"] and "false alarms" not in table.caption
    )
