"""Every table of the system, declared once: name, folder, key, columns with units.

Rules read their outputs off it, writing checks it, docs/tables.md is generated from it.
"""

from memdyn.tables import analysis, attack, distance, dynamics, study, train
from memdyn.tables.table import Table

STAGES: dict[str, dict[str, Table]] = {
    "train": train.TABLES,
    "attack": attack.TABLES,
    "dynamics": dynamics.TABLES,
    "analysis": analysis.TABLES,
    "distance": distance.TABLES,
    "study": study.TABLES | study.ANALYSED | study.DISTANCES,
}
"""Stage -> name -> table."""


def study_tables(analysed: bool, distances: bool = False) -> list[str]:
    """Names of the tables of a study; with those of the full analysis, and of the level distance."""
    return [*study.TABLES, *(study.ANALYSED if analysed else ()), *(study.DISTANCES if distances else ())]


def taken_over(stage: str) -> list[str]:
    """Names of the tables of a run that its study takes over."""
    return [name for name, one in STAGES[stage].items() if one.study]
