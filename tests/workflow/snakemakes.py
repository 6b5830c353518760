"""Snakemakes in processes of their own, which can be killed with their jobs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from project import Project

ENVIRONMENT = dict(os.environ) | {"OMP_NUM_THREADS": "1"}


@cache
def importing() -> float:
    """Seconds of a processor to import the largest library of a job."""
    code = "import time, torch; print(time.process_time())"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


class Snakemakes:
    """Snakemakes of a project, one after the other. What a user types is in `start` and `finish`.

    Attributes:
        wanted: what is added to their command line.
        python: what starts them. One by `warm.python` hears no Ctrl-C, and takes its jobs along when it is killed.
    """

    def __init__(self, project: Project, *wanted: str, python: str | Path = sys.executable) -> None:
        self.project, self.wanted, self.python = project, wanted, python
        self.importing = importing()  # measured before there is a job to look at
        self.seen: set[psutil.Process] = set()
        self.process: psutil.Popen | None = None

    def __enter__(self) -> "Snakemakes":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.seen:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def start(self) -> None:
        """`snakemake`, after `snakemake --unlock` where a Snakemake was killed; nothing else is needed."""
        if list(self.project.folder.glob(".snakemake/locks/*")):
            self.project.run("--unlock")
        with (self.project.folder / "snakemake.log").open("ab") as log:
            options = ["--cores", "1", "--configfile", "study.yaml", *self.wanted]
            self.process = psutil.Popen(
                [self.python, "-m", "snakemake", *options],
                cwd=self.project.folder,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # where tests run in the background of a script, they and all below them would be deaf to Ctrl-C
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.seen.add(self.process)

    def job(self) -> psutil.Process | None:
        """The process of the script that trains or scores, while it runs."""
        with suppress(psutil.NoSuchProcess):
            for child in self.process.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if " ".join(child.cmdline()[1:]).endswith(("train_block.py", "probe_block.py")):
                        self.seen.add(child)
                        return child
        return None

    def works(self) -> bool:
        """Whether there is a job that is past its imports."""
        with suppress(psutil.NoSuchProcess):
            return bool(job := self.job()) and job.cpu_times().user > self.importing
        return False

    def kill(self, victim: str) -> bool:
        """kill -9; whether there was somebody to kill."""
        runs, job = self.process.poll() is None, self.job()
        if victim == "both" and runs:
            os.killpg(self.process.pid, signal.SIGKILL)
        elif victim == "snakemake" and runs:
            self.process.kill()
        elif victim == "job" and job:
            with suppress(psutil.NoSuchProcess):  # it ended by itself just now
                job.kill()
        self.process.wait(300)
        return bool(job) if victim == "job" else runs

    def wait(self, ready: Callable[[], object]) -> None:
        """Until `ready` says so."""
        end = time.monotonic() + 200
        while True:
            ended = self.process.poll() is not None  # asked first: what it did last must count
            if ready():
                return
            assert not ended and time.monotonic() < end, self.said()
            time.sleep(0.02)

    def finish(self) -> None:
        assert self.process.wait(300) == 0, self.said()

    def said(self) -> str:
        return (self.project.folder / "snakemake.log").read_text()
