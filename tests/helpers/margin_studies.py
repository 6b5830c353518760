"""Studies of runs against a baseline from margins alone: attacked, jackknifed and put beside each other."""

import numpy as np
import pandas as pd

from memdyn.attacks.base import Prepared, build
from memdyn.attacks.known import KnownSamples, advantages
from memdyn.attacks.refits import Deletions, refits
from memdyn.attacks.signals import Signals
from memdyn.compare.regularization.series import Against, runs_series
from memdyn.compare.series import Comparison
from memdyn.compare.uncalibrated import cross_entropy
from memdyn.stats.jackknife import Pairs
from memdyn.stats.roc import auc
from worlds import complementary_mask

EPOCH, GROUPS, KNOWN = 1, 16, 40
ATTACKS = {"lira": {"name": "lira", "mode": "online", "variance": "shrunken"}}


def margins(seed, changes, n_models=16, n_samples=300):
    """run -> margins [M, n], and the mask: samples N(1, 2), members higher by a gamma effect; noise that runs share.

    Args:
        changes: run -> (factor of the effect, standard deviation by which samples lie further apart).
    """
    rng = np.random.default_rng([7, seed])
    mask = complementary_mask(rng, n_models, n_samples)
    mean, effect = rng.normal(1, 2, n_samples), rng.gamma(2, 0.6, n_samples)
    shared, apart, made = rng.normal(size=mask.shape), rng.normal(size=n_samples), {}
    for run, (factor, spread) in changes.items():
        noise = np.sqrt(0.95) * shared + np.sqrt(0.05) * rng.normal(size=mask.shape)
        made[run] = mean + spread * apart + noise + factor * effect * mask
    return made, mask


def against(runs, mask, mechanisms=None):
    """The first run is the baseline of the others."""
    pairs, metrics, deleted, plain, plain_deleted = Pairs.of(len(mask)), [], [], [], []
    group = pairs.groups(GROUPS)
    known = KnownSamples.draw(mask, pairs.models, KNOWN, 3, seed=0)
    for run, values in runs.items():
        signals = Signals.of_margins(values, mask, np.zeros((len(mask), 0)))
        for label, options in ATTACKS.items():
            key = {"run": run, "attack": label, "epoch": EPOCH, "aggregation": "pooled"}
            attack = build(options)
            deletions = Deletions.of(attack, pairs, signals.half, GROUPS)
            made = refits(attack, Prepared.of(attack, signals), deletions)
            first, *others = [auc(*refit.given.signals.split(refit.scores)) for refit in made]
            metrics.append(key | {"auc": first, "auc_low": 0.0, "auc_high": 1.0})
            deleted += [
                key | {"metric": "auc", "group": g, "value": v} for g, v in zip(deletions.groups, others, strict=True)
            ]
        for label, advantage in advantages(cross_entropy(values), mask, known).items():
            key = {"run": run, "attack": label, "metric": "advantage", "epoch": EPOCH}
            of_pair = advantage.reshape(-1, 2).mean(axis=1)
            plain.append(key | {"value": of_pair.mean()})
            plain_deleted += [key | {"group": g, "value": of_pair[group != g].mean()} for g in np.unique(group)]
    names = "attack_metrics", "replicates", "uncalibrated", "uncalibrated_replicates"
    tables = dict(zip(names, map(pd.DataFrame, (metrics, deleted, plain, plain_deleted)), strict=True))
    baseline, *rest = runs
    named = {run: {run: ""} for run in rest} | {baseline: {}} | (mechanisms or {})
    comparison = Comparison(dict.fromkeys(runs, "pool"), dict.fromkeys(runs, pairs.sizes(GROUPS)), 0.95)
    return Against(runs_series(tables, list(ATTACKS)), dict.fromkeys(rest, baseline), comparison, list(ATTACKS), named)
