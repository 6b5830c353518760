"""The fixed rules: each claim supported, contradicted and undecided, from tables of the shape that the stages write."""

import numpy as np
import pandas as pd
import pytest
from dynamic_worlds import dynamic_world
from scipy import stats

from memdyn.attacks.base import build
from memdyn.compare.claims import first_thresholds, with_factor
from memdyn.compare.runs import factor_row
from memdyn.compare.verdicts import (
    CONTRADICTED,
    DIFFICULTIES,
    SUPPORTED,
    UNDECIDED,
    Rules,
    above,
    all_of,
    any_of,
    judge_c1,
    judge_c2,
    judge_c3,
    most_of,
    outside,
    pairs_by_factor,
)
from memdyn.dynamics.difficulty import HARDER
from memdyn.dynamics.early import EarlyOptions, early_tables
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.zones import ZoneBounds

RULES = Rules(level=0.95, difference=0.01, correlation=0.1, early_share=0.3, found=0.7)
S, C, U = SUPPORTED, CONTRADICTED, UNDECIDED


def test_rules():
    assert [above(*x, 0.5) for x in ((0.6, 0.9), (0.1, 0.4), (0.4, 0.6))] == [S, C, U]
    assert [outside(*x, 0.1) for x in ((0.2, 0.3), (-0.3, -0.2), (-0.05, 0.05), (0.05, 0.3))] == [S, S, C, U]
    assert outside(0.01, 0.05, 0.1) == C, "certain, and too small to count"
    assert [all_of(x) for x in ([S, S], [S, U], [S, C, U], [])] == [S, U, C, U]
    assert [any_of(x) for x in ([S, C], [C, C], [C, U], [])] == [S, C, U, U]
    assert [most_of(x) for x in ([S, S, C], [C, C, U], [S, C], [U, U, S], [])] == [S, C, U, U, U]


def test_pairs_differ_in_one_factor_only():
    runs = pd.DataFrame(
        [
            ("a", "fm", "mlp", "sgd", "20 epochs"),
            ("b", "fm", "cnn", "sgd", "20 epochs"),
            ("c", "fm", "cnn", "sam", "20 epochs"),
            ("d", "c10", "mlp", "sgd", "20 epochs"),
            ("e", "fm", "mlp", "sam", "10 epochs"),
        ],
        columns=["run", "dataset", "architecture", "optimizer", "rest"],
    )
    found = set(pairs_by_factor(runs).itertuples(index=False, name=None))
    assert found == {("a", "b", "architecture"), ("b", "c", "optimizer"), ("a", "d", "dataset")}


def c1(rate: float, severity: float, se: float, varied=("dataset", "architecture", "optimizer")):
    epochs = [0, 1, 3, 5, 10]
    differences = pd.DataFrame(
        {
            "run_a": "a",
            "run_b": "b",
            "attack": "lira",
            "threshold": "lr1",
            "at": epochs,
            "difference": [0, 9, rate, 9, severity],
            "se": se,
            "df": 15,
        }
    )
    # the same two runs for all factors, as if each were varied alone
    factors = pd.DataFrame({"run_a": "a", "run_b": "b", "factor": varied})
    return judge_c1(differences, factors, RULES)


@pytest.mark.parametrize(
    ("rate", "severity", "se", "verdict"),
    [(0.1, -0.2, 0.01, S), (0.1, 0.0, 0.001, C), (0.0, 0.0, 0.001, C), (0.1, 0.03, 0.02, U), (0.1, 0.2, np.nan, U)],
)
def test_c1(rate, severity, se, verdict):
    found = c1(rate, severity, se)
    assert found.verdict == verdict
    assert len(found.parts) == 6 and {"optimizer: rate", "optimizer: severity"} < set(found.parts)
    cells = found.cells.set_index("part")
    assert cells.loc["optimizer: rate", "estimate"] == rate, "the last checkpoint within 30 % of 10 epochs"
    half = stats.t.ppf(1 - 0.05 / 2 / 6, 15) * se  # six cells hold jointly
    assert cells.loc["optimizer: rate", "high"] == pytest.approx(rate + half, nan_ok=True)


def test_c1_is_undecided_where_no_runs_differ():
    nothing = pd.DataFrame(columns=["run_a", "run_b", "factor"])
    columns = ["run_a", "run_b", "attack", "threshold", "at", "difference", "se", "df"]
    found = judge_c1(pd.DataFrame(columns=columns), nothing, RULES)
    assert found.verdict == U and found.cells.empty
    assert len(found.parts) == 3


def test_c1_is_undecided_where_a_factor_is_not_varied():
    found = c1(0.1, 0.2, 0.01, varied=["optimizer"])
    assert found.verdict == U
    assert found.parts["optimizer: rate"] == S and found.parts["dataset: not varied alone"] == U


def c2(values: dict[str, float], se: float = 0.02, runs=("a",)):
    rows = [
        {
            "run": "a",
            "attack": "lira",
            "difficulty": name,
            "models": models,
            "target": target,
            "method": method,
            "estimate": value * HARDER[name] if target == "d_prime" else 0.0,
            "se_total": se,
            "groups": 16,
            "harder": HARDER[name],
        }
        for name, value in values.items()
        for models in ("in", "out")
        for target in ("d_prime", "severity")
        for method in ("spearman", "pearson")
    ]
    return judge_c2(pd.DataFrame(rows + [row | {"attack": "rmia"} for row in rows]), runs, RULES)


@pytest.mark.parametrize(("strong", "verdict"), [(5, S), (3, S), (2, C), (0, C)])
def test_c2_is_a_majority_of_difficulties(strong, verdict):
    values = {name: 0.5 if k < strong else -0.4 for k, name in enumerate(DIFFICULTIES)}
    found = c2(values)
    assert found.verdict == verdict and len(found.cells) == len(DIFFICULTIES)
    assert c2(values, se=0.5).verdict == U
    silent = c2(values, runs=("a", "b"))
    assert silent.verdict == (C if verdict == C else U) and silent.parts["b: nothing to judge by"] == U


def c3(share: float, se: float, ceiling_low: float = 0.5, runs=("a",), se_samples: float = 0.0):
    rows = []
    for epoch in (0, 1, 2, 3, 8, 10):
        for metric, value in (("recall", 0.6), ("recall_share", share if epoch == 3 else 0.2)):
            rows.append(
                {
                    "run": "a",
                    "attack": "lira",
                    "target": "top",
                    "predictor": "d_prime",
                    "epoch": epoch,
                    "metric": metric,
                    "estimate": value,
                    "se": se,
                    "se_samples": se_samples,
                    "low": ceiling_low,
                    "groups": 16,
                    "chance": 0.1,
                }
            )
    return judge_c3(pd.DataFrame(rows + [row | {"attack": "rmia"} for row in rows]), runs, RULES)


def test_c3():
    assert c3(0.9, 0.02).verdict == S
    assert c3(0.4, 0.02).verdict == C
    assert c3(0.7, 0.05).verdict == U
    assert c3(0.9, 0.02, se_samples=0.2).verdict == U, "other samples may say otherwise"
    assert c3(0.9, 0.02, ceiling_low=0.05).verdict == U, "a ceiling at chance: nothing to be found"
    assert c3(0.9, np.nan).verdict == U
    assert c3(0.9, 0.02, runs=("a", "b")).verdict == U, "of one run nothing is known"
    assert c3(0.9, 0.02).cells["cell"].item().endswith("epoch 3 of 10")


def judged_world(truth: np.ndarray, seed: int) -> str:
    world = dynamic_world(seed, 32, truth, np.zeros_like(truth), epochs=[0, 3, 10])
    attack = build({"name": "lira", "mode": "online", "variance": "shrunken"})
    options = EarlyOptions(0.1, "lr1", (), ZoneBounds(0.9, 0.1, 0.5, 0.05), 0, 0.95)
    early = early_tables(world, attack, Splits.random(16, 6, 16, 0), options)["early"]
    return judge_c3(early.assign(run="run", attack="lira"), ["run"], RULES).verdict


def test_c3_of_worlds():
    a, b = np.random.default_rng(1).normal(size=(2, 400))
    assert judged_world(np.stack([0 * a, 3 * a, 3 * a]), 1) == S
    assert judged_world(np.stack([0 * a, 3 * b, 3 * a]), 2) == C
    assert {judged_world(np.zeros((3, 400)), seed) for seed in range(3, 8)} == {U}, "no leak supports nothing"


def test_c1_is_judged_at_the_first_threshold_that_an_attack_has():
    rows = [("lira", "lr1"), ("lira", "fpr0.01"), ("rmia", "fpr0.01"), ("rmia", "fpr0.1")]
    table = pd.DataFrame(rows, columns=["attack", "threshold"]).assign(metric="advantage", matched_by="epoch")

    def chosen(thresholds):
        return list(first_thresholds(table, thresholds)[["attack", "threshold"]].itertuples(index=False, name=None))

    assert chosen(["lr1", 0.1, 0.01]) == [("lira", "lr1"), ("rmia", "fpr0.1")]
    assert chosen([0.01, "lr1"]) == [("lira", "fpr0.01"), ("rmia", "fpr0.01")]


def test_differences_know_the_only_factor():
    runs = pd.DataFrame(
        [("a", "d", "mlp", "sgd"), ("b", "d", "mlp", "sam"), ("c", "d", "cnn", "sam")],
        columns=["run", "dataset", "architecture", "optimizer"],
    ).assign(rest="")
    pairs = pd.DataFrame([("a", "b"), ("a", "c"), ("b", "c")], columns=["run_a", "run_b"])
    assert with_factor(pairs, runs)["factor"].tolist() == ["optimizer", "", "architecture"]
    assert with_factor(pairs.head(0), runs).empty


def test_factors_are_compared_in_full():
    base = {
        "model": {"name": "mlp", "hidden": [256]},
        "optimizer": {"name": "sgd", "lr": 0.1},
        "schedule": {"name": "constant"},
        "epochs": 9,
        "checkpoints": [0, 9],
    }
    changes = {
        "a": {},
        "wide": {"model": {"name": "mlp", "hidden": [1024]}},
        "lr": {"optimizer": {"name": "sgd", "lr": 0.2}},
        "seen": {"checkpoints": [9]},
        "long": {"epochs": 18, "optimizer": {"name": "sam", "lr": 0.1}},
    }
    rows = [
        factor_row({"folder": name, "pool": "p", "population": "x", "recipe": base | change})
        for name, change in changes.items()
    ]
    found = set(pairs_by_factor(pd.DataFrame(rows)).itertuples(index=False, name=None))
    assert found == {
        ("a", "wide", "architecture"),
        ("a", "lr", "optimizer"),
        ("wide", "seen", "architecture"),
        ("lr", "seen", "optimizer"),
    }
