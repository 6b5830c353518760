"""The tables of the level distance, from files as the probes write them."""

from dataclasses import replace

import numpy as np
import pytest

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.design.blocks import block_names, models_of
from memdyn.dynamics.distance import Settings, distance_tables, in_order
from memdyn.stats.jackknife import Pairs
from memdyn.store.scores import write_scores
from memdyn.tables import STAGES
from worlds import complementary_mask

MODELS, SEARCHED, FAILED = 12, 10, (3,)
SCORED, KNOWN, EVALUATED, OTHERS = 160, 40, 80, 30
EPOCHS = (0, 2)
SETTINGS = Settings(2 * KNOWN // 2, SEARCHED, ("q0.9", "gap"), ("l2",), 0.95, 16)
TAKEN = SETTINGS.known + EVALUATED


def write(folder, signals, epochs, models=MODELS):
    """The block files of a probe: arrays [MODELS, n] by signal, of the first `models`; NaN for those that failed."""
    files, count = [], len(next(iter(signals.values()))[0])
    for block in block_names(MODELS):
        its = models_of(block)
        if its.start >= models:
            continue
        rows = {key: np.array(values[its.start : its.stop], np.float32) for key, values in signals.items()}
        for values in rows.values():
            values[[model - its.start for model in its if model in FAILED or model >= models]] = np.nan
        files.append(folder / block / "signals.parquet")
        write_scores(files[-1], iter([(epoch, rows) for epoch in epochs]), its, np.arange(count), FAILED)
    return tuple(files)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """(scores, files of the search, files of the curvature, a function that writes another search)."""
    tmp_path, rng = tmp_path_factory.mktemp("run"), np.random.default_rng(0)
    masks, labels = complementary_mask(rng, MODELS, SCORED), rng.integers(0, 3, SCORED + OTHERS)
    margin = rng.normal(size=(MODELS, SCORED + OTHERS)).astype(np.float32)
    margin[:, :SCORED] += masks
    slope = np.exp(rng.normal(size=(MODELS, SCORED))).astype(np.float32)
    excess = np.repeat(margin[:, :TAKEN, None], 2, axis=2) - np.float32([1.0, 0.0])
    distance = excess + rng.normal(size=excess.shape).astype(np.float32) * 0.2
    distance = np.abs(distance) * np.sign(excess)
    none = (rng.random(distance.shape) < 0.3) & masks[:, :TAKEN, None]  # of members only
    distance[none] = np.inf * excess[none]

    def search(distance):
        found = {"level_distance_l2": distance, "level_excess": excess}
        return write(tmp_path / "search", found, EPOCHS[1:], SEARCHED)

    outputs = write(tmp_path / "outputs", {"margin": margin}, EPOCHS)
    inside = {"margin_gradient_l2": slope, "margin_gradient_l1": 3 * slope, "margin_of_weights": margin[:, :SCORED]}
    gradient = write(tmp_path / "gradient", inside, EPOCHS)
    curved = write(tmp_path / "curvature", {"input_curvature": slope[:, :TAKEN]}, EPOCHS[1:], SEARCHED)
    pairs = Pairs.of(MODELS, FAILED)
    parts = {"scored": slice(0, SCORED), "sham": slice(SCORED, SCORED), "population": slice(SCORED, SCORED + OTHERS)}
    sources = {"margin": outputs, **dict.fromkeys(inside, gradient)}
    scores = ShadowScores(sources, masks[pairs.models], parts, pairs, labels, list(EPOCHS), EPOCHS)
    return scores, search(distance), curved, lambda change: search(change(distance.copy()))


def behind_a_rule(scores, folder):
    """The same models, which answer one margin to all samples of a class."""
    hidden = np.repeat(scores.labels[None], MODELS, axis=0)
    return replace(scores, sources=scores.sources | {"margin": write(folder, {"margin": hidden}, EPOCHS)})


@pytest.fixture(scope="module")
def tables(given):
    return distance_tables(*given[:3], SETTINGS)


def at_the_end(scores, searched):
    """The same of the last checkpoint alone, without the curvature."""
    return distance_tables(replace(scores, epochs=[EPOCHS[-1]]), searched, None, SETTINGS)


def test_the_tables_are_as_declared_and_of_the_models_that_are_left(given, tables):
    assert set(tables) == set(STAGES["distance"])
    for name, table in tables.items():
        STAGES["distance"][name].checked(table)
    found, rivals = tables["level_distance"], tables["distance_rivals"]
    assert set(found["epoch"]) == {2} and set(rivals["epoch"]) == {0, 2}
    assert set(found["n_models"]) == {8} and set(found["n_samples"]) == {EVALUATED}  # 10 searched, a pair has failed
    first_order = rivals[rivals["measure"] == "first_order_l2"]
    assert set(first_order["n_models"]) == {10} and set(first_order["n_samples"]) == {SCORED - SETTINGS.known}
    assert set(first_order["level"]) == {"q0.9"}, "the gap has no slope of its own"
    assert set(rivals[rivals["measure"] == "curvature"]["epoch"]) == {2}
    without = at_the_end(*given[:2])["distance_rivals"]
    assert set(without["measure"]) == {"first_order_l2", "gradient_norm"}


def test_unreached_samples_are_counted_apart(tables):
    found = tables["level_distance"]
    assert found["unreached_in"].between(0.25, 0.35).all() and (found["unreached_out"] == 0).all()


def test_what_the_attacker_knows_is_evaluated_nowhere(given, tables):
    def mixed(distance):
        known = distance[:, : SETTINGS.known]
        distance[:, : SETTINGS.known] = np.random.default_rng(1).permuted(known, axis=1)
        return distance

    before = tables["level_distance"].set_index(["level", "control"])
    after = at_the_end(given[0], given[3](mixed))["level_distance"].set_index(["level", "control"])
    np.testing.assert_array_equal(after["auc"], before["auc"])
    assert (after["advantage"] != before["advantage"]).any()


def test_a_random_membership_of_evaluated_samples_is_not_told(given):
    """Though that of the known ones, which the levels are made of, stays."""
    scores, searched = given[:2]
    flips = np.random.default_rng(2).random((len(scores.pairs), SCORED)) < 0.5
    flips[:, : SETTINGS.known] = False
    shuffled = replace(scores, masks=scores.masks ^ np.repeat(flips, 2, axis=0))
    for masks, expected in ((scores, True), (shuffled, False)):
        found = at_the_end(masks, searched)["distance_rivals"].query("control == 'plain'")
        first_order = found[found["measure"] == "first_order_l2"]
        assert ((first_order["low"] > 0.5) == expected).all()
    assert ((first_order["low"] <= 0.5) & (first_order["high"] >= 0.5)).all()


def test_output_rules_hide_the_margin_and_no_distance(given, tables, tmp_path):
    """Distances and their rivals are of the weights; what they are held against is what is answered."""
    found = distance_tables(behind_a_rule(given[0], tmp_path), *given[1:3], SETTINGS)
    for name, key in (("level_distance", ["level"]), ("distance_rivals", ["epoch", "measure", "level"])):
        before, after = (
            table[name].query("control == 'plain'").set_index(key).sort_index() for table in (tables, found)
        )
        np.testing.assert_array_equal(after["auc"], before["auc"])
        assert (before["margin_auc"] > 0.6).all() and after["margin_auc"].sub(0.5).abs().lt(0.05).all()
    matched = found["level_distance"].query("control == 'matched'")
    assert (matched["low"] > 0.5).all(), "among samples of one class all that is left is the distance"


def test_nets_that_have_nearly_diverged_end_no_study(given, tmp_path):
    """Margins beyond measure, slopes that are infinite, and curvatures that are no numbers."""
    scores, searched, rng = *given[:2], np.random.default_rng(0)
    margin = 1e21 * rng.normal(size=(MODELS, SCORED))
    slope = np.where(rng.random(margin.shape) < 0.6, np.inf, 1e21)
    huge = {"margin_of_weights": margin, "margin_gradient_l2": slope, "margin_gradient_l1": slope}
    of_weights = dict.fromkeys(huge, write(tmp_path / "gradient", huge, EPOCHS))
    curved = write(tmp_path / "curved", {"input_curvature": np.full((MODELS, TAKEN), np.nan)}, EPOCHS[1:], SEARCHED)
    rivals = distance_tables(replace(scores, sources=scores.sources | of_weights), searched, curved, SETTINGS)[
        "distance_rivals"
    ]
    STAGES["distance"]["distance_rivals"].checked(rivals)
    known, plain = rivals["measure"] != "curvature", rivals["control"] == "plain"
    assert rivals.loc[known & plain, "auc"].notna().all() and rivals.loc[~known, "auc"].isna().all()
    assert rivals.loc[plain, "margin_auc"].gt(0.6).all(), "what is answered is as before"


def test_what_was_not_reached_lies_beyond_all_that_was_in_the_order_of_its_excess():
    distance = np.array([[-np.inf, -3.0, 0.0, 2.0, np.inf, -np.inf], [1.0, -np.inf, -2.0, 4.0, 5.0, 0.5]])
    excess = np.array([[-2.0, -5.0, 0.0, 1.0, 0.5, -0.1], [1.0, -1.0, -2.0, 4.0, 5.0, 0.5]])
    found = in_order(distance, excess)
    np.testing.assert_allclose(found, [[-5, -3, 0, 2, 3.5, -3.1], [1, -6, -2, 4, 5, 0.5]])
