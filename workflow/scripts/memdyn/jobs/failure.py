"""Why a job failed: a note beside its log, `train.log` -> `train.failed.json`, for the Snakemake that waits for it, and
for people.

A job that ends with an error of its own leaves one; for those that could not (a time limit, want of memory, a refused
submission) Snakemake does. Only the note of the Snakemake that is running counts: its token is in every note, and comes
to the jobs in their environment. The next attempt removes the note when it begins.
"""

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from memdyn.jobs.atomic import NoRoom, atomic_path
from memdyn.jobs.lease import LeaseLost

SUFFIX = ".failed.json"
TOKEN = "MEMDYN_RUN"
ERROR, REFUSED = "ERROR", "REFUSED"  # besides the states of SLURM
# The rest of what an operating system may answer comes and goes on the file systems of clusters.
_STAYS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS})


@dataclass(frozen=True)
class Failure:
    """One failed attempt.

    Attributes:
        run: token of the Snakemake that planned it.
        cause: ERROR (an exception in the job), REFUSED (the submission), or the state that SLURM ended it in.
        words: what the job, or SLURM, says.
        again: whether another attempt may end better.
        asked: what it had asked for, where that may have been too little: mem_mb, runtime (minutes).
        waits: whether the next attempt is in the queue.
    """

    run: str
    rule: str
    cause: str
    words: str
    again: bool
    asked: dict[str, int] = field(default_factory=dict)
    waits: bool = False


def token() -> str:
    """Of the Snakemake that runs this process; empty where there is none."""
    return os.environ.get(TOKEN, "")


def note_of(log: str | os.PathLike[str]) -> Path:
    """Where the note of a job is, by its log."""
    return Path(log).with_suffix(SUFFIX)


def write(failure: Failure, log: str | os.PathLike[str]) -> None:
    with atomic_path(note_of(log), durable=False) as temporary:
        temporary.write_text(json.dumps(asdict(failure), indent=1) + "\n", encoding="utf-8")


def read(log: str | os.PathLike[str]) -> Failure | None:
    """The note of the last attempt of a job; None where there is none, or none that can be read."""
    try:
        return Failure(**json.loads(note_of(log).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def forget(log: str | os.PathLike[str]) -> None:
    note_of(log).unlink(missing_ok=True)


def worth_another_attempt(error: BaseException) -> bool:
    """Whether more memory, another node or a little time may mend it.

    Want of memory may, and so may most that an operating system answers, for file systems of clusters have bad moments;
    no room, no permission, changed code, a GPU that is not there and errors in code may not.
    """
    if any(isinstance(each, NoRoom) for each in chain(error)):
        return False
    if isinstance(error, OSError):
        return error.errno not in _STAYS and not isinstance(error, FileNotFoundError)
    # torch says so of the processor's memory; that of a GPU is the same size in the next attempt
    return isinstance(error, MemoryError | LeaseLost) or "DefaultCPUAllocator: can't allocate memory" in str(error)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
