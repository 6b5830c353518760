"""What mechanisms change, where runs are compared: known curves, statuses, coverage."""

import numpy as np
import pytest

from memdyn.compare.regularization.effects import COMPARISONS, effects_table
from regularized_worlds import EPOCHS, PLAIN, changed, world

STOPPED = {key: curve[:3] for key, curve in PLAIN.items()}
# twice as slow: at any epoch it is where the baseline was at half of it, and leaks as that did
SLOW = {key: [curve[0], (curve[0] + curve[1]) / 2, curve[1], curve[2]] for key, curve in PLAIN.items()}


def rows(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def one(table, run, comparison, attack="lira", metric="auc"):
    (row,) = rows(table, run=run, comparison=comparison, attack=attack, metric=metric).to_dict("records")
    return row


def test_differences_of_known_curves():
    """The slow run leaks less at equal epochs, and as much where both are equally far trained."""
    table = effects_table(world({"base": PLAIN, "slow": SLOW, "worse": changed(lira=0.1)}, noise=0, own_noise=0))
    assert one(table, "slow", "equal_epoch")["difference"] == pytest.approx(0.62 - 0.70)
    loss = one(table, "slow", "equal_training_loss")
    assert (loss["at"], loss["epoch"], loss["baseline_epoch"]) == pytest.approx((0.6, 8, 4))
    assert loss["difference"] == pytest.approx(0) and loss["value"] == pytest.approx(0.62)
    accuracy = one(table, "slow", "equal_accuracy")
    assert accuracy["at"] == pytest.approx(0.7) and accuracy["difference"] == pytest.approx(0)
    for comparison in COMPARISONS:
        assert one(table, "worse", comparison)["difference"] == pytest.approx(0.1), comparison
    best = one(table, "worse", "released", attack="best strong")
    assert best["value"] == pytest.approx(0.8) and best["baseline_value"] == pytest.approx(0.7)
    assert one(table, "slow", "released", "max(avg, pow)", "advantage")["value"] == pytest.approx(0.1)
    assert set(table["run"]) == {"slow", "worse"} and (table["status"] == "compared").all()


def test_early_stopping_is_a_checkpoint_of_its_baseline():
    against = world({"base": PLAIN, "stop": STOPPED}, noise=0, own_noise=0, epochs={"stop": EPOCHS[:3]})
    table = effects_table(against)
    assert one(table, "stop", "released")["difference"] == pytest.approx(0.62 - 0.70)
    equal = one(table, "stop", "equal_epoch")
    assert equal["difference"] == 0 and (equal["epoch"], equal["baseline_epoch"]) == (4, 4)
    assert one(table, "stop", "equal_accuracy")["difference"] == pytest.approx(0)


def test_where_nothing_can_be_compared_it_says_why():
    never = changed(accuracy=[0.1, 0.1, 0.1, 0.1])
    untested = {key: curve for key, curve in PLAIN.items() if key != ("", "accuracy_test")}
    against = world({"base": PLAIN, "never": never, "untested": untested, "odd": PLAIN}, epochs={"odd": [1, 3, 5, 7]})
    table = effects_table(against)
    assert one(table, "never", "equal_accuracy")["status"].startswith("no overlap: 0.1")
    assert one(table, "untested", "equal_accuracy")["status"] == "no test part"
    assert one(table, "odd", "equal_epoch")["status"] == "no checkpoint of both"
    assert np.isnan(one(table, "odd", "equal_epoch")["difference"])
    assert one(table, "odd", "released")["status"] == "compared"


def test_failed_runs_have_rows():
    table = effects_table(world({"base": PLAIN, "gone": None, "good": PLAIN}, reasons={"gone": "8 of 8 diverged"}))
    gone = rows(table, run="gone")
    assert list(gone["comparison"]) == list(COMPARISONS) and (gone["status"] == "failed").all()
    assert (gone["reason"] == "8 of 8 diverged").all() and (rows(table, run="good")["reason"] == "").all()
    assert gone["difference"].isna().all() and (rows(table, run="good")["status"] == "compared").all()
    table = effects_table(world({"base": None, "a": PLAIN, "b": PLAIN}))
    assert (
        (table["status"] == "failed").all()
        and (table["reason"] == "the baseline").all()
        and len(table) == 2 * len(COMPARISONS)
    )


def test_lost_pairs_are_compared_group_by_group():
    row = one(effects_table(world({"base": PLAIN, "lost": PLAIN}, failed=[3])), "lost", "released")
    assert row["low"] < 0 < row["high"] and abs(row["difference"]) < 0.01


def test_turned_clocks_give_the_loss_itself():
    row = one(effects_table(world({"base": PLAIN, "same": PLAIN})), "same", "equal_training_loss")
    assert 0.15 < row["at"] < 0.3


@pytest.mark.slow
def test_intervals_cover(capsys, replications=60):
    """95 % nominal, of differences whose truth is 0 at equal training loss and accuracy, and -.08 at the end."""
    found = [
        effects_table(world({"base": PLAIN, "slow": SLOW}, seed=seed, noise=0.02, own_noise=0.01))
        for seed in range(replications)
    ]
    told = {}
    for comparison, truth in {"released": -0.08, "equal_training_loss": 0.0, "equal_accuracy": 0.0}.items():
        cells = [one(table, "slow", comparison) for table in found]
        known = [cell for cell in cells if np.isfinite(cell["low"])]
        told[comparison] = np.mean([cell["low"] <= truth <= cell["high"] for cell in known])
        assert len(known) > replications / 2, comparison
        assert told[comparison] >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / len(known)), told
    with capsys.disabled():
        print(f"\n  coverage {told}")
