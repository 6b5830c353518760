"""Weights that all have read are deleted, by the Snakemake that has seen to it: before its first job, and after each.

Never by a job: it may outlive its Snakemake, and the next one may have planned to read the block already. Nor as
Snakemake's temporary files: it knows of one study, and weights are shared. Another study that has still to read a
block, or keeps all of them, has left a note (`memdyn.operations.wanted`). A folder goes as a whole: nobody finds half.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from memdyn.jobs.atomic import discard
from memdyn.jobs.retention import is_temporary
from memdyn.operations.wanted import others_wanted
from memdyn.operations.weights import Readers
from memdyn.plan.files import CHECKPOINTS
from memdyn.plan.study import StudyPlan

Block = tuple[str, str]  # folder of a training, below the results; name of one of its blocks


def discard_read(plan: StudyPlan, blocks: Iterable[Block] | None = None) -> None:
    """Deletes weights that were to be deleted once read, and that everybody has read.

    Args:
        blocks: those in question; None: all of the study, of which an earlier start may have left some, being killed.
    """
    if plan.study.config.keep_checkpoints == "all":
        return
    if blocks is None:
        blocks = ((train.path, block) for train, block in plan.trained_blocks())
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
            discard(results / train / block / CHECKPOINTS)


def watch(graph: type, plan: StudyPlan) -> None:
    """From now on, in this process: after each job, where Snakemake deletes what is temporary to it.

    Args:
        graph: Snakemake's class of it.
    """
    own = getattr(
        graph.handle_temp, "__wrapped__", graph.handle_temp
    )  # this process may have read the Snakefile before

    @wraps(own)
    async def handle_temp(dag: Any, job: Any) -> None:
        await own(dag, job)  # which calls this for each job of a group
        if not (job.is_group() or dag.workflow.dryrun or dag.workflow.storage_settings.notemp):
            with suppress(OSError):  # the next start tries again
                discard_read(plan, list(_done_with(dag, job)))

    graph.handle_temp = handle_temp


def _done_with(dag: Any, job: Any) -> Iterator[Block]:
    """Blocks whose weights a job has made or read, unless they were asked for by name, or another job of this run will.

    One that is forced reads them again.
    """
    for maker in (job, *dag.dependencies[job]):
        weights = maker.output.get(CHECKPOINTS)
        if weights and not dag.is_needed_tempfile(maker, weights):
            wildcards = maker.wildcards_dict
            yield f"{wildcards['pool']}/{wildcards['run']}", wildcards["block"]
