"""The most vulnerable samples: which they are, and what is told of each."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from memdyn.report.draw import style
from memdyn.report.figures import drawings
from memdyn.report.rows import select_threshold
from memdyn.report.sections.samples import most_vulnerable
from report_study import analysed, draw
from synthetic_tables import OPTIONS, RUNS, fake_pool

A, B, C = RUNS


@pytest.fixture(scope="module")
def pool():
    return fake_pool()


@pytest.fixture(scope="module")
def tables():
    return analysed(n_scored=60, models=8)


def test_most_vulnerable_are_the_largest_effects_at_the_last_checkpoint(tables):
    samples = select_threshold(tables["samples"], "lr1").query("run == 'cnn-sgd'")
    top = most_vulnerable(samples, 5)
    last = samples[samples["epoch"] == 20]
    assert set(top["sample_id"]) == set(last.nlargest(5, "d_prime")["sample_id"])
    assert top["d_prime"].is_monotonic_decreasing


def test_a_card_tells_onset_and_the_limits_of_d_prime(tables):
    few = {name: tables[name] for name in ("runs", "samples", "summary")}
    pool = fake_pool()
    drawing = draw(few, "samples-lira", dict.fromkeys(RUNS, pool))[0]
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes if axes.get_title(loc="left")]
    summary = tables["summary"].query("run == @A").set_index("sample_id")
    states = tables["samples"].query("run == @A and threshold == 'lr1' and epoch == 20").set_index("sample_id")
    for title in titles:
        name, d_prime, _ = title.splitlines()
        source = int(name.partition("#")[2])
        mine, at_last = summary.loc[source], states.loc[source]
        expected = f"d′ {at_last['d_prime']:.1f} [{at_last['d_prime_low']:.1f}, {at_last['d_prime_high']:.1f}]"
        onset = "no onset" if np.isnan(mine["onset"]) else f"onset {mine['onset']:g}"
        assert d_prime == f"{expected}, {onset}"
    lines = [line for axes in drawing.figure.axes for line in axes.lines if line.get_linestyle() == ":"]
    assert len(lines) == sum(", onset" in title for title in titles)
    plain = draw({name: tables[name] for name in ("runs", "samples")}, "samples-lira", {A: pool, B: pool, C: pool})[0]
    assert not any("onset" in axes.get_title(loc="left") for axes in plain.figure.axes)


def test_a_card_tells_the_name_of_the_file(tables, pool):
    """The file's name in the picture's title, its path in the words for who cannot see it; without one its number."""
    few = {name: tables[name] for name in ("runs", "samples")}
    named = replace(pool, files=tuple(f"ward {row % 3}/scan-{row}.png" for row in pool.sample_ids))
    plain, own = (draw(few, "samples-lira", dict.fromkeys(RUNS, one))[0] for one in (pool, named))
    titles = [
        [axes.get_title(loc="left").splitlines()[0] for axes in one.figure.axes if axes.get_title(loc="left")]
        for one in (plain, own)
    ]
    ids = [int(title.partition("#")[2]) for title in titles[0]]
    assert len(ids) == OPTIONS.top_samples and plain.record.alt.endswith(f"source rows {', '.join(map(str, ids))}.")
    assert [title.partition(", ")[2] for title in titles[1]] == [f"scan-{i}.png" for i in ids]
    assert own.record.alt.endswith(f"files {', '.join(f'ward {i % 3}/scan-{i}.png' for i in ids)}.")


def test_planted_samples_are_marked_among_the_most_vulnerable(tables, pool):
    styles = dict.fromkeys(RUNS, pool)
    all_planted = replace(pool, flipped=np.ones(len(pool.flipped), bool))
    none = replace(pool, flipped=np.zeros(len(pool.flipped), bool))
    few = {name: tables[name] for name in ("runs", "samples")}
    for chosen, crosses in ((all_planted, 3), (none, 0)):
        with style.report_style():
            *_, drawing = drawings(few, dict.fromkeys(styles, chosen), OPTIONS)
            plt.close("all")
        titles = [axes.get_title(loc="left") for axes in drawing.figure.axes]
        assert sum(title.startswith("✗") for title in titles) == crosses
        assert ("planted (3 of 3)" in drawing.record.values["planted"]) == bool(crosses)
