"""Which failed jobs Snakemake tries again, and what it notes of those that could not say themselves why they failed.

Snakemake knows retries a rule, not a reason: an exception in a job would be repeated with ever more memory and time,
from the end of the queue. It asks each failed job how many attempts it has (`Job.restart_times`) after its executor has
told of the failure (`print_job_error`). Both are read here: what the executor says becomes a note beside the job's log,
and a job whose note says that nothing is to be gained has no further attempt. Snakemake 9.27 has no setting for either.
"""

import os
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from snakemake.jobs import GroupJob, Job
from snakemake.logging import logger
from snakemake_interface_executor_plugins.executors.base import AbstractExecutor, SubmittedJobInfo

from memdyn.jobs import failure
from memdyn.jobs.atomic import no_room
from memdyn.jobs.failure import ERROR, REFUSED, Failure

ENDED = "FAILED"  # SLURM's word for a job that ended with an error of its own
_STATE = re.compile(r"SLURM status is: '(\w+)")
_REFUSED = re.compile(
    r"SLURM sbatch failed\. The error message was '(.*?)'\.\n|submission failed with exception: (.*)", re.S
)
# what sbatch says where SLURM's controller is away or busy, or too many jobs wait: nothing of the job
_AWAY = re.compile(
    r"unable to contact|timed out|temporarily un|connection|communication|zero bytes|authentication|submit limit", re.I
)
# the last words of Python, or of a job's Snakemake, where a job did not come to its own first line
_NOT_BEGUN = re.compile(
    r"^\s*((?:ModuleNotFoundError|ImportError|SyntaxError): .*|.*bad config:.*|.* is not part of the study as .*)$",
    re.M,
)
_END_OF_LOG = 1 << 16  # bytes


def watch() -> None:
    """From now on, in this process, and with a token that the jobs of this Snakemake inherit."""
    os.environ[failure.TOKEN] = secrets.token_hex(8)
    if hasattr(AbstractExecutor.print_job_error, "__wrapped__"):  # this process has read the Snakefile before
        return
    AbstractExecutor.print_job_error = _noting(AbstractExecutor.print_job_error)
    for kind in (Job, GroupJob):
        kind.restart_times = property(_sparing(kind.restart_times.fget))


def _noting(tell: Callable[..., None]) -> Callable[..., None]:
    @wraps(tell)
    def print_job_error(executor: Any, job_info: SubmittedJobInfo, msg: str | None = None, **more: Any) -> None:
        job = job_info.job
        note(members(job), msg or "", (job_info.aux or {}).get("slurm_logfile"), _asked(job))
        found = _notes(job)
        waits = job.restart_times > job.attempt - 1  # as the scheduler will ask in a moment
        if waits:
            for log, each in found.items():
                failure.write(replace(each, waits=True), log)
        words = " ".join(dict.fromkeys(each.words for each in found.values() if each.words))
        if words:
            spared = _planned_attempts(job) > job.attempt and not all(each.again for each in found.values())
            hopeless = " (not tried again: it would fail again)" if spared else ""
            msg = f"{words}{hopeless} {msg or ''}".rstrip()
        if job.is_group() and msg:  # Snakemake tells of a group without it
            logger.error(f"Group {job.name}: {msg}")
        tell(executor, job_info, msg, **more)

    return print_job_error


def _sparing(attempts: Callable[[Any], int]) -> Callable[[Any], int]:
    def restart_times(job: Any) -> int:
        return attempts(job) if all(each.again for each in _notes(job).values()) else 0

    return restart_times


def _planned_attempts(job: Any) -> int:
    """How often it would be started if it failed each time."""
    return 1 + max(each.rule.restart_times for each in members(job))


def members(job: Any) -> list[Any]:
    """The jobs of a group, or the job."""
    return list(job.jobs) if job.is_group() else [job]


def _notes(job: Any) -> dict[str, Failure]:
    """What this Snakemake's attempts on a job, or on those of a group, ended in, by their logs."""
    found = {each.log[0]: failure.read(each.log[0]) for each in members(job) if each.log}
    return {log: each for log, each in found.items() if each and each.run == failure.token()}


def _asked(job: Any) -> dict[str, int]:
    given = {name: job.resources.get(name) for name in ("mem_mb", "runtime")}
    return {name: int(value) for name, value in given.items() if isinstance(value, int | float)}


def note(jobs: list[Any], said: str, slurm_log: str | os.PathLike[str] | None, asked: dict[str, int]) -> None:
    """Writes the notes of jobs that failed together and that have not made what they were to make.

    Args:
        jobs: Snakemake's, each with `rule.name`, `log` and `output`.
        said: the executor's message.
        slurm_log: what SLURM saw, where there is such a log.
        asked: mem_mb, runtime.
    """
    left = [each for each in jobs if each.log and not all(map(os.path.exists, each.output))]
    state = found[1] if (found := _STATE.search(said)) else ""
    if found := _REFUSED.search(said):
        words = _reason(found[1] or found[2])
        new = (REFUSED, words, bool(_AWAY.search(words)))
    elif state and state != ENDED:
        new = (state, f"SLURM ended it: {state}.", True)
    elif state and not any(_own(each) for each in left):
        if not (words := _last_words(slurm_log, left)):
            return
        new = (ERROR, words, False)
    else:
        return
    for each in left:
        failure.write(Failure(failure.token(), each.rule.name, *new, asked), each.log[0])


def _own(job: Any) -> bool:
    found = failure.read(job.log[0])
    return found is not None and found.run == failure.token()


def _reason(said: str) -> str:
    """`Requested time limit is invalid`, of all the lines of sbatch."""
    lines = [line.removeprefix("sbatch: error:").strip() for line in said.strip().splitlines()]
    return "; ".join(dict.fromkeys(line.removeprefix("Batch job submission failed:").strip() for line in lines if line))


def _last_words(slurm_log: str | os.PathLike[str] | None, jobs: list[Any]) -> str:
    """Why jobs cannot be done that left no note themselves; nothing where that is not known."""
    try:
        end = Path(slurm_log or "").read_bytes()[-_END_OF_LOG:].decode(errors="replace")
    except OSError:
        end = ""
    if found := _NOT_BEGUN.findall(end):
        return found[-1].strip()
    full = [folder for each in jobs if (folder := Path(each.log[0]).parent).exists() and no_room(folder)]
    return f"NoRoom: the disk is full, or a quota on it: {full[0]}" if full else ""
