"""How an attack's figures move with the number of shadow models: are they enough?

The first 8, 12, 16, 24, ... models of the run are a smaller study of their own: the attack is calibrated on them alone.
More models make an attack stronger and its figures less noisy; where the curve is flat within its intervals, further
models would change little. Neighbouring points share models, so they move together.
"""

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack, Prepared
from memdyn.attacks.evaluate import Settings, metric_names
from memdyn.attacks.most_vulnerable import SHARES, MostVulnerable, limits_of
from memdyn.attacks.refits import Deletions, Refit, refit
from memdyn.jobs.threads import in_threads
from memdyn.stats.rates import limits_of_roc
from memdyn.stats.roc import roc_of
from memdyn.stats.threshold_luck import tprs_by_chance

SMALLEST = 8


def model_counts(n_models: int) -> list[int]:
    """8, 12, 16, 24, 32, 48, ... below n_models, and n_models."""
    counts, size = [], SMALLEST
    while size < n_models:
        counts += [size, size * 3 // 2]
        size *= 2
    return [count for count in counts if count < n_models] + [n_models]


def convergence_table(attack: Attack, given: Prepared, settings: Settings) -> pd.DataFrame:
    """Metrics of one checkpoint against the number of models.

    Args:
        attack: any attack; numbers of models that cannot calibrate it are left out.
        given: all models at the checkpoint.
        settings: level, groups, fprs and threads are used.

    Returns:
        n_models, share (1: all samples; else the most vulnerable, `memdyn.attacks.most_vulnerable`), metric, value,
        low, high (jackknife over groups of pairs; NaN with too few).
    """
    tables = []
    for models in model_counts(2 * given.n_pairs):
        part = given.take(np.arange(models // 2))
        if attack.can_score(part.signals.half, "pairs"):
            tables.append(_metrics(attack, part, settings).assign(n_models=models))
    table = pd.concat(tables, ignore_index=True)
    return table[["n_models", *table.columns.drop("n_models")]]


def _metrics(attack: Attack, given: Prepared, settings: Settings) -> pd.DataFrame:
    deletions = Deletions.of(attack, given.signals.pairs, given.signals.half, settings.groups)

    def figures(of: Refit) -> tuple[np.ndarray, np.ndarray]:
        curve = roc_of(of.scores, of.given.mask, settings.fprs)
        few = MostVulnerable.of(of.given.margins).measure(*of.given.signals.split(of.scores), settings.fprs)
        return np.array([curve.auc, *curve.tpr]), few

    whole = refit(attack, given, None)
    without = in_threads(lambda pairs: figures(refit(attack, given, pairs)), deletions.kept, settings.threads)
    everyone, few = zip(figures(whole), *without, strict=True)
    both, fprs = given.signals.split(whole.scores), np.array(settings.fprs)
    trials, luck = given.n_pairs * given.mask.shape[1], tprs_by_chance(*both, fprs, settings.level)
    limits = limits_of_roc(np.array(everyone), deletions.sizes, trials, settings.level, luck)
    luck = MostVulnerable.of(whole.given.margins).luck(*both, fprs, settings.level)
    of_few = limits_of(few, deletions.sizes, settings.level, given.n_pairs, given.mask.shape[1], luck)
    values = [
        np.concatenate([of_all, vulnerable[:, :, 0].ravel()])
        for of_all, vulnerable in zip((everyone[0], *limits), (few[0], *of_few), strict=True)
    ]
    names = metric_names(settings)
    keys = {"share": np.repeat([1.0, *SHARES], len(names)), "metric": np.tile(names, 1 + len(SHARES))}
    return pd.DataFrame(keys | dict(zip(("value", "low", "high"), values, strict=True)))
