"""Every table of the system, declared once: name, folder, key, columns with units.

Rules read their outputs off it, writing checks it, docs/tables.md is generated from it.
"""

from memdyn.tables import (
    agreement,
    analysis,
    attack,
    audit,
    distance,
    dynamics,
    realised,
    reliability,
    study,
    train,
    uncalibrated,
)
from memdyn.tables.table import Table

STAGES: dict[str, dict[str, Table]] = {
    "train": train.TABLES,
    "attack": attack.TABLES,
    "dynamics": dynamics.TABLES,
    "analysis": analysis.TABLES,
    "agreement": agreement.TABLES,
    "uncalibrated": uncalibrated.TABLES,
    "distance": distance.TABLES,
    "reliability": reliability.TABLES,
    "audit": audit.TABLES,
    "realised": realised.TABLES,
    "study": study.TABLES
    | study.ANALYSED
    | study.DISTANCES
    | study.AGAINST_BASELINE
    | study.UNCALIBRATED
    | study.PROBABILITIES
    | audit.OF_STUDY
    | study.HELD_OUT,
}
"""Stage -> name -> table."""


def study_tables(
    analysed: bool,
    distances: bool = False,
    against_baseline: bool = False,
    probabilities: bool = False,
    held_out: bool = False,
    uncalibrated: bool = False,
) -> list[str]:
    """Names of the tables of a study; with those of what else it asks for.

    Args:
        analysed: the full analysis.
        distances: the level distance.
        against_baseline: runs against a baseline.
        probabilities: attacks that give probabilities.
        held_out: what is realised on held-out targets.
        uncalibrated: attacks without shadow models.
    """
    more = (
        (analysed, study.ANALYSED),
        (distances, study.DISTANCES),
        (against_baseline, study.AGAINST_BASELINE),
        (uncalibrated, study.UNCALIBRATED),
        (probabilities, study.PROBABILITIES),
        (held_out, study.HELD_OUT),
    )
    return [*study.TABLES, *(name for asked, tables in more if asked for name in tables)]


AUDITED = ("runs", "pools", "samples_index", "accuracy", *audit.OF_STUDY)
"""Names of the tables of an audit."""


def taken_over(stage: str) -> list[str]:
    """Names of the tables of a run that its study takes over."""
    return [name for name, one in STAGES[stage].items() if one.study]


IN_FOLDS = ("metrics", "roc", "replicates", "null", "most_vulnerable")
"""Names of the tables of an attack on models that lie in folds."""

FOLDED = (
    *("runs", "pools", "samples_index", "accuracy", "attack_metrics", "roc", "null_draws", "null"),
    *("most_vulnerable", "differences", "history_gain"),
)
"""Names of the tables of a study of such models."""
