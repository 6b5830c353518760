"""What intervals a study can expect, and how many models it takes for narrower ones.

The jackknife's standard error falls with the square root of the models. It is taken from a finished attack of the same
name on the same training, with however many models, at its last checkpoint; so a study of 16 models tells what one of
256 will find.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.identity.recipe import RECIPE, read_recipe
from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan
from memdyn.stats.jackknife import groups, standard_error
from memdyn.terms import METRICS

_BLOCK, _MOST_MODELS = 8, 10_000  # models that are trained together; more are asked of nobody


@dataclass(frozen=True)
class Width:
    """What to expect of one metric of one attack on one run, models and samples pooled.

    Attributes:
        half: of the interval's width, with the study's models.
        models: that it takes for the half that is wanted; infinite where more than 10,000.
        measured: models of the finished attack.
    """

    run: str
    attack: str
    metric: str
    half: float
    models: float
    measured: int


def widths(plan: StudyPlan, wanted: float) -> Iterator[Width]:
    """Of each run, attack and metric that something finished tells of.

    Args:
        wanted: half of an interval's width.
    """
    if plan.folds:  # whose jackknife has other groups than pairs
        return
    statistics, models = plan.study.config.statistics, plan.study.config.shadow_models
    for run in plan.runs:
        for label, stage in run.attacks.items():
            for metric, (error, measured) in _errors(Path(plan.results), stage).items():

                def half(models: int, error: float = error) -> float:
                    return expected_half(error, models, statistics.jackknife_groups, statistics.level)

                enough = (m for m in range(_BLOCK, _MOST_MODELS + 1, _BLOCK) if half(m) <= wanted)
                yield Width(run.name, label, metric, half(models), next(enough, inf), measured)


def expected_half(error: float, models: int, most_groups: int, level: float) -> float:
    """Half of the width of an interval.

    Args:
        error: the standard error of one model, were it alone: that of M models is `error / sqrt(M)`.
        most_groups, level: of the jackknife.
    """
    count = int(groups(models // 2, most_groups).max()) + 1
    return inf if count < 2 else float(stdtrit(count - 1, (1 + level) / 2)) * error / sqrt(models)


def _errors(results: Path, stage: Stage) -> dict[str, tuple[float, int]]:
    """(standard error times the square root of the models, models), by metric; of the attack with most models."""
    folder = results / stage.parent.path
    found = [path.parent for path in folder.glob(f"{stage.slug.rpartition('-m')[0]}-m*-*/{RECIPE}")]
    alike = [each for each in found if _is_alike(each, stage) and (each / "replicates.parquet").exists()]
    if not alike:
        return {}
    best = max(alike, key=lambda each: int(read_recipe(each)["options"]["models"]))
    metrics, replicates = (pd.read_parquet(best / f"{name}.parquet") for name in ("metrics", "replicates"))
    if metrics.empty:
        return {}
    row = metrics[metrics["aggregation"] == "pooled"].sort_values("epoch").iloc[-1]
    last = replicates[(replicates["epoch"] == row["epoch"]) & (replicates["aggregation"] == "pooled")]
    sizes = np.bincount(groups(int(row["n_models"]) // 2, int(row["n_groups"])))
    of_each = {metric: of["value"].to_numpy() for metric, of in last.groupby("metric") if metric in METRICS}
    errors = {
        name: float(standard_error(row[name], of, sizes)) for name, of in of_each.items() if len(of) == len(sizes)
    }
    return {
        name: (errors[name] * sqrt(row["n_models"]), int(row["n_models"]))
        for name in METRICS
        if errors.get(name, 0.0) > 0
    }


def _is_alike(folder: Path, stage: Stage) -> bool:
    """Whether it differs in the number of models, and in what the statistics ask for, at most."""
    recipe = read_recipe(folder) or {}
    options = recipe.get("options", {})
    return recipe.get("kind") == stage.kind.name and all(
        options.get(name) == stage.options.get(name) for name in ("attack", "needs")
    )
