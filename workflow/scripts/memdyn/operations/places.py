"""Where everything lies that a study asks for."""

from pathlib import Path

from memdyn.design.blocks import block_names, mask_names
from memdyn.plan.stage import POOL, SCORED_RUN, SCORES, Stage
from memdyn.plan.study import StudyPlan


def shown(plan: StudyPlan) -> list[Stage]:
    """What is made of all runs, in the study's `versions`."""
    return [plan.tables, plan.figures, plan.report, *([plan.limits] if plan.study.config.fail_above else [])]


def places(plan: StudyPlan) -> dict[str, tuple[Stage, Path]]:
    """Every stage with its folder, by its path, or by its name where it is of all runs; in the order of the work."""
    of_runs = {path: (stage, Path(plan.results, path)) for path, stage in plan.stages.items()}
    return of_runs | {stage.folder: (stage, Path(plan.versions, stage.folder)) for stage in shown(plan)}


def products(plan: StudyPlan, stage: Stage, place: Path) -> dict[str, Path]:
    """What each job of a stage leaves, by its block or the models of its masks; '' where it is made at once."""
    models = plan.study.config.shadow_models
    if stage.kind in (SCORED_RUN, SCORES):  # left by the one job that imports them, which counts with the pool
        return {}
    if stage.kind.per_block:
        return {block: place / block / stage.kind.product for block in block_names(models) if stage.is_of(block)}
    of_pool = mask_names(range(models)) if stage.kind == POOL and not plan.imports else []
    return {"": place / stage.kind.product} | {name: place / "membership" / f"{name}.npz" for name in of_pool}
