"""Can one threshold serve all target models? Whether scores of different models may be pooled into one ROC."""

import numpy as np
from scipy.stats import rankdata

from memdyn.stats import jackknife


def target_spread(scores_out: np.ndarray, mask: np.ndarray) -> float:
    """How far target models differ in their mean OUT score, in standard deviations of one target's OUT scores.

    Of the scores' ranks, which are all that a ROC sees. 0: one threshold has one FPR on every target. Each sample's own
    mean is taken out first, since a target's half of the samples is not another's, and what chance alone makes of the
    means after that (analysis of variance). NaN for one pair; infinite where each target gives all samples one score.

    Args:
        scores_out: [P, n], of each pair's OUT model.
        mask: bool [M, n].
    """
    n_pairs, n_samples = scores_out.shape
    if n_pairs < 2:
        return np.nan
    ranks = rankdata(scores_out).reshape(scores_out.shape)
    of_target = ranks - ranks.mean(axis=0)
    first = ~mask[0::2]  # where the OUT model is the pair's first
    counts = np.concatenate([first.sum(axis=1), (~first).sum(axis=1)])
    sums = np.concatenate([(of_target * first).sum(axis=1), (of_target * ~first).sum(axis=1)])
    means = sums / counts
    chance = ((of_target**2).sum() - (counts * means**2).sum()) / ((n_pairs - 1) * n_samples) * (1 / counts).mean()
    between = max(means.var(ddof=1) - chance, 0.0)
    within = ranks.var() - between  # below 0 where all lies between few targets
    if within <= 0:
        return np.inf if between else 0.0
    return float(np.sqrt(between / within))


def pooling_loss(
    estimate: dict[str, np.ndarray], deleted: dict[str, np.ndarray], sizes: np.ndarray, level: float
) -> dict[str, float]:
    """What pooling over target models costs: AUC per model minus pooled AUC, and its lower limit.

    Args:
        estimate: by aggregation; first comes the AUC.
        deleted: by aggregation, [G, ...], the same without each group of pairs.
        sizes: [G], pairs a group.
        level: of the two-sided interval.
    """
    loss = estimate["per_model"][0] - estimate["pooled"][0]
    low, _ = jackknife.interval(loss, deleted["per_model"][:, 0] - deleted["pooled"][:, 0], sizes, level)
    return {"pooling_loss": float(loss), "pooling_loss_at_least": float(low)}
