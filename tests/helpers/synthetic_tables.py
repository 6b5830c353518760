"""A made-up study (three runs, ten checkpoints) whose tables obey the schemas of results/studies/<study>/tables.

Margins are drawn from a world with known effect sizes that grow during training; the counted tables come from them,
the attack's tables from normal theory with noise of about the right size.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.observations import Counts, Design, Observations, World
from memdyn.dynamics.onset import t_statistic
from memdyn.dynamics.pairs import pair_values
from memdyn.dynamics.states import samples_table
from memdyn.dynamics.zones import ZoneBounds
from memdyn.report.record import ReportOptions
from memdyn.terms import ZONES

BOUNDS = ZoneBounds(hv_tpr=0.9, hv_fpr=0.1, vulnerable_advantage=0.5, test_level=0.05)
OPTIONS = ReportOptions(
    threshold="lr1",
    show_images=True,
    top_samples=3,
    plane_epochs=3,
    png_dpi=60,
    pdf=False,
    hv_tpr=0.9,
    hv_fpr=0.1,
    vulnerable_advantage=0.5,
    grid=20,
)
EPOCHS = (0, 1, 2, 3, 5, 7, 10, 13, 16, 20)
ATTACKS = {"lira": 1.0, "rmia": 0.9, "loss": 0.35}
RUNS = {"mlp-sgd": (0.8, "mlp", "sgd"), "cnn-sgd": (1.15, "cnn2", "sgd"), "cnn-sam": (1.0, "cnn2", "sam")}
METRICS = ("auc", "tpr_at_fpr_0.001", "tpr_at_fpr_0.01")
ALPHA = {"tpr_at_fpr_0.001": 0.001, "tpr_at_fpr_0.01": 0.01}


@dataclass(frozen=True)
class FakePool:
    """What the report needs of a pool: pictures by their row in the source."""

    images: np.ndarray
    labels: np.ndarray
    sample_ids: np.ndarray
    flipped: np.ndarray
    class_names: list[str]
    files: tuple[str, ...] = ()


def fake_pool(n: int = 600, seed: int = 0) -> FakePool:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 255, (n, 1, 28, 28), dtype=np.uint8)
    labels, rows = rng.integers(0, 10, n), rng.permutation(10 * n)[:n]
    return FakePool(images, labels, rows, np.arange(n) % 20 == 0, [f"class {c}" for c in range(10)])


def study_tables(
    pool: FakePool,
    n_scored: int = 400,
    models: int = 32,
    seed: int = 0,
    failed_null: bool = False,
    runs: dict[str, tuple[float, str, str]] = RUNS,
) -> dict[str, pd.DataFrame]:
    """All tables of the made-up study; with `failed_null` the last run does not pass its null control.

    runs: name -> (strength of leakage, architecture, optimizer).
    """
    rng = np.random.default_rng(seed)
    difficulty = rng.gamma(1.2, 0.7, n_scored)
    parts = [_run_tables(name, *about, pool, difficulty, models, rng) for name, about in runs.items()]
    tables = {key: pd.concat([part[key] for part in parts], ignore_index=True) for key in parts[0]}
    if failed_null:
        last = tables["null"]["run"] == list(runs)[-1]
        tables["null"].loc[last, ["statistic", "p_value", "passed"]] = [7.31, 0.0004, False]
    tables["differences"] = _differences(tables["attack_metrics"], list(runs), rng)
    tables["pools"] = pd.DataFrame(
        [
            {
                "pool": "fashion_mnist_10k-1a2b3c4d",
                "dataset": "fashion_mnist_10k",
                "n_classes": 10,
                "shape": "1 x 28 x 28",
                "scored": n_scored,
                "sham": 1000,
                "population": 2000,
                "test": 2000,
                "spare": 997,
                "samples_in_source": 10_000,
                "duplicates_dropped": 3,
                "duplicates_of_another_label": 1,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            }
        ]
    )
    return tables


def _zone_shares(samples: pd.DataFrame) -> pd.DataFrame:
    counted = samples.groupby(["run", "attack", "threshold", "epoch"], observed=True)["zone_counted"]
    shares = (
        counted.value_counts(normalize=True, sort=False)
        .unstack("zone_counted")
        .reindex(columns=list(ZONES))
        .fillna(0.0)
    )
    table = shares.stack().rename("share").rename_axis(index={"zone_counted": "zone"}).reset_index()
    table = table.assign(low=table["share"] - 0.02, high=table["share"] + 0.02, null=0.0)
    worst = table["zone"] == "highly_vulnerable"
    parametric = {"smooth": -0.01, "smooth_low": -0.03, "smooth_high": 0.01}
    return table.assign(**{name: np.where(worst, table["share"] + by, np.nan) for name, by in parametric.items()})


def _growth(strength: float) -> np.ndarray:
    """Mean effect size at each checkpoint."""
    return strength * (1 - np.exp(-np.array(EPOCHS) / 7.0))


def _run_tables(
    name: str,
    strength: float,
    architecture: str,
    optimizer: str,
    pool: FakePool,
    difficulty: np.ndarray,
    models: int,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    run, n, pairs = name, len(difficulty), models // 2
    half = rng.random((pairs, n)) < 0.5
    mask = np.stack([half, ~half], axis=1).reshape(models, n)
    base = rng.normal(4, 2, n)
    taken, centres = [], []
    for epoch, growth in zip(EPOCHS, _growth(strength), strict=True):
        effect = growth * difficulty
        margins = base + rng.normal(size=(models, n)) + effect * mask
        cuts = {"lr1": base + effect / 2 + rng.normal(0, 0.05, n), "fpr0.01": base + 2.33}
        decisions = {threshold: margins >= cut for threshold, cut in cuts.items()}
        taken.append((margins, decisions))
        for threshold, decided in decisions.items():
            centres.append(_centre_row(run, threshold, "scored", epoch, decided, mask))
            sham = rng.normal(size=(models, n)) >= (0.0 if threshold == "lr1" else 2.33)
            centres.append(_centre_row(run, threshold, "sham", epoch, sham, mask))
    ids = pool.labels[:n], pool.sample_ids[:n]
    samples = samples_table(_observations(taken, mask), *ids, BOUNDS, 0.95).assign(run=run, attack="lira")
    curves = [_attack_tables(run, attack, strength * share, models, n, rng) for attack, share in ATTACKS.items()]
    accuracy = _accuracy(run, strength)
    return {
        "samples": samples,
        "zones": _zone_shares(samples),
        "centre": pd.DataFrame(centres),
        "attack_metrics": pd.concat([c["metrics"] for c in curves]),
        "roc": pd.concat([c["roc"] for c in curves]),
        "null_draws": pd.concat([c["null"] for c in curves]),
        "null": pd.DataFrame(
            [
                {
                    "run": run,
                    "statistic": 2.1 + strength,
                    "p_value": 0.31,
                    "mean_null_auc": 0.5003,
                    "resolution": 0.0021,
                    "n_draws": 20,
                    "passed": True,
                }
            ]
        ),
        "accuracy": accuracy,
        "runs": pd.DataFrame(
            [
                {
                    "run": run,
                    "run_folder": f"fashion_mnist_10k-1a2b3c4d/{run}-5e6f7a8b",
                    "dataset": "fashion_mnist_10k",
                    "architecture": architecture,
                    "optimizer": optimizer,
                    "epochs": EPOCHS[-1],
                    "accuracy_in": accuracy["accuracy_in"].iloc[-1],
                    "accuracy_out": accuracy["accuracy_out"].iloc[-1],
                    "seconds_per_model": 1.7 * (1 + strength),
                    "n_models": models,
                    "accuracy_test": accuracy["accuracy_test"].iloc[-1],
                    "learning_rate": 0.05,
                    "batch_size": 128,
                    "augment": "none",
                    "device": "cpu",
                    "pool": "fashion_mnist_10k-1a2b3c4d",
                }
            ]
        ),
    }


def _observations(taken: list[tuple[np.ndarray, dict[str, np.ndarray]]], mask: np.ndarray) -> Observations:
    """What the counting pass would hand on, of margins and decisions [M, n] by threshold, checkpoint by checkpoint."""
    sides = [pair_values(margins, mask) for margins, _ in taken]
    effects = [effect_sizes(*side) for side in sides]
    limits = np.array([effect.limits(0.95) for effect in effects])
    pairs, shape = np.array([len(mask) // 2]), (len(taken), mask.shape[1])
    counts = {}
    for threshold in taken[0][1]:
        called = [pair_values(decisions[threshold], mask) for _, decisions in taken]
        both = np.stack([(inside & outside).sum(axis=0) for inside, outside in called])
        d_in, d_out = (np.stack([side[k].sum(axis=0) for side in called]) for k in (0, 1))
        counts["scored", threshold] = Counts(d_in[None], d_out[None], both[None], pairs)
    none, world = np.zeros((0, 2), int), World(np.arange(pairs[0]), np.zeros(pairs[0], int))
    return Observations(
        epochs=np.array(EPOCHS),
        design=Design((world,), none[:, 0], none[:, 0], none, none[:, None], none),
        counts=counts,
        t={"scored": np.stack([t_statistic(inside - outside) for inside, outside in sides])[None]},
        d_prime={"scored": np.stack([effect.mean for effect in effects])},
        d_prime_sd={"scored": np.stack([effect.sd for effect in effects])},
        d_prime_low={"scored": limits[:, 0]},
        d_prime_high={"scored": limits[:, 1]},
        design_effect={key: np.full((3, *shape), 2.0, np.float32) for key in counts},
        spatial={},
    )


def _centre_row(run: str, threshold: str, part: str, epoch: int, decided: np.ndarray, mask: np.ndarray) -> dict:
    tpr, fpr = decided[mask].mean(), decided[~mask].mean()
    row = {"run": run, "attack": "lira", "threshold": threshold, "part": part, "epoch": epoch}
    for name, value in (("fpr", fpr), ("tpr", tpr), ("advantage", tpr - fpr)):
        row |= {name: value, f"{name}_low": value - 0.009, f"{name}_high": value + 0.009}
    return row


def _attack_tables(run: str, attack: str, strength: float, models: int, n: int, rng: np.random.Generator) -> dict:
    metrics, roc, null = [], [], []
    for epoch, growth in zip(EPOCHS, _growth(strength), strict=True):
        for aggregation, n_out in (("pooled", models * n // 2), ("per_model", n // 2)):
            row = {"run": run, "attack": attack, "epoch": epoch, "aggregation": aggregation, "folds": "pairs"}
            for metric in METRICS:
                value, half = _normal_theory(metric, growth), 0.005 + 0.01 * rng.random()
                row |= {metric: value, f"{metric}_low": value - half * value, f"{metric}_high": value + half * value}
            row |= {"level": 0.95, "groups": 16}
            row |= {"null_auc": 0.5, "null_tpr_at_fpr_0.001": 0.001, "null_tpr_at_fpr_0.01": 0.01}
            pooled = aggregation == "pooled"
            for name, value in {"target_spread": 0.05, "pooling_loss": 0.001, "pooling_loss_at_least": 0.0}.items():
                row[name] = value if pooled else np.nan
            row |= {f"{metric}_se_samples": 0.002 if pooled else np.nan for metric in METRICS}
            metrics.append(row | {"n_models": models, "n_samples": n})
            fpr = np.geomspace(1 / n_out, 1, 60)
            tpr = stats.norm.cdf(stats.norm.ppf(fpr) + growth)
            width = 0.25 * tpr * np.sqrt(1 / (fpr * n_out)) * (1 - fpr)
            keys = {"run": run, "attack": attack, "epoch": epoch, "aggregation": aggregation, "fpr": fpr, "tpr": tpr}
            roc.append(pd.DataFrame(keys | {"low": (tpr - width).clip(0), "high": (tpr + width).clip(max=1)}))
        auc = rng.normal(0.5, 0.004, 20)
        for aggregation in ("pooled", "per_model"):
            keys = {"run": run, "attack": attack, "epoch": epoch, "aggregation": aggregation, "draw": np.arange(20)}
            null.append(pd.DataFrame(keys | {"auc": auc, "tpr_at_fpr_0.001": 0.001, "tpr_at_fpr_0.01": 0.01}))
    return {"metrics": pd.DataFrame(metrics), "roc": pd.concat(roc), "null": pd.concat(null)}


def _normal_theory(metric: str, effect: float) -> float:
    if metric == "auc":
        return float(stats.norm.cdf(effect / np.sqrt(2)))
    return float(stats.norm.cdf(stats.norm.ppf(ALPHA[metric]) + effect))


def _accuracy(run: str, strength: float) -> pd.DataFrame:
    progress = 1 - np.exp(-np.array(EPOCHS) / 4.0)
    return pd.DataFrame(
        {
            "run": run,
            "epoch": EPOCHS,
            "accuracy_in": 0.1 + 0.84 * progress * min(1.0, 0.85 + 0.15 * strength),
            "accuracy_out": 0.1 + 0.74 * progress,
            "accuracy_test": 0.1 + 0.74 * progress,
            "loss_in": 2.3 * np.exp(-np.array(EPOCHS) * strength / 5.0) + 0.05,
            "loss_out": 2.3 * np.exp(-np.array(EPOCHS) / 4.0) + 0.45 + 0.01 * np.array(EPOCHS) * strength,
        }
    )


def _differences(metrics: pd.DataFrame, names: list[str], rng: np.random.Generator) -> pd.DataFrame:
    keys = ["attack", "epoch", "aggregation"]
    values = metrics.set_index(["run", *keys])[list(METRICS)]
    rows = []
    for first, second in combinations(names, 2):
        table = (values.loc[first] - values.loc[second]).reset_index()
        table = table.melt(keys, list(METRICS), "metric", "difference")
        half = 0.004 + 0.01 * rng.random(len(table))
        table = table.assign(low=table["difference"] - half, high=table["difference"] + half, level=0.95)
        rows.append(table.assign(run_a=first, run_b=second, factor=""))
    columns = ["run_a", "run_b", *keys, "metric", "difference", "low", "high", "level", "factor"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
