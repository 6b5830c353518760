"""Where everything lies that a study asks for."""

from pathlib import Path

from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan


def shown(plan: StudyPlan) -> list[Stage]:
    """What is made of all runs, in the study's `versions`."""
    return [plan.tables, plan.figures, plan.report, *([plan.limits] if plan.study.config.fail_above else [])]


def places(plan: StudyPlan) -> dict[str, tuple[Stage, Path]]:
    """Every stage with its folder, by its path, or by its name where it is of all runs; in the order of the work."""
    of_runs = {path: (stage, Path(plan.results, path)) for path, stage in plan.stages.items()}
    return of_runs | {stage.folder: (stage, Path(plan.versions, stage.folder)) for stage in shown(plan)}
