"""What the report calls things: metrics, difficulties, zones, thresholds, and how intervals were made."""

import pandas as pd

from memdyn.terms import AUC, FPRS, LIKELIHOOD_RATIO_1, ZONES, tpr_at

TPRS = tuple(map(tpr_at, FPRS[::-1]))
"""From the FPR that is known best to the smallest."""

METRICS = (AUC, *TPRS)
METRIC_LABELS = {AUC: "AUC"} | {tpr_at(fpr): f"TPR at {100 * fpr:g} % FPR" for fpr in FPRS[::-1]}
METRIC_CHANCE = {AUC: 0.5} | {tpr_at(fpr): fpr for fpr in FPRS[::-1]}
METRIC_DIGITS = dict.fromkeys(METRICS, 3) | {TPRS[-1]: 4}

ZONE_LABELS = {zone: zone.replace("_", " ") for zone in ZONES[::-1]}
"""From the worst zone to the harmless one, which is also from the axis upwards."""

DIFFICULTY_LABELS = {
    "learning_epoch": "learning epoch",
    "forgetting": "forgetting events",
    "aum": "area under the margin",
    "el2n": "EL2N",
    "confidence": "confidence",
    "variability": "variability",
    "loss": "loss",
    "c_score": "C-score",
    "memorisation": "memorisation",
    "grand": "GraNd",
    "prediction_depth": "prediction depth",
}
_OWN_THRESHOLDS = {"tan2023": "each sample's own threshold", "song2021": "each class's own threshold"}
_AGGREGATIONS = {
    "pooled": "pooled over all (model, sample) pairs",
    "per_model": "computed per model and averaged",
}


def threshold_words(threshold: str, attack: str = "") -> str:
    """The threshold's label in words; that at likelihood ratio 1 is of some attacks another one of their own."""
    if threshold == LIKELIHOOD_RATIO_1:
        own = (words for name, words in _OWN_THRESHOLDS.items() if attack == name or attack.startswith(f"{name}-"))
        return next(own, "likelihood ratio 1")
    return f"a pooled FPR of {100 * float(threshold.removeprefix('fpr')):g} %"


def level_words(table: pd.DataFrame) -> str:
    """`95 %`: the level of a table's intervals."""
    return f"{100 * table['level'].iloc[0]:g} %"


def in_folds(metrics: pd.DataFrame) -> bool:
    """Whether the models lie in folds, where no model has a partner."""
    return "folds" in metrics and bool(metrics["folds"].str.endswith(" folds").any())


def limits_words(metrics: pd.DataFrame) -> str:
    """`jackknife over 16 groups of pairs`: how a study's limits were made."""
    counts = sorted(metrics["groups"].unique())
    of, few = ("folds of models", "models") if in_folds(metrics) else ("groups of pairs", "pairs")
    return ", ".join(f"jackknife over {n} {of}" if n else f"none: too few {few}" for n in counts)


def interval_words(metrics: pd.DataFrame, aggregation: str) -> dict[str, str]:
    """What captions say of numbers of attacks: aggregation, level and method of their intervals."""
    words = {"aggregation": _AGGREGATIONS.get(aggregation, aggregation)}
    return words | {"level": level_words(metrics), "method": limits_words(metrics)}
