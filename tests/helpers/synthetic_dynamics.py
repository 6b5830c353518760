"""The tables of a full analysis for the made-up study: their schemas, with numbers of about the right size.

Nothing is computed from models here; the report only prints and draws what the tables say.
"""

from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import stats

from memdyn.terms import ZONES
from synthetic_tables import EPOCHS, RUNS

LEVEL, ATTACK = 0.95, "lira"
DIFFICULTIES = {"learning_epoch": 1, "forgetting": 1, "aum": -1, "el2n": 1, "loss": 1, "c_score": -1}
BASELINES = ("loss", "margin", "el2n", "forgetting", "lt_iqr")
FIGURES = ("displacement", "displacement_corrected", "speed", "speed_rms_corrected", "entropy_change", "clark_evans")
CLASSES = 3  # class c leaks c + 1 times as much as class 0
TREND = ("rank_correlation", "reliability", "disattenuated", "latent_share")  # of d' and "top" only
METRICS = {"auc": "", "tpr_at_fpr_0.01": "", "advantage": "lr1", "speed_squared_corrected": "lr1"}
PROBABILITIES = (0.001, 0.01, 0.1, 0.5)


def analysis_tables(samples: pd.DataFrame, names: tuple[str, ...] = tuple(RUNS), seed: int = 1) -> dict:
    """All tables of the analysis by name.

    Args:
        samples: of the made-up study.
        names: of its runs.
    """
    rng = np.random.default_rng(seed)
    runs = list(names)
    difficulty, summary = _sample_tables(samples, runs, rng)
    fits, points = _power_law(rng)
    early = _joined(_early, runs, rng)
    return {
        "curves": _joined(_curves, runs, rng),
        "transitions": _joined(_transitions, runs, rng),
        "summary": summary,
        "difficulty": difficulty,
        "early": early,
        "findings": _findings(early),
        "correlations": _joined(_correlations, runs, rng),
        "reliabilities": _joined(_reliabilities, runs, rng),
        "difficulty_curves": _joined(_difficulty_curves, runs, rng),
        "planted": _joined(_planted, runs, rng),
        "tails": _joined(_tails, runs, rng).drop(columns="attack"),
        "operating_points": _joined(_operating_points, runs, rng).drop(columns="attack"),
        "tail_verdicts": _joined(_tail_verdicts, runs, rng).drop(columns="attack"),
        "factor_differences": _factors(runs, rng),
        **_claims(runs),
        "power_law_points": points,
        "power_law_fits": fits,
    }


def _joined(make, runs: list[str], rng: np.random.Generator) -> pd.DataFrame:
    return pd.concat([make(rng).assign(run=run, attack=ATTACK) for run in runs], ignore_index=True)


def _around(table: pd.DataFrame, column: str, half: float) -> pd.DataFrame:
    return table.assign(low=table[column] - half, high=table[column] + half, level=LEVEL)


def _curves(rng: np.random.Generator) -> pd.DataFrame:
    growth = 1 - np.exp(-np.array(EPOCHS) / 7)
    shares = {"chance": 1 - 0.6 * growth, "leaning": 0.3 * growth, "vulnerable": 0.2 * growth}
    shares |= {"highly_vulnerable": 0.1 * growth, "inverted": 0 * growth}
    values = {f"share_{zone}": shares[zone] for zone in ZONES} | {"inflow_hv": 0.02 * growth}
    values |= {name: growth * rng.uniform(0.5, 1.5) for name in FIGURES}
    rows = []
    for name, curve in values.items():
        known = np.nan if name.endswith("_corrected") else 1.0
        bands = {"low": known * (curve - 0.02), "high": known * (curve + 0.02), "null": 0.1 * curve}
        bands |= {"null_low": -0.02 * known, "null_high": known * (0.1 * curve + 0.02)}
        bands |= {"difference": 0.9 * curve, "difference_low": curve - 0.2, "difference_high": curve + 0.1}
        rows.append(pd.DataFrame({"figure": name, "epoch": EPOCHS, "value": curve} | bands))
    overall = pd.concat(rows).assign(samples="all")
    one = overall[overall["figure"] == "displacement"].assign(figure="advantage")
    scaled = {"value", "low", "high", "null"}
    classes = [one.assign(samples=str(c), **{name: (c + 1) * one[name] for name in scaled}) for c in range(CLASSES)]
    return pd.concat([overall, *classes]).assign(threshold="lr1")


def _transitions(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for start in ZONES:
        chances = rng.dirichlet(np.ones(len(ZONES)))
        for end, chance in zip(ZONES, chances, strict=True):
            empty = start == "inverted"
            rows.append((start, end, 0.0 if empty else chance / 4, np.nan if empty else chance))
    table = pd.DataFrame(rows, columns=["zone_from", "zone_to", "share", "probability"])
    pooled = table.assign(null=table["probability"] / 2, epoch=np.nan, epoch_to=np.nan)
    first = table.assign(null=np.nan, epoch=EPOCHS[0], epoch_to=EPOCHS[1])
    return pd.concat([first, pooled]).assign(threshold="lr1", samples="all")


def _sample_tables(samples: pd.DataFrame, runs: list[str], rng: np.random.Generator) -> tuple:
    """difficulty and summary; the first third of the samples has an onset."""
    difficulty, summary = [], []
    for run in runs:
        last = samples[(samples["run"] == run) & (samples["threshold"] == "lr1") & (samples["epoch"] == EPOCHS[-1])]
        n = len(last)
        hard = {f"{name}_out": rng.gamma(2, 1, n) for name in DIFFICULTIES}
        ids = last["sample_id"].to_numpy()
        difficulty.append(pd.DataFrame({"run": run, "sample_id": ids} | hard))
        onset = np.where(np.arange(n) % 3 == 0, rng.choice(EPOCHS[2:], n), np.nan)
        columns = {"severity": last["advantage"].to_numpy(), "d_prime": last["d_prime"].to_numpy(), "onset": onset}
        columns |= {f"d_prime_{end}": columns["d_prime"] + step for end, step in (("low", -0.5), ("high", 0.5))}
        columns |= {"censored": np.isnan(onset), "d_prime_above": onset, "stabilised": 10.0}
        keys = {"run": run, "attack": ATTACK, "threshold": "lr1", "sample_id": ids}
        summary.append(pd.DataFrame(keys | columns))
    return pd.concat(difficulty, ignore_index=True), pd.concat(summary, ignore_index=True)


def _early(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    predictors = [("d_prime", "half"), *product(BASELINES, ("one", "mean"))]
    for target, (predictor, models), metric in product(
        ("top", "hv"), predictors, ("recall", "recall_share", "auroc", "jaccard", "precision", *TREND)
    ):
        reach = rng.uniform(0.4, 0.7)
        for epoch in EPOCHS:
            value = 0.1 + reach * (1 - np.exp(-epoch / 6))
            rows.append((target, predictor, models, epoch, metric, value))
    table = pd.DataFrame(rows, columns=["target", "predictor", "models", "epoch", "metric", "estimate"])
    of_d_prime = (table["target"] == "top") & (table["predictor"] == "d_prime")
    table = table[of_d_prime | ~table["metric"].isin(TREND)]
    threshold = np.where(table["target"] == "hv", "lr1", "")
    return _around(table, "estimate", 0.04).assign(threshold=threshold, chance=0.1, ceiling=0.72)


def _findings(early: pd.DataFrame) -> pd.DataFrame:
    risk = early[(early["predictor"] == "d_prime") & (early["metric"] == "recall") & (early["epoch"] == 5)]
    sentence = "after 5 of 20 epochs, 40% [36%, 44%] of the samples finally at risk are found (ceiling 72%)"
    return risk.assign(recall=risk["estimate"], sentence=sentence, last_epoch=EPOCHS[-1])


def _correlations(rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (name, "out", target, method, sign * rng.uniform(0.2, 0.6), sign)
        for (name, sign), target, method in product(
            DIFFICULTIES.items(),
            ("d_prime", "severity", "onset"),
            ("spearman", "kendall", "pearson", "partial_spearman"),
        )
    ]
    table = pd.DataFrame(rows, columns=["difficulty", "models", "target", "method", "estimate", "harder"])
    limits = {"low_total": table["estimate"] - 0.09, "high_total": table["estimate"] + 0.09}
    return _around(table, "estimate", 0.08).assign(p_value=1e-5, p_holm=1e-4, **limits)


def _reliabilities(rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame({"quantity": list(DIFFICULTIES), "models": "out", "estimate": rng.uniform(0.5, 0.9)})


def _difficulty_curves(rng: np.random.Generator) -> pd.DataFrame:
    bins = np.arange(10)
    tables = [
        pd.DataFrame({"difficulty": name, "bin": bins, "difficulty_mean": bins / 3, "target_mean": 0.2 * sign * bins})
        for name, sign in DIFFICULTIES.items()
    ]
    return _around(pd.concat(tables), "target_mean", 0.1).assign(models="out", target="d_prime", n_samples=15.0)


def _planted(rng: np.random.Generator) -> pd.DataFrame:
    table = pd.DataFrame({"quantity": ["d_prime", *DIFFICULTIES], "auroc": rng.uniform(0.8, 0.95, 7)})
    table["models"] = np.where(table["quantity"] == "d_prime", "in-out", "out")
    return _around(table, "auroc", 0.03).assign(n_planted=20, n_others=380)


def _tails(rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for part, tail, p in product(("scored", "sham"), ("upper", "lower"), PROBABILITIES):
        frequency, sign = min(1.0, p * rng.uniform(0.8, 1.3)), -1 if tail == "upper" else 1
        none = tail == "upper" and p == 0.001  # nothing that far out was seen
        frequency = 0.0 if none else frequency
        scores = {"z_expected": sign * stats.norm.ppf(p), "z_observed": sign * stats.norm.ppf(frequency)}
        limits = {"frequency": frequency, "low": 0.7 * frequency, "high": 1.3 * frequency}
        rows.append({"part": part, "epoch": EPOCHS[-1], "tail": tail, "probability": p} | limits | scores)
    return pd.DataFrame(rows)


def _tail_verdicts(rng: np.random.Generator) -> pd.DataFrame:
    limits = {
        f"{of}ratio{end}": value for of in ("", "tpr_") for end, value in (("", 1.1), ("_low", 0.9), ("_high", 1.3))
    }
    rows = [{"part": part, "epoch": EPOCHS[-1], "probability": 0.01} | limits for part in ("scored", "sham")]
    words = {"out_verdict": ["holds", "holds"], "in_verdict": ["holds", "undecided"], "verdict": ["holds", "undecided"]}
    return pd.DataFrame(rows).assign(tpr_predicted=0.02, **words)


def _operating_points(rng: np.random.Generator) -> pd.DataFrame:
    rows = [("scored", "auc", 0.7), ("scored", "tpr_at_fpr_0.001", 0.02), ("sham", "auc", 0.5)]
    table = pd.DataFrame(rows, columns=["part", "quantity", "value"])
    return _around(table, "value", 0.004).assign(epoch=EPOCHS[-1])


def _factors(runs: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Matched comparisons have two points on their clock; the speed has no interval, the gap of one pair no overlap."""
    rows = []
    for (a, b), matched in product(combinations(runs, 2), ("epoch", "accuracy_test", "generalisation_gap")):
        for metric, threshold in (
            ("auc", ""),
            ("tpr_at_fpr_0.01", ""),
            ("advantage", "lr1"),
            ("speed_squared_corrected", "lr1"),
        ):
            for at in (0.1, 0.5):
                gone = matched == "generalisation_gap" and a == runs[-2] and len(runs) > 2
                value, half = rng.normal(0, 0.05), np.nan if metric.startswith("speed") else 0.03
                value = np.nan if gone else value
                limits = {"difference": value, "low": value - half, "high": value + half, "level": LEVEL}
                keys = {"run_a": a, "run_b": b, "attack": ATTACK, "threshold": threshold, "metric": metric}
                epochs = {"epoch_a": 20 * at, "epoch_b": 16 * at, "status": "no overlap" if gone else "compared"}
                rows.append(keys | {"matched_by": matched, "at": at} | epochs | limits)
    columns = [
        "run_a",
        "run_b",
        "attack",
        "threshold",
        "metric",
        "matched_by",
        "at",
        "epoch_a",
        "epoch_b",
        "status",
        "difference",
        "low",
        "high",
        "level",
    ]
    return pd.DataFrame(rows, columns=columns).assign(factor="")


def _claims(runs: list[str]) -> dict[str, pd.DataFrame]:
    """C1 supported of what it tests, C2 with a run each way, C3 without any number."""
    noise = "not measurable with these models: reliability of d', half of the models against half, is 0.05"
    cells = [
        ("C1", "optimizer: rate", f"{runs[0]} - {runs[-1]}, lira, epoch 5", 0.12, 0.08, 0.16, 0.02, "supported", ""),
        ("C2", f"{runs[0]}, lira", "loss", 0.41, 0.31, 0.51, 0.1, "supported", ""),
        ("C2", f"{runs[0]}, lira", "aum", 0.33, 0.05, 0.6, 0.1, "undecided", ""),
        ("C2", f"{runs[-1]}, lira", "loss", np.nan, np.nan, np.nan, 0.1, "undecided", noise),
    ]
    names = ["claim", "part", "cell", "estimate", "low", "high", "bound", "verdict", "why"]
    scope = f"for {runs[-1]}, lira; supported for {runs[0]}, lira"
    claims = [
        ("C1", "supported", "for optimizer; dataset not tested", "optimizer: rate", "supported"),
        ("C1", "supported", "for optimizer; dataset not tested", "dataset: not varied alone", "not tested"),
        ("C2", "undecided", scope, f"{runs[0]}, lira", "supported"),
        ("C2", "undecided", scope, f"{runs[-1]}, lira", "undecided"),
        ("C3", "not tested", "", "", "not tested"),
    ]
    return {
        "claims": pd.DataFrame(claims, columns=["claim", "verdict", "scope", "part", "part_verdict"]),
        "claim_cells": pd.DataFrame(cells, columns=names),
    }


def _power_law(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    sizes, rows, fits = np.array([50, 100, 200]), [], []
    for fpr in (0.01, 0.1):
        excess = -1 - 0.5 * np.log10(sizes / 50) + rng.normal(0, 0.01, 3)
        rows.append(pd.DataFrame({"samples_per_class": sizes, "fpr": fpr, "log_excess": excess}))
        fit = {"slope": -0.5, "low": -0.6, "high": -0.4, "intercept": -1 + 0.5 * np.log10(50), "p_fit": 0.4}
        fits.append({"attack": ATTACK, "fpr": fpr, "level": LEVEL, "pools": 3, "dropped": 0, "status": "fitted"} | fit)
    return pd.DataFrame(fits), pd.concat(rows).assign(attack=ATTACK, se=0.05, used=True)
