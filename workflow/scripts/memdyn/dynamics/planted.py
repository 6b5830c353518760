"""Planted mislabelled samples: known to be hard and exposed, so they show whether the figures find what is there."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.difficulty import Difficulty
from memdyn.dynamics.dprime import effect_sizes
from memdyn.stats import jackknife
from memdyn.stats.ranks import delong


def planted_table(
    planted: np.ndarray, scores: ShadowScores, difficulty: Difficulty, most_groups: int, level: float
) -> pd.DataFrame:
    """How well d' at the last checkpoint, and each difficulty, tell planted samples from the others.

    Two spreads add up: that of the models (jackknife over pairs, everything refitted) and that of the samples (DeLong),
    which dominates where few are planted. The second holds some of the first, so the interval is a little wide.

    Args:
        planted: bool [n], of the scored samples.
        scores: of one run.
        difficulty: of the same run.
        most_groups: of the jackknife.
        level: of the intervals.

    Returns:
        quantity, models, auroc (above .5: planted samples are more vulnerable, or harder), low, high (clipped to
        [0, 1]), se_models, se_samples, n_planted, n_others, groups, level; models is "in-out" for d'.

    Raises:
        ValueError: where no sample, or every one, is planted.
    """
    if not 0 < planted.sum() < len(planted):
        raise ValueError(f"{planted.sum()} of {len(planted)} samples are planted: there is nothing to tell apart")
    signals = scores.loader("scored")(scores.epochs[-1])
    group = signals.pairs.groups(most_groups)
    groups, sizes = np.unique(group, return_counts=True)
    kept = [group >= 0, *(group != g for g in groups)]
    if signals.n_pairs - sizes.max() < 2:
        kept, sizes = kept[:1], sizes[:0]
    inside, outside = signals.split(signals.margins)
    risks = {("d_prime", "in-out"): [effect_sizes(inside[pairs], outside[pairs]).raw for pairs in kept]}
    for (name, models), values in difficulty.values.items():
        risks[name, models] = [difficulty.harder[name] * values[pairs].mean(axis=0, dtype=float) for pairs in kept]
    rows = []
    for (name, models), replicates in risks.items():
        found = [delong(risk[planted], risk[~planted]) for risk in replicates]
        auroc, se_samples = found[0]
        deleted = np.array([value for value, _ in found[1:]])
        se_models = float(jackknife.standard_error(auroc, deleted, sizes)) if len(sizes) else np.nan
        half = stdtrit(max(len(sizes) - 1, 1), (1 + level) / 2) * np.hypot(se_models, se_samples)
        rows.append(
            {
                "quantity": name,
                "models": models,
                "auroc": auroc,
                "low": max(auroc - half, 0.0) if half == half else np.nan,
                "high": min(auroc + half, 1.0) if half == half else np.nan,
                "se_models": se_models,
                "se_samples": se_samples,
                "n_planted": int(planted.sum()),
                "n_others": int((~planted).sum()),
                "groups": len(sizes),
                "level": level,
            }
        )
    return pd.DataFrame(rows)
