"""Runs without numbers: which they are, and why in words."""

import pandas as pd
import pytest

from memdyn.compare.claims import power_law
from memdyn.compare.failures import failed_words, run_status
from memdyn.compare.runs import run_row
from memdyn.compare.verdicts import Rules, judge_c1, judge_c2, judge_c3, pairs_by_factor
from memdyn.tables import STAGES
from memdyn.training.loop import EpochLog

NAN, INF = float("nan"), float("inf")


def log(lost=(), untaught=(), models=8, epochs=3):
    """A log of the models of which some diverged, {model: epoch}, and some had no teacher."""
    rows = []
    for model in range(models):
        if model in untaught:
            rows.append({"model": model, **EpochLog.of_none().row()})
            continue
        last = dict(lost).get(model)
        for epoch in range(1, (last or epochs) + 1):
            loss = (NAN, INF)[model % 2] if epoch == last else 1.0
            rows.append({"model": model, **EpochLog(epoch, loss, 0.5, 0.1, 1.0).row()})
    return pd.DataFrame(rows)


WORDS = {
    "none": (log(), ""),
    "all at once": (
        log(dict.fromkeys(range(8), 1)),
        "8 of 8 models failed: the loss became infinite or NaN in epoch 1",
    ),
    "some, apart": (
        log({0: 1, 3: 3, 5: 3}),
        "3 of 8 models failed: the loss became infinite or NaN in epochs 1 (1), 3 (2)",
    ),
    "all along": (
        log({0: 1, 1: 2, 2: 4, 3: 7}, epochs=9),
        "4 of 8 models failed: the loss became infinite or NaN in epochs 1 to 7",
    ),
    "students of a teacher that failed": (
        log(untaught=range(8)),
        "8 of 8 models failed: the teachers of 8 failed, so that they could not be trained",
    ),
    "both": (
        log({1: 2}, untaught=(4, 6)),
        "3 of 8 models failed: the loss became infinite or NaN in epoch 2; "
        "the teachers of 2 failed, so that they could not be trained",
    ),
}


@pytest.mark.parametrize(("log_", "words"), WORDS.values(), ids=WORDS)
def test_why_models_failed(log_, words):
    assert failed_words(log_) == words


FEW = "LiRA needs at least 8 models, got 2"


@pytest.mark.parametrize(
    ("lost", "missing", "attacked", "status", "reason"),
    [
        ((), {}, {"r"}, "ok", ""),
        ((0,), {}, {"r"}, "ok", ""),
        ((0, 2, 4), {"lira": FEW, "dynamics": FEW}, {"r"}, "ok", f"no lira, dynamics: {FEW}"),
        ((0, 2, 4), {"lira": FEW}, set(), "failed", f"3 of 8 models failed: .* in epoch 2; no lira: {FEW}"),
        ((0, 2, 4, 7), {"lira": "x"}, set(), "failed", "4 of 8 models failed: .* epoch 2; no pair of models is left"),
        (range(8), {"lira": "x"}, set(), "failed", "8 of 8 models failed: .* epoch 2; no pair of models is left"),
    ],
)
def test_a_run_failed_where_no_attack_has_numbers(lost, missing, attacked, status, reason):
    found = run_status("r", log(dict.fromkeys(lost, 2)), missing, attacked)
    assert found["status"] == status and pd.Series([found["reason"]]).str.fullmatch(reason).all(), found


RUN = {
    "recipe": {"optimizer": {"name": "sgd"}, "batch_size": 64, "epochs": 20, "augment": {"crop": 0, "flip": 0}},
    **dict(zip(("name", "folder", "dataset", "architecture", "device", "pool"), "rfdacp", strict=True)),
}  # fmt: skip


def test_its_row_is_as_declared():
    diverged = log(dict.fromkeys(range(8), 1))
    row = run_row(RUN, diverged, STAGES["dynamics"]["accuracy"].empty(), run_status("r", diverged, {}, set()))
    assert (row["status"], row["n_models"], row["n_failed"], row["n_checkpoints"]) == ("failed", 0, 8, 0)
    STAGES["study"]["runs"].checked(pd.DataFrame([row]))
    healthy = pd.DataFrame({"epoch": [0, 3], "accuracy_in": 0.9, "accuracy_out": 0.8, "accuracy_test": 0.8})
    other = run_row(RUN | {"name": "s"}, log(), healthy, run_status("s", log(), {}, {"s"}))
    STAGES["study"]["runs"].checked(pd.DataFrame([row, other]))


FACTORS = pd.DataFrame(
    {"run": ["a", "b"], "dataset": "d", "architecture": "n", "optimizer": ["x", "y"], "rest": "", "series": ["", "z"]}
)
RULES = Rules(level=0.95, difference=0.1, correlation=0.1, early_share=0.2, found=0.5)


def test_verdicts_name_it():
    nothing = pd.DataFrame(columns=["run_a", "run_b", "attack", "threshold", "at", "difference", "se", "df"])
    parts = judge_c1(nothing, pairs_by_factor(FACTORS), RULES, {"b"}).parts
    assert list(parts) == ["dataset: not varied alone", "architecture: not varied alone", "optimizer: a run failed"]
    empty = {
        name: STAGES["analysis"][name].empty().assign(run="") for name in ("disattenuated", "early", "early_profiles")
    }
    c2 = judge_c2(empty["disattenuated"], ["a", "b"], RULES, {"b"})
    c3 = judge_c3(empty["early"], empty["early_profiles"], ["a", "b"], RULES, {"b"})
    assert list(c2.parts) == list(c3.parts) == ["a: nothing to judge by", "b: failed"]


@pytest.mark.parametrize("attacked", [["a"], []])
def test_no_power_law_of_what_is_left(attacked):
    """Of two sizes one failed, or both."""
    metrics = pd.DataFrame({"run": attacked, "aggregation": "pooled"})
    tables = {"runs": pd.DataFrame({"run": ["a", "b"], "pool": ["p", "q"]}), "attack_metrics": metrics}
    pools = pd.DataFrame({"pool": ["p", "q"], "scored": [100, 200], "n_classes": 10})
    found = power_law(tables | {"replicates": metrics}, FACTORS, pools, {}, 0.95)
    assert not len(found["power_law_points"]) and not len(found["power_law_fits"])
