"""Ctrl-C: what runs here is ended, what runs on a cluster is cancelled by Snakemake, and one line says so.

A terminal that is closed ends a run on this machine in the same way, so that no lock is left; nobody is there to read
the line. The jobs of a cluster live on, as they do without their Snakemake. With `nohup` the run goes on.

A terminal sends Ctrl-C to Snakemake and to every job at once, and each would answer with a traceback. So jobs do not
hear it; Snakemake ends them, in a way that lets them put away what they hold (`memdyn.identity.job.start`).
"""

import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, NoReturn

import psutil
from snakemake.logging import logger
from snakemake.shell import shell

_SNAKEMAKE_STOPS = "Terminating processes on user request"
_SCRIPTS = "/.snakemake/scripts/"  # where Snakemake puts what its jobs run
# what follows, each a surprise to somebody who has just pressed Ctrl-C
_OF_JOBS = ("job_error", "group_error")
_FOLLOWS = re.compile(r"RuleException:|WorkflowError:\s*At least one job did not|--keep-incomplete mode is set")
_SECONDS = 5.0  # for a job to put away what it holds
GO_ON = "what was finished stays; the same command goes on from there"


class Interruption(logging.Filter):
    """Hears Snakemake say that it stops, and keeps to itself what follows from that.

    Args:
        running: -> the jobs that run.
        is_cluster: -> whether jobs that are not local run elsewhere.
    """

    def __init__(self, running: Callable[[], list[Any]], is_cluster: Callable[[], bool]) -> None:
        super().__init__()
        self.running, self.is_cluster, self.happened = running, is_cluster, False
        self.terminals: set[int] = set()  # device numbers

    def watch(self) -> None:
        if "bash" in (shell.get_executable() or ""):
            shell.prefix("set -euo pipefail; trap '' INT; ")  # Snakemake's own, and deaf to Ctrl-C
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            self.terminals = {os.fstat(stream).st_rdev for stream in (0, 1, 2) if os.isatty(stream)}
            signal.signal(signal.SIGHUP, self._hung_up)
        sys.excepthook = _before_any_job
        logger.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_SNAKEMAKE_STOPS):
            self.happened = True
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is heard, and done in seconds
            self._tell()
            _end_jobs()
            return False
        event = str(getattr(getattr(record, "event", None), "value", ""))
        return not (self.happened and (event in _OF_JOBS or _FOLLOWS.match(str(record.msg))))

    def _hung_up(self, signum: int, frame: FrameType | None) -> NoReturn:
        """Each write to a closed terminal is an error: what is open of it, copies too, leads nowhere from now on."""
        if self.is_cluster():  # known once it runs
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.raise_signal(signal.SIGHUP)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in map(int, os.listdir("/dev/fd")):
            with suppress(OSError):  # of the list itself
                if os.fstat(descriptor).st_rdev in self.terminals:
                    os.dup2(nowhere, descriptor)
        os.close(nowhere)
        raise KeyboardInterrupt

    def _tell(self) -> None:
        running = self.running()
        away = [job for job in running if self.is_cluster() and not job.is_local]
        here = len(running) - len(away)
        parts = [f"{_jobs(here)} on this machine {'is' if here == 1 else 'are'} ended"] if here else []
        parts += [f"{_jobs(len(away))} on the cluster {'is' if len(away) == 1 else 'are'} cancelled"] if away else []
        with suppress(BrokenPipeError):  # whoever read it has gone
            print(f"interrupted: {', '.join(parts) or 'no job was running'}; {GO_ON}", file=sys.stderr, flush=True)


def _jobs(number: int) -> str:
    return f"{number} job{'' if number == 1 else 's'}"


def _end_jobs() -> None:
    """Those of this machine, which Snakemake would wait for: they do not hear Ctrl-C."""
    scripts = [each for each in psutil.Process().children(recursive=True) if _runs_script(each)]
    processes = {each for script in scripts for each in (script, *_below(script))}
    for each in processes:
        _send(each.terminate)
    for each in psutil.wait_procs(processes, timeout=_SECONDS)[1]:
        _send(each.kill)


def _runs_script(process: psutil.Process) -> bool:
    try:
        return any(_SCRIPTS in word for word in process.cmdline())
    except psutil.Error:  # ended meanwhile
        return False


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _send(deed: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        deed()


def _before_any_job(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted, before any job was started", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)
