"""What each finished job took, in a file of its own beside its log: `train.log` -> `train.job.json`.

Written once, when the job ends well, and only by the job that made the outputs. One that fails, that is killed, or that
found its work done by another leaves none; neither do several jobs of a folder ever write one file.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from memdyn.identity.recipe import RECIPE, circumstances
from memdyn.jobs.atomic import atomic_path, is_own_work
from memdyn.jobs.usage import Meter

SUFFIX = ".job.json"


@dataclass(frozen=True)
class JobRecord:
    """A finished job.

    Attributes:
        job: which of its stage's: the place of its record in the folder, `block-0000-0007/train`.
        started, ended: UTC.
        seconds, cpu_seconds, peak_mb, peak_cuda_mb: see `memdyn.jobs.usage.Meter`. Of the job that came to the end:
            what earlier attempts took, from whose progress it went on, is not in them.
        digest: of the code that it ran, which a folder keeps that was adopted by other code.
        slurm_job: empty where there was no SLURM.
    """

    job: str
    rule: str
    started: str
    ended: str
    seconds: float
    cpu_seconds: float
    threads: int
    peak_mb: float
    peak_cuda_mb: float | None
    host: str
    slurm_job: str
    commit: str
    digest: str
    versions: dict[str, str]


class Recorder:
    """Measures a job from now on; `write` belongs at its end."""

    def __init__(self, path: Path, rule: str, threads: int, outputs: Sequence[str]) -> None:
        self.path, self.rule, self.threads, self.outputs = path, rule, threads, outputs
        self.meter, self.circumstances, self.process = Meter(), circumstances(), os.getpid()
        if path.exists() and not all(map(os.path.exists, outputs)):
            path.unlink()  # of an earlier job, whose outputs were deleted

    def write(self, digest: str, versions: dict[str, str]) -> None:
        """Writes the record, unless the outputs are another's, or this is a process that the job has forked."""
        if self.process == os.getpid() and all(map(is_own_work, self.outputs)):
            made = {name: self.circumstances[name] for name in ("host", "slurm_job", "commit")}
            record = JobRecord(
                job="",
                rule=self.rule,
                started=self.circumstances["at"],
                ended=datetime.now(UTC).isoformat(timespec="seconds"),
                threads=self.threads,
                digest=digest,
                versions=versions,
                **made,
                **self.meter.read(),
            )
            content = {name: value for name, value in asdict(record).items() if name != "job"}
            with atomic_path(self.path) as temporary:
                temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def record_path(log: str | Path, folder: str | Path) -> Path:
    """Beside the log, or in the stage's folder where the log lies elsewhere."""
    log, folder = Path(log), Path(folder)
    return (log if log.is_relative_to(folder) else folder / log.name).with_suffix(SUFFIX)


def job_records(folder: str | Path) -> list[JobRecord]:
    """The records of the jobs of one stage, by its folder; those of the stages that lie in it are not among them.

    Raises:
        ValueError: naming a file that is no record.
    """
    folder = Path(folder)
    below = [path for path in folder.glob(f"*/*{SUFFIX}") if not (path.parent / RECIPE).exists()]
    return [_read(path, folder) for path in sorted([*folder.glob(f"*{SUFFIX}"), *below])]


def _read(path: Path, folder: Path) -> JobRecord:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name: content[field.name] for field in fields(JobRecord) if field.name != "job"}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no record of a job ({type(error).__name__}: {error})") from None
    return JobRecord(job=path.relative_to(folder).as_posix().removesuffix(SUFFIX), **known)
