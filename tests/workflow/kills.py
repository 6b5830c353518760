"""A study whose Snakemake and jobs are killed at random moments, until it is done all the same.

study = Killed(project, warm=True, files=written_by_an_undisturbed_one, draw=random.Random(seed))
study.run(kills=50)
study.hits[("all", "train_block")]

A moment is drawn uniformly over the time that the undisturbed study took, and is one of the study's course, not of the
clock: so many files are there, and so many seconds since. So kills spread over all stages, whatever the starts cost.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import warm
from memdyn.operations.wanted import WANTED
from project import ENVIRONMENT, Project

SCRIPT = re.compile(r"\.snakemake/scripts/[^/]*\.(\w+)\.py$")
# who is killed, and how often: all that runs; Snakemake alone, whose jobs live on; one job alone
VICTIMS = {"all": 5, "snakemake": 2, "job": 3}


@dataclass
class Running:
    """A study that runs in the project's folder, alone there."""

    project: Project
    warm: bool
    process: Any = None
    said: str = ""

    def start(self) -> None:
        """`snakemake`, after `snakemake --unlock` where one was killed; nothing else is needed."""
        if list(self.project.folder.glob(".snakemake/locks/*")):
            self.project.run("--unlock")
        arguments, folder = ["--cores", "2", "--configfile", "study.yaml"], self.project.folder
        with self._log.open("ab") as log, open(os.devnull) as nothing:
            streams = [nothing.fileno(), log.fileno(), log.fileno()]
            if self.warm:
                environment = ENVIRONMENT | {warm.PYTHON: str(warm.python())}
                self.process = warm.Process(warm.server("snakemake"), arguments, folder, environment, streams)
            else:
                command = [sys.executable, "-m", "snakemake", *arguments]
                streams = dict(zip(("stdin", "stdout", "stderr"), streams, strict=True))
                self.process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, start_new_session=True, **streams)

    @property
    def _log(self) -> Path:
        folder = self.project.folder / ".snakemake"
        folder.mkdir(exist_ok=True)
        return folder / "killed.log"

    def log(self) -> str:
        """What all Snakemakes and their jobs said."""
        return self._log.read_text()

    def processes(self) -> list[psutil.Process]:
        """All that runs in the folder: Snakemake, its jobs, and jobs that outlived their Snakemake."""
        return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(self.project.folder)]

    def jobs(self) -> dict[psutil.Process, str]:
        """Process of each job's script -> its rule."""
        found = {}
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                line = process.cmdline()
                if line and Path(line[0]).name.startswith("python") and (script := SCRIPT.search(line[-1])):
                    found[process] = script[1]
        return found


def made(project: Project) -> dict[str, float]:
    """File of the results -> when it was written; without records of jobs and checkouts, links, and Snakemake's own."""
    files = (path for path in project.results.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        path.relative_to(project.results).as_posix(): path.stat().st_mtime
        for path in files
        if not path.name.endswith((".log", ".job.json", ".snakemake_timestamp")) and not path.match(WANTED)
    }


@dataclass
class Killed(Running):
    """A study that is killed.

    Attributes:
        files: of the undisturbed study, as `made`, but seconds since its start.
        draw: of moments and victims.
        hits: (victim, what ran) -> how often.
        done: the record of each job that had ended well before a kill -> when it was written.
    """

    files: dict[str, float] = field(default_factory=dict)
    draw: random.Random = field(default_factory=random.Random)
    hits: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: dict[Path, float] = field(default_factory=dict)

    def run(self, kills: int) -> None:
        """To its end, through so many kills."""
        times = sorted(self.files.values())
        moments = sorted(self.draw.uniform(0, times[-1]) for _ in range(kills))
        self.start()
        for moment in moments:
            before = bisect_right(times, moment)
            self._reach(before)
            time.sleep(moment - (times[before - 1] if before else 0.0))
            self._kill(self.draw.choices([*VICTIMS], [*VICTIMS.values()])[0])
            if self.process.poll() is not None:
                self.start()
        while self.process.wait(1800) != 0:  # a job that was killed alone ends its Snakemake with an error
            assert self.hits, self.log()
            self.start()
        for process in self.processes():  # that outlived their Snakemake
            with suppress(psutil.NoSuchProcess):
                process.wait(120)

    def _reach(self, files: int) -> None:
        """Waits until so many files are there, with a Snakemake at work."""
        end = time.monotonic() + 1800
        while sum(Path(self.project.results, file).exists() for file in self.files) < files:
            assert time.monotonic() < end, self.log()
            if self.process.poll() is not None:  # a job was killed alone
                self.start()
            time.sleep(0.05)

    def _kill(self, victim: str) -> None:
        """kill -9, all of it at once or one alone."""
        self.done |= {path: path.stat().st_mtime for path in self.project.results.rglob("*.job.json")} | self.done
        jobs = self.jobs()
        what = "+".join(sorted(set(jobs.values()))) or ("between jobs" if self.process.poll() is None else "at the end")
        if victim == "job":
            if not jobs:
                self.hits["nobody", what] += 1
                return
            process = self.draw.choice(sorted(jobs, key=lambda process: process.pid))
            self.hits[victim, jobs[process]] += 1
            kill(process)
            return
        self.hits[victim, what] += 1
        if victim == "all":
            while found := self.processes():
                for process in found:
                    kill(process)
        else:
            for process in self.processes():
                if process not in jobs and not _is_of_a_job(process, jobs):
                    kill(process)
        self.process.wait(60)


def _is_of_a_job(process: psutil.Process, jobs: dict[psutil.Process, str]) -> bool:
    with suppress(psutil.NoSuchProcess):
        return "python" in process.cmdline()[2:4] or bool(jobs.keys() & {*process.parents()})  # a warm one's fork
    return True


def kill(process: psutil.Process) -> None:
    """kill -9, unless it has ended."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)
