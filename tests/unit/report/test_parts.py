"""Accuracy against TPR, comparisons at equal accuracy, cards of samples, and tables that fit the page."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from memdyn.report.draw import style
from memdyn.report.draw.style import run_styles
from memdyn.report.figures import drawings
from memdyn.report.page import dynamics as page_dynamics
from memdyn.report.page import tables as page_tables
from memdyn.report.page.matched import is_known
from memdyn.report.sections import claims as page_claims
from memdyn.report.sections.factors import highest_common
from memdyn.report.sections.found import METRICS, accuracy_and_leaks
from synthetic_dynamics import analysis_tables
from synthetic_tables import ATTACKS, OPTIONS, RUNS, fake_pool, folder, study_tables

A, B, C = (folder(name) for name in RUNS)
UNSURE = "not determined: a run is about at this value for long"


@pytest.fixture(scope="module")
def tables():
    plain = study_tables(fake_pool(), n_scored=60, models=8)
    return plain | analysis_tables(plain["samples"])


def draw(tables, wanted, images=None):
    with style.report_style():
        found = [d for d in drawings(tables, images or {}, OPTIONS) if d.record.name.startswith(wanted)]
    plt.close("all")
    return found


def test_accuracy_against_tpr_is_that_of_the_tables(tables):
    few = {name: tables[name] for name in ("runs", "accuracy", "attack_metrics")}
    (drawing,) = draw(few, "utility")
    assert drawing.record.section == "found"
    axes = drawing.figure.axes
    assert [a.get_title() for a in axes] == [*ATTACKS, "", "", ""], "a column an attack, a row an FPR"
    everything = accuracy_and_leaks(few)
    low = everything["accuracy"].min() + 0.9 * np.ptp(everything["accuracy"])
    shown = everything[everything["accuracy"] >= low].sort_values("epoch")
    for place, (metric, attack) in enumerate((metric, attack) for metric in METRICS for attack in ATTACKS):
        for container, run in zip(axes[place].containers, (A, B, C), strict=True):
            mine = shown[(shown["run"] == run) & (shown["attack"] == attack)]
            line, _, (bars,) = container
            np.testing.assert_allclose(line.get_xdata().astype(float), mine["accuracy"])
            np.testing.assert_allclose(line.get_ydata().astype(float), mine[metric])
            ends = np.array([segment[:, 1] for segment in bars.get_segments()], dtype=float)
            np.testing.assert_allclose(ends, mine[[f"{metric}_low", f"{metric}_high"]], atol=1e-12)
    texts = {text.get_text() for text in axes[0].texts}
    assert "20" in texts and texts <= {f"{epoch:g}" for epoch in everything["epoch"]}


def test_many_runs_have_neither_bars_nor_epochs():
    runs = {f"r{k}": (0.8 + 0.05 * k, "mlp", "sgd") for k in range(5)}
    tables = study_tables(fake_pool(), n_scored=20, models=8, runs=runs)
    (drawing,) = draw({name: tables[name] for name in ("runs", "accuracy", "attack_metrics")}, "utility")
    assert not any(axes.texts or any(c[2] for c in axes.containers) for axes in drawing.figure.axes)


def test_without_a_test_part_accuracy_is_that_of_non_members_and_unknown_rates_are_left_out(tables):
    accuracy = tables["accuracy"].assign(accuracy_test=np.nan, accuracy_out=lambda t: t["accuracy_out"] - 0.01)
    metrics = tables["attack_metrics"].assign(**{METRICS[1]: np.nan})
    few = {"runs": tables["runs"], "accuracy": accuracy, "attack_metrics": metrics}
    assert set(accuracy_and_leaks(few)["accuracy"]) == set(accuracy["accuracy_out"])
    (drawing,) = draw(few, "utility")
    assert len(drawing.figure.axes) == len(ATTACKS)
    assert not draw(few | {"attack_metrics": metrics.assign(**{METRICS[0]: np.nan})}, "utility")


def test_a_card_tells_onset_and_the_limits_of_d_prime(tables):
    few = {name: tables[name] for name in ("runs", "samples", "summary")}
    pool = fake_pool()
    drawing = draw(few, "samples-lira", {folder(name): pool for name in RUNS})[0]
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes if axes.get_title(loc="left")]
    summary = tables["summary"].query("run == @A").set_index("sample")
    rows = {source: row for row, source in enumerate(pool.sample_ids)}
    states = tables["samples"].query("run == @A and threshold == 'lr1' and epoch == 20").set_index("sample_id")
    for title in titles:
        name, d_prime, _ = title.splitlines()
        source = int(name.partition("#")[2])
        mine, at_last = summary.loc[rows[source]], states.loc[source]
        expected = f"d′ {at_last['d_prime']:.1f} [{at_last['d_prime_low']:.1f}, {at_last['d_prime_high']:.1f}]"
        onset = "no onset" if np.isnan(mine["onset"]) else f"onset {mine['onset']:g}"
        assert d_prime == f"{expected}, {onset}"
    lines = [line for axes in drawing.figure.axes for line in axes.lines if line.get_linestyle() == ":"]
    assert len(lines) == sum(", onset" in title for title in titles)
    plain = draw({name: tables[name] for name in ("runs", "samples")}, "samples-lira", {A: pool, B: pool, C: pool})[0]
    assert not any("onset" in axes.get_title(loc="left") for axes in plain.figure.axes)


def test_what_is_not_determined_is_not_shown(tables):
    table = tables["factor_differences"]
    assert is_known(table).sum() == table["difference"].notna().sum()
    high = table["at"] == 0.5
    unsure = table.assign(status=table["status"].where(~high | (table["matched_by"] == "epoch"), UNSURE))
    best = highest_common(unsure).set_index("matched_by")["at"]
    assert (best["epoch"] == 0.5).all() and (best["accuracy_test"] == 0.1).all()
    styles = run_styles(tables["runs"])
    rows = [[cell.text for cell in row] for row in page_dynamics.equal_accuracy(unsure, styles).rows]
    assert [row[3:5] for row in rows] == [["0.100", "2.0, 1.6"], ["0.500", "10.0, 8.0"]] * 3
    assert rows[1][5:] == ["not determined", "not determined", "–"] and "[" in rows[0][5]
    impossible = table.assign(low=-1.01, high=0.2)
    assert set(impossible.loc[is_known(impossible), "metric"]) == {"advantage", "speed_squared_corrected"}


def test_the_claim_says_what_equal_accuracy_says(tables):
    styles = run_styles(tables["runs"])
    table = tables["factor_differences"].assign(factor="optimizer", difference=0.03, low=0.01, high=0.05)
    lines = page_claims.equally_far(table, styles, "lr1")
    assert lines[0] == (
        "· optimizer, mlp-sgd against cnn-sgd: at equal test accuracy 0.500 (epoch 10.0 against 8.0), "
        "mlp-sgd leaks 0.030 [0.010, 0.050] more"
    )
    assert len(lines) == 3 and page_claims.equally_far(table.assign(factor=""), styles, "lr1") == []
    whole = page_claims.claims(tables["claims"], tables["claim_cells"], styles, {"C1": lines})
    assert whole.rows[0][3].text.endswith("\n".join(lines))


def test_a_table_of_one_attack_says_so_once():
    table = page_tables.Table(
        "Numbers.", ["run", "attack", "AUC"], [[page_tables.Cell(t) for t in ("a", "lira", ".6")]], 2
    )
    short = page_tables.without_one_attack(table)
    assert short.columns == ["run", "AUC"] and short.head == 1 and short.caption == "Numbers. Attack: lira."
    assert [cell.text for cell in short.rows[0]] == ["a", ".6"]
    table.rows.append([page_tables.Cell(t) for t in ("a", "loss", ".5")])
    assert page_tables.without_one_attack(table) is table


def test_distances_begin_at_zero_and_planted_samples_have_a_row_a_quantity(tables):
    assert (
        page_tables._distance(1.8, -2.5, 6.0) == "1.8 [0.0, 6.0]" and page_tables._distance(1, np.nan, np.nan) == "1.0"
    )
    table = page_dynamics.planted(tables["planted"], run_styles(tables["runs"]))
    assert table.columns == ["by", *RUNS] and table.rows[0][0].text == "d′"
