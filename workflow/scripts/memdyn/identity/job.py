"""What every script does first: find its log, refuse changed code, record the recipe, keep freed memory, and see to it
that what the job took is recorded when it ends well, and why it failed when it does not."""

import atexit
import os
import platform
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

from memdyn.identity.recipe import RECIPE, open_stage, versions
from memdyn.identity.records import Recorder, record_path
from memdyn.jobs import failure
from memdyn.jobs.atomic import NoRoom, sweep_older
from memdyn.jobs.failure import ERROR, Failure
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
    failure.forget(log)
    keep_lines(log)
    recorder = Recorder(record_path(log, folder), snakemake.rule, snakemake.threads, list(snakemake.output))
    shown = [value for name, value in snakemake.wildcards.items() if name not in ("pool", "outputs")]
    tell = teller(log, " ".join([snakemake.rule, *shown]))
    tell(f"begins on {where()}", aloud=False)
    if snakemake.params.get("device") == "cuda" and (gpu := share_gpus()):
        tell(f"on GPU {gpu}")
    keep_freed_memory()
    sys.excepthook = _failure(tell, log, recorder)
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # a closed terminal, but for `nohup`
        signal.signal(signal.SIGHUP, _stop)
    # what reads trained weights runs the code of their net
    net = snakemake.params.get("train", {}).get("roots", ())
    open_stage(stage, folder, net, **inputs)
    atexit.register(sweep_older, [*snakemake.output, recorder.path, Path(folder, RECIPE)], time.time())
    atexit.register(recorder.write, stage["digest"], versions([*stage["roots"], *net]))
    return tell


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    """A time limit, scancel, or Ctrl-C on Snakemake: what is held is let go, so that the next attempt need not wait."""
    raise KeyboardInterrupt


def _failure(tell: Callable[..., None], log: Path, recorder: Recorder) -> Callable[..., None]:
    """What happens to an exception: a line for people, the traceback into the log, a note for Snakemake, no record."""

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        atexit.unregister(recorder.write)
        if issubclass(kind, KeyboardInterrupt):  # Snakemake says so to people, once for all jobs
            tell(f"interrupted on {where()}; what was finished stays, run snakemake again to go on", aloud=False)
            return
        with suppress(OSError), log.open("a") as stream:
            traceback.print_exception(kind, error, trace, file=stream)
        words = f"{kind.__name__}: {error} {'' if isinstance(error, NoRoom) else _full_disk(log.parent)}"
        again = failure.worth_another_attempt(error)
        with suppress(OSError):  # without room for it
            failure.write(Failure(failure.token(), recorder.rule, ERROR, words.strip(), again), log)
        line = f"FAILED on {where()}, {words}(details: {log}; what was finished stays, run snakemake again to go on)"
        tell(line, aloud=not _is_told(failure.read(log)))

    return report


def _is_told(noted: Failure | None) -> bool:
    """Whether the Snakemake that waits for this job, on this machine, will say the same words in a moment."""
    return bool(noted and noted.run and noted.run == failure.token() and not os.environ.get("SLURM_JOB_ID"))


def _full_disk(folder: Path) -> str:
    """Said where there is no room: libraries' own words for it are hard to understand."""
    free = shutil.disk_usage(folder).free
    return f"(THE DISK IS FULL: {free / 1e6:.1f} MB are free) " if free < _NO_ROOM else ""


def where() -> str:
    """The machine, and the job of SLURM where there is one."""
    job = os.environ.get("SLURM_JOB_ID")
    return platform.node() + (f" (SLURM job {job})" if job else "")


def teller(log: str | os.PathLike[str], name: str) -> Callable[..., None]:
    """A function that prints a line, with the time and the job's name, to the console and appends it to `log`.

    With `aloud=False` it goes to the log alone.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)

    def tell(line: str, aloud: bool = True) -> None:
        text = f"{time.strftime('%H:%M:%S')} {name}: {line}"
        if aloud:
            with suppress(BrokenPipeError):  # whoever read it has gone
                print(text, file=sys.stderr, flush=True)
        _append(Path(log), text)

    return tell


def _append(log: Path, text: str) -> None:
    """A line to a log; what it is about must not fail because the log has no room."""
    try:
        with log.open("a") as stream:
            print(text, file=stream)
    except OSError as error:
        print(f"({text!r} is not in {log}: {error})", file=sys.stderr, flush=True)


def keep_lines(log: Path) -> None:
    """Lets a log go on where earlier jobs of the same work ended, or still write: one that outlived its Snakemake.

    Snakemake deletes a job's log before it starts the next attempt. The lines have a second name that it does not know,
    `.train.log`, which gets the first again. Where a file system has no hard links, the log is of the last attempt.
    """
    kept = log.with_name(f".{log.name}")
    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        if not kept.exists():
            log.touch()
            os.link(log, kept)
        elif not log.exists():
            os.link(kept, log)
        elif not log.samefile(kept):  # an older job has written meanwhile
            with kept.open("a") as stream:
                stream.write(log.read_text(errors="replace"))
            log.unlink()
            os.link(kept, log)
