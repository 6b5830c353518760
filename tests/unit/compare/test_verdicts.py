"""The fixed rules: each claim supported, contradicted and undecided, from tables of the shape that the stages write."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dynamic_worlds import dynamic_world
from memdyn.attacks.base import build
from memdyn.compare.claims import first_thresholds, with_factor
from memdyn.compare.runs import factor_row
from memdyn.compare.verdicts import (
    CONTRADICTED,
    DIFFICULTIES,
    NOT_TESTED,
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
from memdyn.dynamics.latent import SHARES
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.zones import ZoneBounds

LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})
RULES = Rules(level=0.95, difference=0.01, correlation=0.1, early_share=0.3, found=0.7)
S, C, U, N = SUPPORTED, CONTRADICTED, UNDECIDED, NOT_TESTED


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


def test_c1_is_not_tested_where_no_runs_differ():
    nothing = pd.DataFrame(columns=["run_a", "run_b", "factor"])
    columns = ["run_a", "run_b", "attack", "threshold", "at", "difference", "se", "df"]
    found = judge_c1(pd.DataFrame(columns=columns), nothing, RULES)
    assert found.verdict == N and found.cells.empty and found.scope == ""
    assert set(found.parts.values()) == {N} and len(found.parts) == 3


def test_c1_of_one_factor_says_so():
    found = c1(0.1, 0.2, 0.01, varied=["optimizer"])
    assert (found.verdict, found.scope) == (S, "for optimizer; dataset and architecture not tested")
    assert found.parts["optimizer: rate"] == S and found.parts["dataset: not varied alone"] == N
    found = c1(0.1, 0.0, 0.001, varied=["optimizer", "dataset"])
    words = "for optimizer (severity) and dataset (severity)"
    assert found.verdict == C and found.scope.startswith(words) and found.scope.endswith("; architecture not tested")
    assert "; supported for optimizer (rate) and dataset (rate); " in found.scope
    assert c1(0.1, 0.2, 0.01).scope == "", "all of the claim"


def test_c1_without_an_early_checkpoint_is_of_the_severity_alone():
    columns = {"run_a": "a", "run_b": "b", "attack": "lira", "threshold": "lr1"}
    last = pd.DataFrame(columns | {"at": [0, 10], "difference": 0.2, "se": 0.01, "df": 15})
    factors = pd.DataFrame({"run_a": ["a"], "run_b": ["b"], "factor": ["optimizer"]})
    found = judge_c1(last, factors, RULES)
    assert (found.verdict, found.parts["optimizer: rate"]) == (S, N)
    assert found.scope == "for optimizer (severity); optimizer (rate), dataset and architecture not tested"


def c2(values: dict[str, float], se: float = 0.02, runs=("a",), attainable=1.0, se_attainable=0.0, **columns):
    """Correlations that would be seen without noise; half of the models see `attainable` of them."""
    rows = [
        {
            "run": "a",
            "attack": "lira",
            "difficulty": name,
            "models": models,
            "target": target,
            "observed": attainable * value * HARDER[name] if target == "d_prime" else 0.0,
            "attainable": attainable,
            "estimate": value * HARDER[name] if target == "d_prime" else 0.0,
            "variance_observed": se**2,
            "variance_attainable": se_attainable**2,
            "covariance": 0.0,
            "reliability": attainable**2,
            "reliability_difficulty": 1.0,
            "vague": False,
            "groups": 16,
        }
        | columns
        for name, value in values.items()
        for models in ("in", "out")
        for target in ("d_prime", "severity")
    ]
    return judge_c2(pd.DataFrame(rows + [row | {"attack": "rmia"} for row in rows]), runs, RULES)


@pytest.mark.parametrize(("strong", "verdict"), [(5, S), (3, S), (2, C), (0, C)])
def test_c2_is_a_majority_of_difficulties(strong, verdict):
    values = {name: 0.5 if k < strong else -0.4 for k, name in enumerate(DIFFICULTIES)}
    found = c2(values)
    assert found.verdict == verdict and len(found.cells) == len(DIFFICULTIES) and found.scope == ""
    half = stats.t.ppf(1 - 0.05 / 2 / 5, 15) * 0.02
    np.testing.assert_allclose(
        found.cells[["low", "high"]].to_numpy(float),
        found.cells[["estimate"]].to_numpy(float) + [[-half, half]],
        atol=1e-3,
    )
    assert c2(values, se=0.5).verdict == U
    silent = c2(values, runs=("a", "b"))
    assert silent.verdict == verdict and silent.parts["b: nothing to judge by"] == N
    assert silent.scope == "for a; b not tested"


def test_c2_is_about_the_true_values():
    """A correlation of 0.29 of which noise leaves a tenth is above the bound of 0.1, or undecided, never below."""
    values = dict.fromkeys(DIFFICULTIES, 0.29)
    assert c2(values, se=0.003, attainable=0.1).verdict == S
    noisy = c2(values, se=0.012, attainable=0.1)
    assert noisy.verdict == U and (noisy.cells["high"] > 0.1).all()
    why = noisy.cells["why"].unique().item()
    assert why.startswith("mostly noise: reliability of d'") and why.endswith("about 99 times as many it would be 0.5")
    lost = c2(values, attainable=0.1, vague=True)
    assert lost.verdict == U and lost.cells["why"].iloc[0].startswith("not measurable with these models")
    assert c2(values, groups=0).cells["why"].iloc[0] == "no interval: too few models"
    constant = c2(values, vague=True, estimate=np.nan, reliability_difficulty=np.nan).cells.iloc[0]
    assert constant["verdict"] == U and constant["why"].endswith(": learning_epoch is alike in all samples")


def c3(share: float, se: float, runs=("a",), estimate=None, reliability: float = 0.8):
    """The observed recall is a tenth, and half of what is latently there above it."""
    rows, profiles = [], []
    for epoch in (0, 1, 2, 3, 8, 10):
        found = share if epoch == 3 else 0.2
        for metric, value in (("latent_share", found if estimate is None else estimate), ("reliability", reliability)):
            keys = {"run": "a", "attack": "lira", "target": "top", "predictor": "d_prime", "epoch": epoch}
            rows.append(keys | {"metric": metric, "estimate": value})
        for copula, values in (("gradual", found - SHARES), ("whole", found - SHARES)):
            keys = {"run": "a", "attack": "lira", "epoch": epoch, "copula": copula, "se": se / 2, "groups": 16}
            profiles += [keys | {"share": x, "excess": y / 2} for x, y in zip(SHARES, values, strict=True)]
    early, profiles = pd.DataFrame(rows), pd.DataFrame(profiles)
    twice = (pd.concat([table, table.assign(attack="rmia")]) for table in (early, profiles))
    return judge_c3(*twice, runs, RULES)


def test_c3():
    assert c3(0.9, 0.02).verdict == S
    assert c3(0.4, 0.02).verdict == C
    assert c3(0.7, 0.05).verdict == U
    assert c3(0.9, np.nan).cells["why"].item() == "no interval: too few models"
    assert c3(0.9, 0.02, runs=("a", "b")).scope == "for a; b not tested"
    found = c3(0.8, 0.02).cells.iloc[0]
    half = stats.t.ppf(0.975, 15) * 0.02
    assert (found["low"], found["high"]) == (pytest.approx(0.8 - half), pytest.approx(0.8 + half))
    assert found["cell"].endswith("epoch 3 of 10")


def test_c3_is_never_beyond_its_range():
    found = c3(1.2, 0.3, estimate=1.2).cells.iloc[0]
    assert found["estimate"] == found["high"] == 1 and 0 < found["low"] < 1
    vague = c3(0.9, 0.02, estimate=np.nan, reliability=0.04).cells.iloc[0]
    assert vague["verdict"] == U and np.isnan(vague["low"])
    assert vague["why"] == (
        "not measurable with these models: reliability of d' at epoch 3, half of the models against half, is 0.04; "
        "with about 24 times as many it would be 0.5"
    )


def judged_world(truth: np.ndarray, seed: int, n_models: int = 32) -> str:
    world = dynamic_world(seed, n_models, truth, np.zeros_like(truth), epochs=[0, 3, 10])
    options = EarlyOptions(0.1, "lr1", (), ZoneBounds(0.9, 0.1, 0.5, 0.05), 0, 0.95)
    tables = early_tables(world, LIRA, Splits.random(n_models // 2, 6, 16, 0), options)
    early, profiles = (tables[name].assign(run="run", attack="lira") for name in ("early", "profiles"))
    return judge_c3(early, profiles, ["run"], RULES).verdict


def test_c3_of_worlds():
    a, b = np.random.default_rng(1).normal(size=(2, 400))
    assert judged_world(np.stack([0 * a, 3 * a, 3 * a]), 1) == S
    assert judged_world(np.stack([0 * a, 3 * b, 3 * a]), 2) == C
    assert {judged_world(np.zeros((3, 400)), seed) for seed in range(3, 8)} == {U}, "no leak supports nothing"


@pytest.mark.parametrize("n_models", [16, 32, 64])
def test_c3_is_not_contradicted_by_noise(n_models):
    """The early d' orders the samples exactly as the final one and is smaller: all is determined early."""
    final = np.random.default_rng(2).gamma(0.5, 1.2, size=500)
    truth = np.stack([0 * final, 0.15 * final, final])
    assert C not in {judged_world(truth, seed, n_models) for seed in range(4)}


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
        factor_row({"name": name, "pool": "p", "population": "x", "recipe": base | change})
        for name, change in changes.items()
    ]
    found = set(pairs_by_factor(pd.DataFrame(rows)).itertuples(index=False, name=None))
    assert found == {
        ("a", "wide", "architecture"),
        ("a", "lr", "optimizer"),
        ("wide", "seen", "architecture"),
        ("lr", "seen", "optimizer"),
    }
