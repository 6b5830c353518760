"""What attacks, analyses and the report will take: from finished jobs of their kind, else from measured constants.

The work of a job is taken for its models x samples x checkpoints, times the attacks that it reads; that of tables,
figures and the page for the number of runs. Of the finished jobs in the results the nearest in size speaks, scaled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from math import inf, log
from pathlib import Path
from typing import Any

from memdyn.identity.recipe import read_recipe
from memdyn.identity.records import SUFFIX, job_records
from memdyn.operations import machine
from memdyn.operations.calibrate.kept import Calibration, Law, calibration_of, name_of
from memdyn.operations.disk import states
from memdyn.operations.drawn import figures
from memdyn.operations.places import places
from memdyn.operations.work import AFTER, ALL_RUNS, CALIBRATED, MEASURED, ROUGH, Work
from memdyn.plan.stage import ATTACK, FIGURES, LIMITS, REPORT, SCORED_POOL, TABLES, Kind, Stage
from memdyn.plan.study import StudyPlan

OF_ALL_RUNS = (TABLES.name, FIGURES.name, REPORT.name)
_READ = 3  # finished jobs of a kind, the last ones
LEAST = 0.2  # seconds: what is not proportional to the size
START_SECONDS = 1.0  # of a job that needs no torch
# CPU seconds of jobs on a core of an EPYC with AVX-512, busy, 29 November 2026, as `memdyn plan --calibrate` measured
# them; reliability of two attacks that train; uncalibrated reckoned: with its null 4.4 times what it was. By the name
# of an attack, else of a kind.
LAWS = {
    "loss": Law(0.2, 0.09, 0.2, 1.6),
    "lira": Law(0.3, 0.27, 0.5, 2.5),
    "rmia": Law(0.2, 0.11, 1.5, 2.2),
    "dynamics": Law(0.1, 0.15, 0.0, 1.3),
    "agreement": Law(0.6, 0.0, 2.3, 0.1),
    "realised": Law(0.3, 0.45, 4.2, 0.6),
    "analysis": Law(2.4, 1.2, 140.0, 4.5),
    "uncalibrated": Law(0.1, 0.0, 0.1, 0.9),
    "distance": Law(0.1, 0.1, 0.0, 24.0),
    "reliability": Law(0.6, 2.9, 0.0, 0.0),
    "audit": Law(0.1, 0.0, 0.4, 0.0),
}
# CPU seconds of one calibration of 128 models x 50,000 samples (benchmarks/README.md), of attacks that are not above; a
# checkpoint takes as many as there are groups of the jackknife and draws of the null.
CALIBRATIONS = {
    **{
        "lira_views": 0.4,
        "tan2023": 2.2,
        "song2021": 0.6,
        "privacy_risk_score": 0.4,
        "shokri2017": 8.3,
        "label_only": 1.5,
    },
    **{"difficulty_calibration": 0.1, "ye": 0.3, "ye_distilled": 2.2, "quantile_regression": 0.6, "proxy": 1.2},
    **{"sequence": 11.0, "log_ratio_sum": 1.5, "trajectory": 14.0, "embedding_norm": 0.3, "gradient_norm": 0.1},
    **{"adversarial_distance": 0.1, "boundary_distance": 0.1, "custom": 0.4},
}
_REFITS, _MILLIONS = 37, 6.4  # of the default statistics; of that benchmark
# an attack on models in folds takes so many times as long as in pairs: LiRA's calibration, benchmarks/bench_folds.py
IN_FOLDS, FOLDED = "attack_in_folds.py", 7.0
# CPU seconds of a state (sample, checkpoint, attack, threshold) in the tables; of a figure, drawn and shown. By studies
# of 1 to 11 runs: 20 to 31 e-6, .5 to 1.0, .02 to .04.
SHOWN = {"tables": 25e-6, "figures": 0.7, "report": 0.03}


def work_after_scoring(plan: StudyPlan) -> list[Work]:
    """The jobs after scoring that are still to run."""
    results = Path(plan.results)
    finished = cache(lambda kind, name: list(_finished(results, Path(plan.versions), kind, name)))
    known = calibration_of(plan)
    return [
        _work(plan, key, stage, finished(stage.kind, _name(stage)), known)
        for key, (stage, place) in places(plan).items()
        if comes_after(stage.kind) and not (place / stage.kind.product).exists()
    ]


def comes_after(kind: Kind) -> bool:
    """What is made of scores, and takes time: judging limits takes none, and importing scores little."""
    return not kind.costs_training and not kind.per_block and kind not in (LIMITS, SCORED_POOL)


def _work(
    plan: StudyPlan, key: str, stage: Stage, finished: list[tuple[float, float]], known: Calibration | None
) -> Work:
    seconds, source = _seconds(plan, stage, finished, known)
    return Work(
        key=key,
        run=_training(stage),
        tier=ALL_RUNS if stage.kind.name in OF_ALL_RUNS else AFTER,
        name=_name(stage),
        jobs=1,
        units=1,
        whole=1,
        unit=seconds,
        start=known.light_start if known else START_SECONDS * machine.pace().jobs,
        source=source,
    )


def _seconds(
    plan: StudyPlan, stage: Stage, finished: list[tuple[float, float]], known: Calibration | None
) -> tuple[float | None, str]:
    """CPU seconds of a job without its start, and where they come from."""
    name, checkpoints = _name(stage), checkpoints_of(stage.options)
    size = size_of(stage.options, _pool(stage), len(plan.runs))
    if finished:
        before, seconds = min(finished, key=lambda job: abs(log(size / job[0])))
        return LEAST + max(0.0, seconds - LEAST) * size / before, MEASURED
    if known and (law := known.after.get(name_of(stage))):
        return law.seconds(checkpoints, size), CALIBRATED
    if stage.kind.name in SHOWN:
        number = states(plan) if name == TABLES.name else figures(plan)
        return machine.pace().jobs * (LEAST + SHOWN[name] * number), ROUGH
    law = law_of(name)
    if law and stage.roots[0] == IN_FOLDS:
        law = replace(law, rate=law.rate * FOLDED)
    return machine.pace().jobs * law.seconds(checkpoints, size) if law else None, ROUGH


def law_of(name: str) -> Law | None:
    """What a job takes that was not measured, by the name of its attack or kind; None where nothing is known of it."""
    if name in CALIBRATIONS:
        loss = LAWS["loss"]
        return replace(loss, rate=loss.rate + _REFITS * CALIBRATIONS[name] / _MILLIONS)
    return LAWS.get(name)


def _finished(results: Path, versions: Path, kind: Kind, name: str) -> Iterator[tuple[float, float]]:
    """(size, CPU seconds) of the last finished jobs."""
    if kind.name in OF_ALL_RUNS:
        found = [*versions.glob(f"{name}-*/*{SUFFIX}"), *versions.glob(f"logs/{name}-*/*{SUFFIX}")]
    else:
        found = [*results.glob(f"*/*/*/{name.replace('_', '-')}-*/*{SUFFIX}")]
    for record in sorted(found, key=lambda path: path.stat().st_mtime)[-_READ:]:
        recipe = read_recipe(record.parent)
        if recipe and recipe["kind"] == kind.name and _named(kind, recipe["options"]) == name:
            parts = _parts(record.parent, results)
            seconds = sum(job.cpu_seconds for job in job_records(record.parent))
            size = size_of(recipe["options"], parts, _runs(record.parent, recipe["options"]))
            if size:  # else its pool's recipe is gone, which must not keep a study from its start
                yield size, seconds


def _name(stage: Stage) -> str:
    return _named(stage.kind, stage.options)


def _named(kind: Kind, options: Mapping[str, Any]) -> str:
    return options["attack"]["name"] if kind == ATTACK else kind.name


def _training(stage: Stage) -> str:
    """The path of what it is read off; empty where it is of all runs."""
    return "/".join(stage.path.split("/")[:2]) if stage.parent else ""


def _pool(stage: Stage) -> Mapping[str, int]:
    """The sizes of the parts of a stage's pool; none where it is of all runs."""
    while stage.parent:
        stage = stage.parent
    return stage.options.get("parts", {})


def _parts(folder: Path, results: Path) -> Mapping[str, int]:
    """The same of a finished one."""
    pool = results / folder.relative_to(results).parts[0]
    return ((read_recipe(pool) or {}).get("options", {})).get("parts", {})


def _runs(folder: Path, options: Mapping[str, Any]) -> int:
    """Of how many runs tables, figures or a page are."""
    if "runs" in options:
        return len(options["runs"])
    versions = next((each for each in folder.parents if each.name == "versions"), None)
    tables = read_recipe(versions / options["tables"]) if versions and "tables" in options else None
    return len(tables["options"]["runs"]) if tables else 1


def size_of(options: Mapping[str, Any], parts: Mapping[str, int], runs: int) -> float:
    """Millions of (model, sample, checkpoint), of each attack; or runs."""
    if "models" not in options or "runs" in options:
        return float(runs)
    attacks = len(options["attacks"]) if "attacks" in options else 1
    return options["models"] * parts.get("scored", 0) * checkpoints_of(options) * attacks / 1e6


def checkpoints_of(options: Mapping[str, Any]) -> int:
    """Of a run, or those of them that the job looks at; an audit is of one."""
    return min(len(options.get("epochs", [1])), options.get("realised", {}).get("checkpoints", inf))
