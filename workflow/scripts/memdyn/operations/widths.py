"""What intervals a study can expect, and how many models it takes for narrower ones.

Both follow from a finished attack of the same name on the same training, with however many models (`Pilot`); so a study
of 16 models tells what one of 256 will find. As both know their error roughly, a range is told as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtri, stdtrit

from memdyn.identity.recipe import RECIPE, read_recipe
from memdyn.operations.pilot import Pilot, rise, slope_at
from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan
from memdyn.stats.jackknife import groups
from memdyn.terms import FPRS, METRICS, tpr_at

_BLOCK, _MOST_MODELS = 8, 10_000  # models that are trained together; more are asked of nobody
_IN_RANGE = 0.9  # of the intervals by F, which knows nothing of what the law itself misses


@dataclass(frozen=True)
class Width:
    """What to expect of one metric of one attack on one run, models and samples pooled.

    Attributes:
        half: of the interval's width, with the study's models.
        low, high: between which about four in five of the halves lie that such studies find.
        models: that it takes for the half that is wanted; infinite where more than 10,000.
        measured: models of the finished attack.
        false_positives: that the finished attack had at this FPR; infinite for an AUC.
    """

    run: str
    attack: str
    metric: str
    half: float
    low: float
    high: float
    models: float
    measured: int
    false_positives: float


def widths(plan: StudyPlan, wanted: float) -> Iterator[Width]:
    """Of each run, attack and metric that something finished tells of.

    Args:
        wanted: half of an interval's width.
    """
    statistics, models = plan.study.config.statistics, plan.study.config.shadow_models
    asked = np.append(np.arange(_BLOCK, _MOST_MODELS + 1, _BLOCK), models)
    counts = [len(group_sizes(plan.folds, each, statistics.jackknife_groups)) for each in asked.tolist()]
    halves = np.array([half_width(count, statistics.level) for count in counts])  # in standard errors
    for run in plan.runs:
        for label, stage in run.attacks.items():
            for metric, pilot in _pilots(Path(plan.results), stage, plan.folds).items():
                expected = pilot.half(asked, halves, statistics.level)
                low, high = (expected[-1] * ratio for ratio in spread(counts[-1], pilot.freedom))
                yield Width(
                    run=run.name,
                    attack=label,
                    metric=metric,
                    half=float(expected[-1]),
                    low=low,
                    high=high,
                    models=models_for(wanted, asked[:-1], expected[:-1]),
                    measured=pilot.models,
                    false_positives=inf if pilot.fpr is None else pilot.fpr * pilot.others,
                )


def half_width(count: int, level: float) -> float:
    """Half of the width of an interval over so many groups of the jackknife, in standard errors."""
    return float(stdtrit(count - 1, (1 + level) / 2)) if count > 1 else inf


def models_for(wanted: float, models: NDArray[np.int64], halves: NDArray[np.float64]) -> float:
    """From how many models on, increasing, no interval is wider; infinite where that of the most models is."""
    wide = np.flatnonzero(halves > wanted)
    least = wide[-1] + 1 if len(wide) else 0
    return float(models[least]) if least < len(models) else inf


def own_error(count: int) -> float:
    """By what share a standard error over so many groups is off, one standard deviation: that of a chi of G - 1."""
    return 1 / sqrt(2 * (count - 1)) if count > 1 else inf


def spread(count: int, freedom: float) -> tuple[float, float]:
    """Between which multiples of what is expected measured intervals lie: roots of quantiles of F.

    Args:
        count: groups of the jackknife that measures.
        freedom: degrees of freedom of what is expected.
    """
    if count < 2:
        return 1.0, 1.0
    tail = (1 - _IN_RANGE) / 2
    return sqrt(fdtri(count - 1, freedom, tail)), sqrt(fdtri(count - 1, freedom, 1 - tail))


def group_sizes(folds: Sequence[int], models: int, most_groups: int) -> NDArray[np.int64]:
    """Of the jackknife's groups: folds of models, or groups of pairs."""
    return np.bincount(folds) if folds else np.bincount(groups(models // 2, most_groups))


def _pilots(results: Path, stage: Stage, folds: Sequence[int]) -> dict[str, Pilot]:
    """By metric, of the finished attack with most models."""
    folder = results / stage.parent.path
    found = [path.parent for path in folder.glob(f"{stage.slug.rpartition('-m')[0]}-m*-*/{RECIPE}")]
    alike = [each for each in found if _is_alike(each, stage) and (each / "replicates.parquet").exists()]
    if not alike:
        return {}
    best = max(alike, key=lambda each: int(read_recipe(each)["options"]["models"]))
    metrics, replicates, roc = (_pooled(best / f"{name}.parquet") for name in ("metrics", "replicates", "roc"))
    if metrics.empty or replicates.empty:
        return {}
    models, samples = (int(metrics[name].iloc[-1]) for name in ("n_models", "n_samples"))
    rows = metrics.sort_values("epoch").set_index("epoch")
    deleted = {key: of["value"].to_numpy() for key, of in replicates.groupby(["metric", "epoch"])}
    sizes = group_sizes(folds, models, max(map(len, deleted.values())))
    read = {name: _course(name, rows, deleted, len(sizes)) for name in METRICS}
    of_most = rise(*read[tpr_at(max(FPRS))][1:], sizes)  # of lower FPRs it is mostly noise
    pilots = {}
    for name, fpr in zip(METRICS, (None, *FPRS), strict=True):
        epochs, rates, deleted = read[name]
        if fpr is None:
            pilot = Pilot(models, rates, deleted, sizes, rise(rates, deleted, sizes))
        else:
            rows = (roc[roc["epoch"] == epoch].sort_values("fpr") for epoch in epochs)
            curves = [(of["fpr"].to_numpy(), of["tpr"].to_numpy()) for of in rows]
            slopes = np.array([slope_at(fpr, *curve) for curve in curves])
            others = models * samples // 2
            pilot = Pilot(models, rates, deleted, sizes, of_most, fpr, slopes, others, curves)
        if pilot.tells:
            pilots[name] = pilot
    return pilots


def _course(
    metric: str, rows: pd.DataFrame, deleted: dict[tuple[str, int], NDArray], count: int
) -> tuple[list[int], NDArray[np.float64], NDArray[np.float64]]:
    """Epochs [C], rates [C] and rates without each group [G, C], where there are so many groups."""
    epochs = [epoch for epoch in rows.index if len(deleted.get((metric, epoch), ())) == count]
    without = np.array([deleted[metric, epoch] for epoch in epochs], dtype=float).reshape(len(epochs), count)
    return epochs, rows.loc[epochs, metric].to_numpy(dtype=float), without.T


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
