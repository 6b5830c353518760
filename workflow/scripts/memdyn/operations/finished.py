"""What of a study is finished now, run by run: read off the files that jobs leave, while it runs and after."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path

from memdyn.design.blocks import block_names, models_of
from memdyn.operations.status import BEGUN, DONE, FAILED, FAILURE, WAITING, Job, all_jobs
from memdyn.plan.run import RunPlan
from memdyn.plan.stage import TRAIN, Stage
from memdyn.plan.study import StudyPlan

_WORDS = {WAITING: "not begun", BEGUN: "running, or was killed"}
_LONGEST = 100  # letters of what a failed job said

Jobs = Mapping[tuple[str, str], Job]  # by the path of their stage and their block


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    Attributes:
        models: finished from the first one on: trained, and all read off them that attacks and analyses read.
        missing: what is not, in words; "" where all is.
    """

    run: RunPlan
    models: int
    missing: str


def run_states(plan: StudyPlan) -> list[RunState]:
    """Of each run of the study, in order."""
    jobs = {(path, job.block): job for path, each in all_jobs(plan).items() for job in each}
    blocks, trained = block_names(plan.study.config.shadow_models), _trained_by(plan)
    # what a job said last may name where the data lie
    causes = partial(_cause, with_words=plan.study.config.report.show_images)
    return [_state(run, blocks, jobs, partial(causes, trained | {run.train.path: run.name})) for run in plan.runs]


def is_finished(plan: StudyPlan, run: RunPlan) -> bool:
    """Whether there is all of a run that its attacks and analyses read."""
    blocks = block_names(plan.study.config.shadow_models)
    wanted = [stage.product(block) for stage in _sources(run) for block in blocks if stage.is_of(block)]
    return all(Path(plan.results, product).exists() for product in wanted)


def _sources(run: RunPlan) -> list[Stage]:
    """What attacks and analyses of a run are made from."""
    return [run.train, *run.probes.values(), *(other.outputs for other in run.others.values())]


def _state(run: RunPlan, blocks: list[str], jobs: Jobs, cause_of: Callable[[Job], str]) -> RunState:
    lacking = {block: next(_lacking(run, block, jobs), None) for block in blocks}
    whole = list(takewhile(lambda block: lacking[block] is None, blocks))
    beyond = [block for block in blocks if lacking[block] is None and block not in whole]
    waiting: dict[tuple[str, str], list[Job]] = {}  # several that failed are told by the first one's words
    for job in filter(None, lacking.values()):
        waiting.setdefault((job.stage.path, job.state), []).append(job)
    missing = [f"models {_ranges(job.block for job in of)}: {cause_of(of[0])}" for of in waiting.values()]
    if beyond:
        missing.append(f"models {_ranges(beyond)} are finished, and wait for those before them")
    return RunState(run, models_of(whole[-1]).stop if whole else 0, "; ".join(missing))


def _lacking(run: RunPlan, block: str, jobs: Jobs) -> Iterator[Job]:
    """The jobs of a block that the run waits for, the first of each chain."""
    for stage in _sources(run):
        job = jobs.get((stage.path, block))
        if job and job.state != DONE:
            yield _first(job, jobs)


def _first(job: Job, jobs: Jobs) -> Job:
    """Of what a job waits for, the first that is not done: teachers, then training, then what is read off it."""
    before = [job.stage.parent, *(job.stage.needs.values() if job.stage.kind == TRAIN else ())]
    waits = (jobs.get((stage.path, job.block)) for stage in before if stage)
    return next((_first(other, jobs) for other in waits if other and other.state != DONE), job)


def _cause(trained: Mapping[str, str], job: Job, with_words: bool) -> str:
    whose = trained[job.stage.path if job.stage.kind == TRAIN else job.stage.parent.path]
    what = f"training of {whose}" if job.stage.kind == TRAIN else f"{job.stage.slug} of {whose}"
    if job.state != FAILED:
        return f"{what} {_WORDS[job.state]}"
    if not with_words:
        return f"{what} failed"
    said = job.last_line.partition(f"{FAILURE} on ")[2].partition(", ")[2].partition(" (details: ")[0]
    return f"{what} failed: {said if len(said) <= _LONGEST else said[:_LONGEST] + ' ...'}"


def _trained_by(plan: StudyPlan) -> dict[str, str]:
    """The run, or hidden run, that is named for each training."""
    return {run.train.path: run.name for run in reversed(plan.all_runs)}


def _ranges(blocks: Iterable[str]) -> str:
    """`0 to 15, 24 to 31` of adjacent blocks."""
    found: list[range] = []
    for models in map(models_of, blocks):
        if found and found[-1].stop == models.start:
            found[-1] = range(found[-1].start, models.stop)
        else:
            found.append(models)
    return ", ".join(f"{models.start} to {models.stop - 1}" for models in found)
