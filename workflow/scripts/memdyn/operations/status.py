"""How far a study is: runs and stages, what failed and why, what is left. While it runs, and after.

Read off the files that jobs leave. A job has begun where its log is there and its result is not: it runs, or was killed
with its Snakemake. Why one failed is in a note beside its log (`memdyn.jobs.failure`), or the log's last line says so.
"""

import os
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from memdyn.design.blocks import models_of
from memdyn.jobs import failure
from memdyn.jobs.failure import ERROR, Failure
from memdyn.operations.advice import advice
from memdyn.operations.asked import plan_of, study_arguments
from memdyn.operations.cost import statement
from memdyn.operations.counted import count
from memdyn.operations.places import places, products
from memdyn.plan.stage import Stage
from memdyn.plan.study import StudyPlan

DONE, BEGUN, FAILED, WAITING = "done", "begun", "failed", "waiting"
FAILURE = ": FAILED"  # how a job's last line begins that ended with an error, after its time and its name
_RUNS_SHOWN, _FAILURES_SHOWN = 40, 8


@dataclass(frozen=True)
class Job:
    """One job of the plan.

    Attributes:
        block: or the models of its masks; empty where the stage is made at once.
        log: there once it has begun.
        failure: why its last attempt failed, where that is noted.
    """

    stage: Stage
    place: Path
    block: str
    state: str
    log: Path | None
    failure: Failure | None = None

    @property
    def last_line(self) -> str:
        """What its log says last."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log else []
        return lines[-1] if lines else ""

    @property
    def said(self) -> str:
        """Why it failed: its own last line, or what is noted of a job that could not say so."""
        own = self.failure is None or (self.failure.cause == ERROR and FAILURE in self.last_line)
        log = f" (log: {self.log})" if self.log else ""
        return self.last_line if own else f"{self.failure.words or self.failure.cause}{log}"


def arguments(parser: ArgumentParser) -> None:
    study_arguments(parser)


def run(given: Namespace) -> None:
    """Prints it.

    Raises:
        ConfigError: for a bad study.
    """
    print("\n".join(lines(plan_of(given))))


def lines(plan: StudyPlan) -> Iterator[str]:
    """A table of runs and stages, what a model takes, what is left, and what failed."""
    jobs = all_jobs(plan)
    states = Counter(job.state for each in jobs.values() for job in each)
    others = ", ".join(f"{states[state]} {state}" for state in (BEGUN, FAILED, WAITING) if states[state])
    yield f"{plan.study.config.study}: {states[DONE]} of {states.total()} jobs done{f', {others}' if others else ''}"
    yield ""
    yield from table(plan, jobs)
    yield ""
    yield from _seconds(plan)
    yield from statement(plan, slots=os.cpu_count() or 1)
    yield from failures(plan, jobs)


def all_jobs(plan: StudyPlan) -> dict[str, list[Job]]:
    """The jobs of each stage, by its path."""
    return {
        path: [_job(stage, place, block, product) for block, product in products(plan, stage, place).items()]
        for path, (stage, place) in places(plan).items()
    }


def _job(stage: Stage, place: Path, block: str, product: Path) -> Job:
    if product.exists():
        return Job(stage, place, block, DONE, None)
    log = _log(product) or _log_aside(place)
    noted = failure.read(log) if log else None
    begun = (
        log is not None and log.exists() and log.stat().st_size > 0
    )  # Snakemake leaves an empty one where none began
    if noted and noted.waits:
        return Job(stage, place, block, WAITING, log if begun else None, noted)
    job = Job(stage, place, block, BEGUN if begun else WAITING, log if begun else None, noted)
    return replace(job, state=FAILED) if noted or FAILURE in job.last_line else job


def _log(product: Path) -> Path | None:
    """Of the job that makes the product; not there where the job did not come to write one, but was noted to fail."""
    found = {path.name.partition(".")[0] for path in product.parent.glob("[!.]*.log")}
    found |= {path.name.removesuffix(failure.SUFFIX) for path in product.parent.glob(f"[!.]*{failure.SUFFIX}")}
    name = product.stem if product.stem in found else min(found, default=None)
    return product.parent / f"{name}.log" if name else None


def _log_aside(place: Path) -> Path | None:
    """The log of figures, whose folder holds them alone."""
    log = place.parent / "logs" / f"{place.name}.log"
    return log if log.exists() or failure.note_of(log).exists() else None


def table(plan: StudyPlan, jobs: dict[str, list[Job]]) -> Iterator[str]:
    """A line a run, a column a kind of stage: jobs done of all, and marks."""
    runs = plan.all_runs
    kinds = list(dict.fromkeys(stage.kind.name for run in runs for stage in run.stages()))
    rows = [["", *kinds]]
    for each in runs[:_RUNS_SHOWN]:
        by_kind: dict[str, list[Job]] = {}
        for stage in each.stages():
            by_kind.setdefault(stage.kind.name, []).extend(jobs[stage.path])
        rows.append([each.name, *(_cell(by_kind.get(kind, [])) for kind in kinds)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(kinds) + 1)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(runs) > _RUNS_SHOWN:
        yield f"and {len(runs) - _RUNS_SHOWN} more runs"
    yield "  ".join(f"{stage.kind.name} {_cell(jobs[stage.folder])}" for stage in _of_all_runs(plan, jobs))


def _of_all_runs(plan: StudyPlan, jobs: dict[str, list[Job]]) -> list[Stage]:
    return [of[0].stage for path, of in jobs.items() if path not in plan.stages]


def _cell(jobs: list[Job]) -> str:
    """3/8, with `*` where one has begun and `!` where one has failed."""
    if not jobs:
        return "-"
    states = {job.state for job in jobs}
    done = sum(job.state == DONE for job in jobs)
    return f"{done}/{len(jobs)}{'*' * (BEGUN in states)}{'!' * (FAILED in states)}"


def _seconds(plan: StudyPlan) -> Iterator[str]:
    """What a model takes, of runs with finished ones."""
    runs = plan.trained
    measured = [count(plan, each).seconds for each in runs]
    told = [f"{each.name} {seconds:.2g}" for each, seconds in zip(runs, measured, strict=True) if seconds]
    if told:
        shown = ", ".join(told[:_RUNS_SHOWN])
        yield f"seconds to train a model: {shown}"


def failures(plan: StudyPlan, jobs: dict[str, list[Job]]) -> Iterator[str]:
    """What failed: run and models, why, and what to do."""
    failed = [job for each in jobs.values() for job in each if job.state == FAILED]
    names = _names(plan)
    for job in failed[:_FAILURES_SHOWN]:
        models = models_of(job.block) if job.block else None
        of_models = f", models {models.start} to {models.stop - 1}" if models else ""
        yield ""
        yield f"failed: {job.stage.kind.name} {_of_run(names, job)}{of_models}"
        yield f"  {job.said}"
        yield from (f"  -> {line}" for line in (advice(job.failure) if job.failure else ()))
    if len(failed) > _FAILURES_SHOWN:
        yield f"and {len(failed) - _FAILURES_SHOWN} more"


def _names(plan: StudyPlan) -> dict[str, list[str]]:
    """The runs that read a stage, by its path."""
    found: dict[str, list[str]] = {}
    for each in plan.all_runs:
        for stage in each.stages():
            found.setdefault(stage.path, []).append(each.name)
    return found


def _of_run(names: dict[str, list[str]], job: Job) -> str:
    runs = names.get(job.stage.path, [])
    return f"{job.stage.slug} of {', '.join(runs[:3])}{' ...' if len(runs) > 3 else ''}" if runs else "of the study"
