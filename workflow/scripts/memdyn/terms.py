"""Words that writers and readers of tables share: parts of the pool, metrics, thresholds, zones. Each is spelt here."""

from collections.abc import Sequence

PARTS = ("scored", "sham", "population", "test", "spare")
"""Parts of a pool, in the order that they lie in it."""

SCORED_PARTS = ("scored", "sham", "population", "test")
"""Parts that every checkpoint is scored on; spare samples are kept for defences."""

MASKED_PARTS = ("scored", "sham")
"""Parts with a membership: that of training, and one that no model knows of."""

AGGREGATIONS = ("pooled", "per_model")
"""One ROC over all (model, sample), or the mean of the models' own."""

FPRS = (0.001, 0.01)
"""False positive rates of the metrics that tables have columns for."""

AUC = "auc"

LIKELIHOOD_RATIO_1 = "lr1"
"""The threshold at which being a member is as likely as not; of attacks that have one."""

ZONES = ("inverted", "chance", "leaning", "vulnerable", "highly_vulnerable")
"""Zones of the vulnerability plane, from the least to the most at risk."""

FEWEST_HITS = 10
"""Margins expected in a tail, from which on it can be checked: with none at all the jackknife has no width."""

ALL_CLASSES = "all"
"""In tables of classes: all samples, whatever theirs is."""


def tpr_at(fpr: float) -> str:
    """The metric "TPR at this FPR": tpr_at_fpr_0.01."""
    return f"tpr_at_fpr_{fpr:g}"


def fpr_of(metric: str) -> float:
    """The FPR of such a metric. Raises ValueError for any other."""
    return float(metric.removeprefix("tpr_at_fpr_"))


METRICS = (AUC, *map(tpr_at, FPRS))
"""Metrics of attacks in tables."""


def threshold_label(threshold: str | float) -> str:
    """How tables name a threshold: "lr1", or "fpr0.05" for one at a pooled FPR of 5 %."""
    return threshold if isinstance(threshold, str) else f"fpr{threshold:g}"


def early_checkpoint(checkpoints: Sequence[int], share: float) -> int:
    """The first trained checkpoint at or after this share of the last one's epochs; the last where there is none.

    Args:
        checkpoints: epochs, increasing, 0 = untrained.
    """
    last = checkpoints[-1]
    return next((epoch for epoch in checkpoints if epoch > 0 and epoch >= share * last), last)
