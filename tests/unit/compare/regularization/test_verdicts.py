"""R1 to R4: each word where the rule says so, joint levels, what is not tested, and how rarely a word is wrong."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit

from memdyn.compare.regularization.verdicts import Bounds, verdict_tables
from regularized_worlds import PLAIN, changed, world

BOUNDS = Bounds(difference=0.01, weak_difference=0.02, chance=0.02)
CHANCE = changed(lira=[0.5] * 4, rmia=[0.5] * 4)


def judged(runs, distances=None, bounds=BOUNDS, **options):
    last = dict.fromkeys(runs, 8)
    tables = verdict_tables(world(runs, **options), distances, bounds, last)
    return tables["regularization_verdicts"].set_index(["claim", "run", "by"]), tables["regularization_cells"]


def words(table, claim, by=""):
    return {run: row["verdict"] for (one, run, way), row in table.iterrows() if (one, way) == (claim, by)}


def test_lowering_and_raising():
    """Known differences of the best strong attack's AUC, -.1, 0, +.1, and one at the bound itself."""
    runs = {"base": PLAIN, "less": changed(lira=-0.1, rmia=-0.1), "same": PLAIN, "more": changed(lira=0.1)}
    table, _ = judged(runs)
    assert words(table, "R1") == {"less": "supported", "same": "contradicted", "more": "contradicted"}
    assert words(table, "R2") == {"less": "contradicted", "same": "contradicted", "more": "supported"}
    row = table.loc[("R1", "less", "")]
    assert row["low"] < row["estimate"] < row["high"] < -0.01 and row["mechanism"] == "less 1"
    noisy, _ = judged(runs, own_noise=0.05)
    assert words(noisy, "R1")["same"] == words(noisy, "R2")["same"] == "undecided"
    at_bound, _ = judged({"base": PLAIN, "run": changed(lira=-0.01, rmia=-0.01)})
    assert words(at_bound, "R1") == {"run": "undecided"}


def test_one_attack_that_still_sees_it_is_enough():
    """The leak is that of the best attack: LiRA fell, RMIA did not."""
    table, _ = judged({"base": PLAIN, "run": changed(lira=-0.1)})
    assert words(table, "R1") == {"run": "undecided"}, ".70 by LiRA, .69 by RMIA: at the bound"
    table, _ = judged({"base": PLAIN, "run": changed(lira=-0.1, rmia=0.02)})
    assert words(table, "R1") == {"run": "contradicted"}


def test_what_it_costs():
    table, _ = judged({"base": PLAIN, "run": changed(accuracy=-0.05)})
    row = table.loc[("R1", "run", "")]
    assert row["accuracy_difference"] == pytest.approx(-0.05, abs=0.005)
    assert row["accuracy_low"] < -0.05 + 0.005 < 0 and row["accuracy_high"] < 0


NAMED = {"a": {"crop": "2"}, "b": {"decay": "1"}, "ab": {"crop": "2", "decay": "1"}}
PARTS = {"base": PLAIN, "a": changed(lira=-0.05, rmia=-0.05), "b": changed(lira=-0.02, rmia=-0.02)}


@pytest.mark.parametrize(
    ("change", "word"), [(-0.1, "supported"), (-0.05, "contradicted"), (-0.06, "undecided"), (0.0, "contradicted")]
)
def test_combinations(change, word):
    """Both parts have to be beaten, the better one too: -.06 against -.05 is at the bound."""
    table, cells = judged(PARTS | {"ab": changed(lira=change, rmia=change)}, mechanisms=NAMED)
    assert words(table, "R3") == {"ab": word}
    assert table.loc[("R3", "ab", ""), "estimate"] == pytest.approx(change + 0.05, abs=0.005), "to the best part"
    assert list(cells.query("claim == 'R3'")["cell"]) == ["minus a", "minus b"]


HIDDEN = {
    "hidden from AVG": ({"avg": -0.1}, "supported"),
    "hidden from POW": ({"pow": -0.1}, "supported"),
    "raised and hidden": ({"avg": -0.1, "pow": -0.1, "lira": 0.05}, "supported"),
    "really lower": ({"avg": -0.1, "pow": -0.1, "lira": -0.1, "rmia": -0.1}, "contradicted"),
    "nothing": ({}, "contradicted"),
    "both raised": ({"avg": 0.1, "pow": 0.1, "lira": 0.1}, "contradicted"),
    "at the weak bound": ({"avg": -0.02}, "undecided"),
    "at the strong bound": ({"avg": -0.1, "lira": -0.01, "rmia": -0.01}, "undecided"),
}


@pytest.mark.parametrize(("changes", "word"), HIDDEN.values(), ids=HIDDEN)
def test_false_sense_by_attack(changes, word):
    table, _ = judged({"base": PLAIN, "run": changed(**changes)})
    assert words(table, "R4", "attack") == {"run": word}


def distance(auc, half, levels=("q0.9",), run="run", epoch=8):
    return pd.DataFrame(
        [
            {"run": run, "epoch": epoch, "level": level, "control": control, "auc": auc, "low": auc - half}
            | {"high": auc + half}
            for level in levels
            for control in ("plain", "matched")
        ]
    )


SENSE = {
    "farther": (CHANCE, distance(0.6, 0.01), "supported"),
    "closer": (CHANCE, distance(0.4, 0.01), "supported"),
    "nothing": (CHANCE, distance(0.5, 0.005), "contradicted"),
    "not known": (CHANCE, distance(0.53, 0.05), "undecided"),
    "seen by attacks": (PLAIN, distance(0.6, 0.01), "contradicted"),
    "no distance": (CHANCE, None, "not tested"),
    "of another checkpoint": (CHANCE, distance(0.6, 0.01, epoch=4), "not tested"),
    "of another run": (CHANCE, distance(0.6, 0.01, run="base"), "not tested"),
    "without interval": (CHANCE, distance(0.6, np.nan), "not tested"),
}


@pytest.mark.parametrize(("curves", "table", "word"), SENSE.values(), ids=SENSE)
def test_false_sense_by_distance(curves, table, word):
    found, _ = judged({"base": PLAIN, "run": curves}, table, own_noise=0.001, noise=0.001)
    assert words(found, "R4", "distance") == {"run": word}


def test_attacks_that_may_see_it_leave_it_open():
    """An interval that holds 1/2 because it is wide is not chance."""
    found, _ = judged({"base": PLAIN, "run": CHANCE}, distance(0.6, 0.01), own_noise=0.05)
    assert words(found, "R4", "distance") == {"run": "undecided"}


def test_intervals_hold_jointly():
    """Of 3 runs each has level 1 - .05 / 3; one that is given with the study's level is widened alike."""
    runs = {"base": PLAIN, "a": PLAIN, "b": PLAIN, "c": PLAIN}
    _, cells = judged(runs, distance(0.6, 0.01, levels=("q0.9", "q0.5"), run="a"))
    against = world(runs)
    found = against.difference("b", "base", ("best strong", "auc"))
    half = stdtrit(7, 1 - 0.05 / 6) * found["se"]
    row = cells.query("claim == 'R1' and run == 'b'").iloc[0]
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half)
    rows = cells.query("by == 'distance' and run == 'a' and cell != 'leak'")
    wider = stdtrit(7, 1 - 0.05 / 6) / stdtrit(7, 0.975)  # a leak and 2 levels
    assert len(rows) == 2 and (rows["high"] - rows["estimate"]).tolist() == pytest.approx([0.01 * wider] * 2)


def test_limits_are_no_more_than_an_auc_can_be():
    """Of few models, whose intervals are widened: the leak's and the distance's."""
    _, cells = judged({"base": PLAIN, "run": CHANCE}, distance(0.6, 0.5), own_noise=2.0, noise=2.0)
    cells = cells.query("by == 'distance'")
    assert len(cells) == 2 and cells["low"].ge(0).all() and cells["high"].le(1).all()
    assert (cells["high"] == 1).all() and (cells["low"] == 0).any()


def test_a_run_that_failed_takes_no_room():
    """The intervals of the others are as wide as without it."""
    alone, beside = (judged({"base": PLAIN, "a": PLAIN} | more)[1].dropna() for more in ({}, {"gone": None}))
    assert len(alone) == len(beside) == 5
    assert beside[["low", "high"]].to_numpy() == pytest.approx(alone[["low", "high"]].to_numpy())


def test_what_failed_is_not_tested():
    table, _ = judged({"base": PLAIN, "gone": None, "good": PLAIN})
    gone = table.xs("gone", level="run")
    assert set(gone["verdict"]) == {"not tested"} and set(gone["status"]) == {"failed"}
    assert words(table, "R1")["good"] == "contradicted"
    table, _ = judged({"base": None, "a": PLAIN})
    assert set(table["verdict"]) == {"not tested"} and set(table["reason"]) == {"the baseline"}
    table, _ = judged(PARTS | {"ab": PLAIN, "b": None}, mechanisms=NAMED)
    assert words(table, "R3") == {"ab": "not tested"}


@pytest.mark.slow
def test_identical_runs_are_rarely_told_apart(replications=40):
    """Four runs of one law: at most one study in twenty has any word `supported`, at bounds of (nearly) nothing."""
    runs = {"base": PLAIN} | {f"run{k}": PLAIN for k in range(4)}
    nothing = Bounds(difference=1e-9, weak_difference=1e-9, chance=0.02)
    studies = [judged(runs, bounds=nothing, seed=seed, own_noise=0.01)[0] for seed in range(replications)]
    for claim in ("R1", "R2", "R4"):
        wrong = np.mean([(table.loc[claim]["verdict"] == "supported").any() for table in studies])
        assert wrong <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / replications), claim
