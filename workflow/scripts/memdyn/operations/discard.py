"""Weights that all have read are deleted, by the Snakemake that has seen to it: before its first job, and after each.
Only by one that makes something, not by `--list` and the like, which may be asked while another one runs.

Never by a job: it may outlive its Snakemake, and the next one may have planned to read the block already. Nor as
Snakemake's temporary files: it knows of one study, and weights are shared. Another study that has still to read a
block, or keeps all of them, has left a note (`memdyn.operations.wanted`). A folder goes as a whole: nobody finds half.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from memdyn.design.blocks import progress_folder
from memdyn.jobs.atomic import discard
from memdyn.jobs.lease import LEASE
from memdyn.jobs.retention import is_temporary
from memdyn.operations.locked import is_locked
from memdyn.operations.wanted import note_wanted, others_wanted
from memdyn.operations.weights import Readers
from memdyn.plan.files import CHECKPOINTS
from memdyn.plan.study import StudyPlan

Block = tuple[str, str]  # folder of a training, below the results; name of one of its blocks


def discard_read(plan: StudyPlan, blocks: Iterable[Block]) -> None:
    """Deletes weights that were to be deleted once read, and that everybody has read.

    Args:
        blocks: those in question.
    """
    if plan.study.config.keep_checkpoints == "all":
        return
    readers, results = Readers.of_plan(plan), Path(plan.results)
    read = [
        (train, block)
        for train, block in blocks
        if is_temporary(results / train / block / CHECKPOINTS) and not readers.unread(train, block)
    ]
    if not read:
        return
    try:
        others = others_wanted(plan)
    except (OSError, ValueError):  # what another study needs cannot be told
        return
    for train, block in read:
        if not any(note.is_to_read(results, train, block) for note in others):
            _discard_progress(results / train, block)
            discard(results / train / block / CHECKPOINTS)


def _discard_progress(run: Path, block: str) -> None:
    """The same files under other names, where no probe has come to tidy them up (`memdyn.training.resume`)."""
    progress = progress_folder(run, block)
    if not (progress / LEASE).exists():  # else a job is at work there
        discard(progress)
        with suppress(OSError):  # of other blocks there is some
            progress.parent.rmdir()


def watch(graph: type, plan: StudyPlan) -> None:
    """From now on, in this process: once it is known which jobs run, and after each of them.

    Args:
        graph: Snakemake's class of it.
    """
    # this process may have read the Snakefile before
    own_start, own_end = (getattr(own, "__wrapped__", own) for own in (graph.postprocess, graph.handle_temp))
    # of this checkout's studies the last to start alone has a note, and may want less than the one that runs
    another_runs = is_locked(Path.cwd())

    @wraps(own_start)
    async def postprocess(dag: Any, *args: Any, check_initial: bool = False, **more: Any) -> None:
        await own_start(dag, *args, check_initial=check_initial, **more)
        if check_initial and not another_runs:  # with its lock, right before the first job
            _try_to_discard(dag, lambda: _unneeded(dag, plan))

    @wraps(own_end)
    async def handle_temp(dag: Any, job: Any) -> None:
        """Where Snakemake deletes what is temporary to it."""
        await own_end(dag, job)  # which calls this for each job of a group
        if not job.is_group():
            _try_to_discard(dag, lambda: _done_with(dag, job))

    def _try_to_discard(dag: Any, blocks: Callable[[], Iterator[Block]]) -> None:
        if not (dag.workflow.dryrun or dag.workflow.storage_settings.notemp):
            with suppress(OSError):  # the next start tries again
                discard_read(plan, list(blocks()))

    graph.postprocess, graph.handle_temp = postprocess, handle_temp


def _unneeded(dag: Any, plan: StudyPlan) -> Iterator[Block]:
    """Blocks of the study whose weights no job of this run reads, one that is forced neither, and nobody asked for.

    An earlier start may have left some, being killed.
    """
    needed = _read_by_jobs(dag) | set(map(str, dag.targetfiles))
    yield from (block for weights, block in _all_weights(plan) if weights not in needed)


def reading(dag: Any, plan: StudyPlan) -> list[str]:
    """Trainings of whose weights a job of this run reads any."""
    read = _read_by_jobs(dag)
    return sorted({train for weights, (train, _) in _all_weights(plan) if weights in read})


def discard_at_the_end(dag: Any, plan: StudyPlan) -> None:
    """What another Snakemake was to read, or this one, when the other came to it."""
    note_wanted(plan)
    if not dag.workflow.storage_settings.notemp:
        with suppress(OSError):
            discard_read(plan, [block for _, block in _all_weights(plan)])


def _read_by_jobs(dag: Any) -> set[str]:
    return {str(file) for job in dag.needrun_jobs() for file in job.input}


def _all_weights(plan: StudyPlan) -> Iterator[tuple[str, Block]]:
    for train, block in plan.trained_blocks():
        yield f"{plan.results}/{train.path}/{block}/{CHECKPOINTS}", (train.path, block)


def _done_with(dag: Any, job: Any) -> Iterator[Block]:
    """Blocks whose weights a job has made or read, unless they were asked for by name, or another job of this run will.

    One that is forced reads them again.
    """
    for maker in (job, *dag.dependencies[job]):
        weights = maker.output.get(CHECKPOINTS)
        if weights and not dag.is_needed_tempfile(maker, weights):
            wildcards = maker.wildcards_dict
            yield f"{wildcards['pool']}/{wildcards['run']}", wildcards["block"]
