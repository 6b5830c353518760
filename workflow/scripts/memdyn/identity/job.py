"""What every script does first: find its log, refuse changed code, record the recipe, keep freed memory, and see to it
that what the job took is recorded when it ends well."""

import atexit
import os
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from memdyn.identity.recipe import RECIPE, open_stage, versions
from memdyn.identity.records import Recorder, record_path
from memdyn.jobs.atomic import sweep_older
from memdyn.jobs.gpus import share_gpus
from memdyn.jobs.heap import keep_freed_memory

_NO_ROOM = 50e6  # bytes: less than a job writes


def start(snakemake: Any, folder: str | Path, **inputs: Any) -> Callable[[str], None]:
    """Opens the stage of `snakemake.params.stage` in `folder`.

    Returns:
        `tell(line)`: prints a line, with the job's name, to the console and to the job's log.

    Raises:
        CodeChanged: where the code was edited after the job was planned.
    """
    stage, log = snakemake.params.stage, Path(snakemake.log[0])
    recorder = Recorder(record_path(log, folder), snakemake.rule, snakemake.threads, list(snakemake.output))
    shown = [value for name, value in snakemake.wildcards.items() if name not in ("pool", "outputs")]
    tell = teller(log, " ".join([snakemake.rule, *shown]))
    if snakemake.params.get("device") == "cuda" and (gpu := share_gpus()):
        tell(f"on GPU {gpu}")
    keep_freed_memory()
    sys.excepthook = _failure(tell, log, recorder)
    # what reads trained weights runs the code of their net
    net = snakemake.params.get("train", {}).get("roots", ())
    open_stage(stage, folder, net, **inputs)
    atexit.register(sweep_older, [*snakemake.output, recorder.path, Path(folder, RECIPE)], time.time())
    atexit.register(recorder.write, stage["digest"], versions([*stage["roots"], *net]))
    return tell


def _failure(tell: Callable[[str], None], log: Path, recorder: Recorder) -> Callable[..., None]:
    """What happens to an exception: one line for people, the traceback into the job's log, no record of the job."""

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        atexit.unregister(recorder.write)
        if issubclass(kind, KeyboardInterrupt):
            tell(f"interrupted on {where()}; what was finished stays, run snakemake again to go on")
            return
        with log.open("a") as stream:
            traceback.print_exception(kind, error, trace, file=stream)
        tell(
            f"FAILED on {where()}, {kind.__name__}: {error} {_full_disk(log.parent)}"
            f"(details: {log}; what was finished stays, run snakemake again to go on)"
        )

    return report


def _full_disk(folder: Path) -> str:
    """Said where there is no room: libraries' own words for it are hard to understand."""
    free = shutil.disk_usage(folder).free
    return f"(THE DISK IS FULL: {free / 1e6:.1f} MB are free) " if free < _NO_ROOM else ""


def where() -> str:
    """The machine, and the job of SLURM where there is one."""
    job = os.environ.get("SLURM_JOB_ID")
    return platform.node() + (f" (SLURM job {job})" if job else "")


def teller(log: str | os.PathLike[str], name: str) -> Callable[[str], None]:
    """A function that prints a line, with the time and the job's name, to the console and appends it to `log`."""
    Path(log).parent.mkdir(parents=True, exist_ok=True)

    def tell(line: str) -> None:
        text = f"{time.strftime('%H:%M:%S')} {name}: {line}"
        with Path(log).open("a") as stream:
            print(text, file=stream)
        print(text, file=sys.stderr, flush=True)

    return tell
