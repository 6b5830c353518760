"""Runs against a baseline whose pairs of models have known curves."""

import numpy as np
import pandas as pd

from memdyn.compare.regularization.series import Against, runs_series
from memdyn.compare.series import Comparison
from memdyn.stats import jackknife

EPOCHS = [0, 2, 4, 8]
STRONG = ("lira", "rmia")
# what a run without anything to say shows over its checkpoints
PLAIN = {
    ("", "accuracy_test"): [0.1, 0.6, 0.7, 0.75],
    ("", "loss_in"): [2.3, 1.0, 0.6, 0.2],
    ("lira", "auc"): [0.5, 0.55, 0.62, 0.70],
    ("rmia", "auc"): [0.5, 0.54, 0.60, 0.69],
    ("loss", "auc"): [0.5, 0.52, 0.55, 0.60],
    ("avg", "advantage"): [0.0, 0.05, 0.1, 0.2],
    ("pow", "advantage"): [0.0, 0.05, 0.1, 0.22],
}


def changed(**of_key):
    """`PLAIN` with other curves: accuracy, loss_in, lira, rmia, loss, avg, pow; a number is added to trained ones."""
    names = {key[0] or key[1].removesuffix("_test"): key for key in PLAIN}
    found = dict(PLAIN)
    for name, change in of_key.items():
        old = np.array(PLAIN[names[name]])
        found[names[name]] = old + change * (np.array(EPOCHS) > 0) if np.isscalar(change) else change
    return found


def world(
    runs,
    mechanisms=None,
    n_pairs=8,
    noise=0.004,
    own_noise=0.002,
    seed=0,
    level=0.95,
    failed=(),
    epochs=None,
    reasons=None,
):
    """Runs, the first of which is the baseline.

    Args:
        runs: name -> curves as `PLAIN`; None: it failed.
        mechanisms: name -> its mechanisms; else one of its own name.
        noise: standard deviation of a pair of models, shared by the runs; own_noise: of a pair in one run.
        failed: pairs that the last run lost.
        epochs: of runs that have others than `EPOCHS`.
    """
    rng, names = np.random.default_rng(seed), list(runs)
    shared = {key: rng.normal(0, noise, (n_pairs, 1)) for key in PLAIN}
    group, rows, replicates = jackknife.groups(n_pairs, 16), [], []
    for name, curves in runs.items():
        lost = np.isin(np.arange(n_pairs), failed if name == names[-1] else [])
        for (attack, metric), curve in (curves or {}).items():
            at = (epochs or {}).get(name, EPOCHS)
            values = np.array(curve) + shared[attack, metric] + rng.normal(0, own_noise, (n_pairs, len(curve)))
            for t, epoch in enumerate(at):
                key = {"run": name, "attack": attack, "metric": metric, "epoch": epoch}
                rows.append(key | {"value": values[~lost, t].mean()})
                for g in np.unique(group[~lost]):
                    replicates.append(key | {"group": g, "value": values[~lost & (group != g), t].mean()})
    series = runs_series(attack_tables(pd.DataFrame(rows), pd.DataFrame(replicates)), STRONG)
    sizes = dict.fromkeys(names, np.bincount(group))
    if failed:
        sizes[names[-1]] = np.bincount(np.delete(group, list(failed)), minlength=group.max() + 1)
    named = {name: {name: "1"} for name in names[1:]} | {names[0]: {}} | (mechanisms or {})
    comparison = Comparison(dict.fromkeys(names, "pool"), sizes, 0.95)
    return Against(series, dict.fromkeys(names[1:], names[0]), comparison, STRONG, named, reasons or {})


def attack_tables(estimates, replicates):
    """The study's tables that hold them: attacks' AUC is a column, what needs no shadow models a row."""
    calibrated = [table["metric"] == "auc" for table in (estimates, replicates)]
    metrics = estimates[calibrated[0]].pivot(index=["run", "attack", "epoch"], columns="metric", values="value")
    metrics = metrics.reset_index().assign(aggregation="pooled", auc_low=0.0, auc_high=1.0)
    return {
        "attack_metrics": metrics,
        "replicates": replicates[calibrated[1]].assign(aggregation="pooled"),
        "uncalibrated": estimates[~calibrated[0]],
        "uncalibrated_replicates": replicates[~calibrated[1]],
    }
