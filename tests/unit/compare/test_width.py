"""Width as a factor: against sums written out, against curves whose answers are known, and over repeated worlds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from memdyn.compare.width import (
    CLAIMS,
    FLAT,
    SHARES_OF_ACCURACY,
    Widths,
    claim_rows,
    width_of,
    width_tables,
    without_width,
)
from memdyn.tables import STAGES

WIDTHS = (4, 8, 16, 32)
EPOCHS = np.arange(13.0)


def truth(effect=1.0):
    """Advantage and accuracy [K, T]: at equal error a wide net leaks less, at its best epoch more."""
    speed = (np.log2(WIDTHS) - 1)[:, None]
    accuracy = 0.85 - 0.5 * np.exp(-EPOCHS / 1.2) + effect * 0.02 * speed * (1 - np.exp(-EPOCHS / 1.2))
    advantage = 0.01 * EPOCHS * (1 + effect * 0.05 * speed)
    return advantage, accuracy


LAWS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape) - 1,
    "heavy tails": lambda rng, shape: rng.standard_t(3, size=shape) / np.sqrt(3),
}


def world(rng, n_groups, noise, effect=1.0, law="normal"):
    """Curves of groups of models, alike between widths and checkpoints in part, as deleted means [K, 1 + G, T]."""
    draw = LAWS[law]
    curves = []
    for mean in truth(effect):
        shared = draw(rng, (1, n_groups, 1)) + draw(rng, (len(WIDTHS), n_groups, 1))
        each = mean[:, None] + noise * (shared + draw(rng, (len(WIDTHS), n_groups, len(EPOCHS)))) / np.sqrt(3)
        whole = each.mean(axis=1, keepdims=True)
        curves.append(np.concatenate([whole, (n_groups * whole - each) / (n_groups - 1)], axis=1))
    return Widths(tuple(f"w{width}" for width in WIDTHS), np.array(WIDTHS, float), *curves, EPOCHS, np.ones(n_groups))


def as_tables(given):
    """The study's tables of these curves."""

    def long(values, metric):
        return pd.DataFrame(
            [
                {"run": run, "metric": metric, "group": group - 1, "epoch": epoch, "value": values[k, group, t]}
                for k, run in enumerate(given.runs)
                for group in range(values.shape[1])
                for t, epoch in enumerate(given.epochs)
            ]
        )

    clocks = long(given.accuracy, "accuracy_test")
    factors = pd.DataFrame({"run": given.runs, "width": given.widths, "width_series": "one"})
    return {
        "curves": long(given.advantage, "advantage").assign(attack="tan2023", threshold="lr1"),
        "clocks": clocks[clocks["group"] == -1].drop(columns="group"),
        "clock_replicates": clocks[clocks["group"] >= 0],
        "factors": factors.sample(frac=1, random_state=1),
        "sizes": dict.fromkeys(given.runs, given.sizes),
        "level": 0.95,
    }


def first_passage(epochs, values, level):
    """Step by step."""
    for before, after, a, b in zip(epochs[:-1], epochs[1:], values[:-1], values[1:], strict=True):
        if a < level <= b:
            return before + (after - before) * (level - a) / (b - a)
    raise AssertionError("never passed")


def test_claims_and_levels_as_written_out():
    given = world(np.random.default_rng(1), 8, 0.01)
    found = width_tables(**as_tables(given))
    claims = found["width_claims"].set_index("claim")["estimate"]
    advantage, accuracy = given.advantage[:, 0], given.accuracy[:, 0]
    best = [a[np.argmax(c)] for a, c in zip(advantage, accuracy, strict=True)]
    assert claims["rises_with_width"] == pytest.approx(np.polyfit(np.log2(WIDTHS), best, 1)[0])
    assert claims["rises_after_flat"] == pytest.approx(np.mean([a[12] - a[6] for a in advantage]))
    assert np.mean([c[12] - c[6] for c in accuracy]) < FLAT
    low, high = given.accuracy[:, :, 0].max(), given.accuracy.max(axis=2).min()
    slopes, table = [], found["width_levels"].query("matched_by == 'test_error'")
    for share in SHARES_OF_ACCURACY:
        level = low + share * (high - low)
        there = [
            np.interp(first_passage(EPOCHS, c, level), EPOCHS, a) for a, c in zip(advantage, accuracy, strict=True)
        ]
        slopes.append(np.polyfit(np.log2(WIDTHS), there, 1)[0])
        rows = table[np.isclose(table["at"], 1 - level)].sort_values("width")
        np.testing.assert_allclose(rows["value"], there)
    assert claims["advantage_falls"] == pytest.approx(np.mean(slopes))


def test_the_curves_are_those_of_the_figure():
    given = world(np.random.default_rng(1), 8, 0.01)
    table = width_tables(**as_tables(given))["width_curves"]
    for k, run in enumerate(given.runs):
        mine = table[table["run"] == run]
        np.testing.assert_allclose(mine["advantage"], given.advantage[k, 0])
        np.testing.assert_allclose(mine["error"], 1 - given.accuracy[k, 0])
        assert ((mine["error_low"] < mine["error"]) & (mine["error"] < mine["error_high"])).all()


def test_equal_errors_are_those_of_nets_that_have_learned():
    """Of nets that begin at an error of .9, as those of ten classes do: near their end, and not half-way."""
    given = world(np.random.default_rng(1), 8, 0.001)
    learning = replace(given, accuracy=np.where(given.epochs > 0, given.accuracy, 0.1))
    worst_of_best = (1 - learning.accuracy[:, 0].max(axis=1)).max()
    levels = width_tables(**as_tables(learning))["width_levels"].query("matched_by == 'test_error'")["at"]
    assert levels.between(worst_of_best, worst_of_best + 0.1).all() and levels.nunique() == len(SHARES_OF_ACCURACY)


def test_curves_without_noise_have_their_claims():
    given = world(np.random.default_rng(0), 4, 1e-6)
    claims = width_tables(**as_tables(given))["width_claims"].set_index("claim")
    assert claims["verdict"].eq("supported").all() and claims["status"].eq("tested").all()


def test_an_error_that_still_falls_is_not_flat():
    given = world(np.random.default_rng(0), 4, 1e-6)
    curves = {name: getattr(given, name)[..., :5] for name in ("advantage", "accuracy")}
    early = width_tables(**as_tables(replace(given, **curves, epochs=EPOCHS[:5])))["width_claims"].set_index("claim")
    assert early.loc["rises_after_flat", "status"] == "the test error still falls"
    assert early.loc["rises_after_flat", "verdict"] == "not tested"


def test_the_opposite_contradicts():
    given = world(np.random.default_rng(0), 8, 1e-4, effect=-1.0)
    claims = width_tables(**as_tables(given))["width_claims"].set_index("claim")["verdict"]
    assert claims["error_falls"] == claims["advantage_falls"] == "contradicted"


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n_groups", [4, 16])
def test_intervals_cover(n_groups, law):
    """The truth is that of the mean curves."""
    exact = world(np.random.default_rng(0), 4, 0.0)
    wanted = width_tables(**as_tables(exact))["width_claims"].set_index("claim")["estimate"]
    covered = {claim: [] for claim in CLAIMS}
    for seed in range(300):
        for row in claim_rows(world(np.random.default_rng(seed), n_groups, 0.01, law=law), 0.95):
            if row["status"] == "tested":  # by chance the error falls a little
                covered[row["claim"]].append(row["low"] <= wanted[row["claim"]] <= row["high"])
    for claim, those in covered.items():  # nominal .9875: the four hold jointly
        assert len(those) > 150 and np.mean(those) > 0.96, (claim, len(those), np.mean(those))


def test_equal_widths_say_nothing():
    words = [
        row["verdict"]
        for seed in range(200)
        for row in claim_rows(world(np.random.default_rng(seed), 8, 0.01, effect=0.0), 0.95)
        if row["claim"] in ("error_falls", "advantage_falls")
    ]
    assert np.mean(np.array(words) == "undecided") > 0.95


def test_a_run_that_lost_a_group_stays_as_it_is_without_it():
    given = world(np.random.default_rng(2), 8, 0.01)
    tables = as_tables(given)
    lost = given.runs[1]
    for name in ("curves", "clock_replicates"):
        tables[name] = tables[name][(tables[name]["run"] != lost) | (tables[name]["group"] != 3)]
    tables["sizes"][lost] = np.where(np.arange(8) == 3, 0, 1)
    claims = width_tables(**tables)["width_claims"]
    assert claims["low"].notna().sum() >= 3 and (claims["widths"] == 4).all()


def test_without_replicates_of_the_leak_there_is_no_interval():
    tables = as_tables(world(np.random.default_rng(2), 8, 0.001))
    tables["curves"] = tables["curves"][tables["curves"]["group"] == -1]
    claims = width_tables(**tables)["width_claims"]
    assert claims["estimate"].notna().all() and claims["low"].isna().all()
    assert claims["verdict"].eq("undecided").all() and claims["status"].eq("no interval: too few models").all()


def test_a_study_may_have_several_series():
    """As a grid of widths and weight decays has: each is judged by itself, and the tables are as declared."""
    given = world(np.random.default_rng(3), 8, 0.01)
    one, other = as_tables(given), as_tables(world(np.random.default_rng(4), 8, 0.01))
    both = dict(one)
    for name in ("curves", "clocks", "clock_replicates", "factors"):
        renamed = other[name].assign(run=other[name]["run"] + "-decay")
        both[name] = pd.concat([one[name], renamed.assign(width_series="two") if name == "factors" else renamed])
    both["sizes"] = one["sizes"] | {f"{run}-decay": given.sizes for run in given.runs}
    found = width_tables(**both)
    for name, table in found.items():
        STAGES["study"][name].checked(table.infer_objects())
    claims = found["width_claims"]
    assert list(claims["series"].unique()) == ["w4", "w4-decay"] and len(claims) == 2 * len(CLAIMS)
    for series, alone in (("w4", one), ("w4-decay", other)):
        mine = claims[claims["series"] == series]["estimate"]
        np.testing.assert_array_equal(mine, width_tables(**alone)["width_claims"]["estimate"])


def test_two_runs_of_one_width_are_one():
    """Which differ in what trains nothing, say."""
    given = world(np.random.default_rng(2), 8, 0.01)
    tables = as_tables(given)
    wanted = width_tables(**tables)["width_claims"]
    twin = tables["factors"].query("run == 'w8'").assign(run="twin")
    tables["factors"] = pd.concat([tables["factors"], twin])
    pd.testing.assert_frame_equal(width_tables(**tables)["width_claims"], wanted)


def test_too_little_makes_empty_tables():
    given = world(np.random.default_rng(2), 8, 0.01)
    one_width = as_tables(given)
    one_width["factors"] = one_width["factors"].assign(width=8.0)
    apart = as_tables(given)
    apart["factors"] = apart["factors"].assign(width_series=list("abcd"))
    for tables in (one_width, apart):
        assert all(not len(table) for table in width_tables(**tables).values())


def test_what_a_width_is():
    assert width_of({"name": "cnn", "width": 8, "hidden": 128}) == 8
    assert width_of({"name": "mlp", "hidden": [256]}) == 256
    assert np.isnan(width_of({"name": "mlp", "hidden": [256, 64]}))
    assert np.isnan(width_of({"name": "logistic"}))
    assert without_width({"name": "cnn", "width": 8, "hidden": 128}) == {"name": "cnn", "hidden": 128}
    assert without_width({"name": "mlp", "hidden": [256], "activation": "relu"}) == {
        "name": "mlp",
        "activation": "relu",
    }
