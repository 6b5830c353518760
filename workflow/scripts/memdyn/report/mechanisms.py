"""What sections on mechanisms call things, and which rows they show."""

from collections.abc import Mapping

import pandas as pd

from memdyn.report.draw import style
from memdyn.report.words import METRIC_LABELS, TPRS
from memdyn.terms import AUC

# words of memdyn.compare.regularization, without all that it needs
BEST, LARGER_WEAK, ADVANTAGE, ACCURACY = "best strong", "max(avg, pow)", "advantage", "accuracy_test"
RELEASED, SUPPORTED, CONTRADICTED, NOT_TESTED = "released", "supported", "contradicted", "not tested"
BY_ATTACK, BY_DISTANCE, FAILED = "attack", "distance", "failed"

COMPARISONS = {
    RELEASED: "at the end",
    "equal_epoch": "at the last common epoch",
    "equal_training_loss": "at equal training loss",
    "equal_accuracy": "at equal test accuracy",
}
HEADLINES = {
    ("", ACCURACY): "test accuracy",
    (BEST, AUC): "AUC, best strong attack",
    (BEST, TPRS[-1]): f"{METRIC_LABELS[TPRS[-1]]}, best strong attack",
    ("avg", ADVANTAGE): "advantage of AVG",
    ("pow", ADVANTAGE): "advantage of POW",
}
"""What is told of every mechanism: (attack, metric) -> its label."""


def headline(table: pd.DataFrame, attack: str, metric: str) -> pd.DataFrame:
    """The rows of one attack (none: "") and metric."""
    return table[(table["attack"].fillna("") == attack) & (table["metric"] == metric)]


def run_label(run: str, mechanisms: Mapping[str, str], styles: dict[str, style.RunStyle], most: int = 30) -> str:
    """A run's name, and below it what it differs in where the name does not say so."""
    name, mechanism = styles[run].name, mechanisms.get(run, "")
    if not mechanism or mechanism == name:
        return style.wrap_label(name, most)
    return f"{style.wrap_label(name, most)}\n{style.wrap_label(mechanism, most)}"


def mechanisms_by_run(table: pd.DataFrame) -> dict[str, str]:
    """run -> what it differs in."""
    return dict(zip(table["run"], table["mechanism"], strict=True))
