"""What attacks, analyses and the report will take: from finished jobs of their kind, else from measured constants.

The work of a job is taken for its models x samples x checkpoints, times the attacks that it reads; that of tables,
figures and the page for the number of runs. Of the finished jobs in the results the nearest in size speaks, scaled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path
from typing import Any

from memdyn.identity.recipe import read_recipe
from memdyn.identity.records import SUFFIX, job_records
from memdyn.operations.calibrate.kept import Calibration, calibration_of, name_of
from memdyn.operations.places import places
from memdyn.plan.stage import ATTACK, FIGURES, LIMITS, REPORT, SCORED_POOL, TABLES, Kind, Stage
from memdyn.plan.study import StudyPlan

OF_ALL_RUNS = (TABLES.name, FIGURES.name, REPORT.name)
_READ = 3  # finished jobs of a kind, the last ones
LEAST = 0.2  # seconds: what is not proportional to the size
START_SECONDS = 1.0  # of a job that needs no torch
# CPU seconds of a million (model, sample, checkpoint) and attack; of tables, figures and the page: of a run. The demo's
# jobs on a core of an EPYC, 29 November 2026; the analysis is benchmarks/bench_analysis.py's.
SECONDS = {
    **{"attack": 4.1, "loss": 2.0, "rmia": 2.8, "dynamics": 2.1, "agreement": 0.3, "realised": 0.9, "analysis": 7.0},
    **{"tables": 3.0, "figures": 3.6, "report": 0.2},
}


# where a time comes from: finished jobs, a calibration, constants
MEASURED, CALIBRATED, ROUGH = "measured", "calibrated", "rough"


@dataclass(frozen=True)
class Work:
    """A job that is to run.

    Attributes:
        name: of an attack, else of the kind of stage.
        seconds: of one core, its start included; None where nothing is known of its kind.
        source: one of the three below.
    """

    name: str
    seconds: float | None
    source: str


def work_after_scoring(plan: StudyPlan) -> list[Work]:
    """The jobs after scoring that are still to run."""
    results = Path(plan.results)
    finished = cache(lambda kind, name: list(_finished(results, Path(plan.versions), kind, name)))
    known = calibration_of(plan)
    return [
        _work(stage, size_of(stage.options, _pool(stage), len(plan.runs)), finished(stage.kind, _name(stage)), known)
        for stage, place in places(plan).values()
        if comes_after(stage.kind) and not (place / stage.kind.product).exists()
    ]


def comes_after(kind: Kind) -> bool:
    """What is made of scores, and takes time: judging limits takes none, and importing scores little."""
    return not kind.costs_training and not kind.per_block and kind not in (LIMITS, SCORED_POOL)


def _work(stage: Stage, size: float, finished: list[tuple[float, float]], known: Calibration | None) -> Work:
    name, start = _name(stage), known.light_start if known else START_SECONDS
    if finished:
        before, seconds = min(finished, key=lambda job: abs(log(size / job[0])))
        return Work(name, start + LEAST + max(0.0, seconds - LEAST) * size / before, MEASURED)
    if known and (law := known.after.get(name_of(stage))):
        return Work(name, start + law.seconds(len(stage.options.get("epochs", [1])), size), CALIBRATED)
    rate = SECONDS.get(name, SECONDS.get(stage.kind.name))
    return Work(name, start + LEAST + rate * size if rate else None, ROUGH)


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
    checkpoints = len(options.get("epochs", [1]))  # an audit is of one
    attacks = len(options["attacks"]) if "attacks" in options else 1
    return options["models"] * parts.get("scored", 0) * checkpoints * attacks / 1e6
