"""What intervals a study can expect, and how many models it takes for narrower ones.

The jackknife's standard error falls with the square root of the models. It is taken from a finished attack of the same
name on the same training, with however many models; so a study of 16 models tells what one of 256 will find. A
jackknife over G groups knows its error to 1 / sqrt(2 (G - 1)) alone: to a quarter with 8 groups. That noise is hardly
shared between checkpoints, whereas errors of all of them are about one constant times the binomial's, sqrt(p (1 - p)).
So the constant is of all checkpoints: its square is the mean of theirs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
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
    statistics, models = plan.study.config.statistics, plan.study.config.shadow_models
    for run in plan.runs:
        for label, stage in run.attacks.items():
            for metric, (error, measured) in _errors(Path(plan.results), stage, plan.folds).items():

                def half(models: int, error: float = error) -> float:
                    count = len(group_sizes(plan.folds, models, statistics.jackknife_groups))
                    return expected_half(error, models, count, statistics.level)

                enough = (m for m in range(_BLOCK, _MOST_MODELS + 1, _BLOCK) if half(m) <= wanted)
                yield Width(run.name, label, metric, half(models), next(enough, inf), measured)


def expected_half(error: float, models: int, count: int, level: float) -> float:
    """Half of the width of an interval.

    Args:
        error: the standard error of one model, were it alone: that of M models is `error / sqrt(M)`.
        count, level: the jackknife's groups, and the confidence level.
    """
    return inf if count < 2 else float(stdtrit(count - 1, (1 + level) / 2)) * error / sqrt(models)


def own_error(count: int) -> float:
    """By what share a standard error over so many groups is off, one standard deviation: that of a chi of G - 1."""
    return 1 / sqrt(2 * (count - 1)) if count > 1 else inf


def smoothed(rates: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    """The standard error at the last checkpoint, as all of them tell it; 0 where none does.

    Args:
        rates: [C] of a metric, each checkpoint's.
        errors: [C] standard errors; those of 0 tell nothing, nor do rates of 0 and 1.
    """
    spread = np.sqrt(rates * (1 - rates))
    telling = (spread > 0) & (errors > 0)
    if not telling.any():
        return 0.0
    constant = np.sqrt(np.mean((errors[telling] / spread[telling]) ** 2))
    return float(constant * spread[telling][-1])


def group_sizes(folds: Sequence[int], models: int, most_groups: int) -> NDArray[np.int64]:
    """Of the jackknife's groups: folds of models, or groups of pairs."""
    return np.bincount(folds) if folds else np.bincount(groups(models // 2, most_groups))


def _errors(results: Path, stage: Stage, folds: Sequence[int]) -> dict[str, tuple[float, int]]:
    """(standard error times the square root of the models, models), by metric; of the attack with most models."""
    folder = results / stage.parent.path
    found = [path.parent for path in folder.glob(f"{stage.slug.rpartition('-m')[0]}-m*-*/{RECIPE}")]
    alike = [each for each in found if _is_alike(each, stage) and (each / "replicates.parquet").exists()]
    if not alike:
        return {}
    best = max(alike, key=lambda each: int(read_recipe(each)["options"]["models"]))
    metrics, replicates = (_pooled(best / f"{name}.parquet") for name in ("metrics", "replicates"))
    if metrics.empty or replicates.empty:
        return {}
    models, rows = int(metrics["n_models"].iloc[-1]), metrics.sort_values("epoch").set_index("epoch")
    deleted = {key: of["value"].to_numpy() for key, of in replicates.groupby(["metric", "epoch"])}
    sizes = group_sizes(folds, models, max(map(len, deleted.values())))
    errors = {}
    for name in METRICS:
        of = [
            (epoch, deleted[name, epoch]) for epoch in rows.index if len(deleted.get((name, epoch), ())) == len(sizes)
        ]
        rates = np.array([rows.loc[epoch, name] for epoch, _ in of], dtype=float)
        each = [standard_error(rate, values, sizes) for rate, (_, values) in zip(rates, of, strict=True)]
        error = smoothed(rates, np.array(each, dtype=float))
        if error > 0:
            errors[name] = error * sqrt(models), models
    return errors


def _pooled(path: Path) -> pd.DataFrame:
    """Its rows of models and samples together, at trained checkpoints where there are any."""
    table = pd.read_parquet(path)
    if table.empty:
        return table
    table = table[table["aggregation"] == "pooled"]
    trained = table[table["epoch"] > 0]
    return table if trained.empty else trained


def _is_alike(folder: Path, stage: Stage) -> bool:
    """Whether it differs in the number of models, and in what the statistics ask for, at most."""
    recipe = read_recipe(folder) or {}
    options = recipe.get("options", {})
    return recipe.get("kind") == stage.kind.name and all(
        options.get(name) == stage.options.get(name) for name in ("attack", "needs")
    )
