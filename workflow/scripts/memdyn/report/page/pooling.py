"""Where pooled figures understate an attack, since its scores do not fit under one threshold for all target models."""

from collections.abc import Mapping

import pandas as pd

from memdyn.report.draw import formatting

LEAST_LOSS = 0.005  # of AUC, by its lower limit: less changes no digit that is read


def understated(metrics: pd.DataFrame) -> pd.DataFrame:
    """The pooled rows of attacks that are stronger on each target model than their pooled AUC says.

    Args:
        metrics: rows of attack_metrics.
    """
    return metrics[(metrics["aggregation"] == "pooled") & (metrics["pooling_loss_at_least"] > LEAST_LOSS)]


def pooling_note(metrics: pd.DataFrame, names: Mapping[str, str]) -> str:
    """A sentence on these attacks, or nothing; names of runs by their folders."""
    found = [
        f"{row['attack']} on {names[row['run']]} by {formatting.number(row['pooling_loss'])} "
        f"(targets differ by {formatting.number(row['target_spread'], 2)} SD)"
        for _, row in understated(metrics).iterrows()
    ]
    if not found:
        return ""
    return (
        f"The pooled AUC understates {'; '.join(found)}: scores of different target models are not comparable there, "
        "one threshold has another FPR on each; read these attacks per model."
    )
