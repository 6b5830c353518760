"""Every table of the system, declared once: name, folder, key, columns with units.

Rules read their outputs off it, writing checks it, docs/tables.md is generated from it.
"""

from memdyn.tables import analysis, attack, dynamics, study, train, uncalibrated
from memdyn.tables.table import Table

STAGES: dict[str, dict[str, Table]] = {
    "train": train.TABLES,
    "attack": attack.TABLES,
    "dynamics": dynamics.TABLES,
    "analysis": analysis.TABLES,
    "uncalibrated": uncalibrated.TABLES,
    "study": study.TABLES | study.ANALYSED | study.AGAINST_BASELINE,
}
"""Stage -> name -> table."""


def study_tables(analysed: bool, against_baseline: bool) -> list[str]:
    """Names of the tables of a study."""
    more = (study.ANALYSED if analysed else ()), (study.AGAINST_BASELINE if against_baseline else ())
    return [*study.TABLES, *more[0], *more[1]]


def taken_over(stage: str) -> list[str]:
    """Names of the tables of a run that its study takes over."""
    return [name for name, one in STAGES[stage].items() if one.study]
