"""A copy of the project, and the Snakemake controllers that a test starts in it.

    checkout = Checkout.copy(folder, cluster)
    run = checkout.start("--configfile", "config/studies/tiny.yaml")
    job = run.wait("a training job", lambda: run.jobs("train_block"), seconds=60)[0]
    run.finish(seconds=120)

Every wait has a bound; a wait that fails interrupts the controller, so that it cancels its jobs, and shows the log.
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from cluster import Cluster
from project import PROJECT, Project

Answer = TypeVar("Answer")

# What the test cluster wants beside the shipped profile: its jobs last seconds.
TEST_CLUSTER = (
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    *("--latency-wait", "10", "--jobs", "8", "--slurm-keep-successful-logs"),
)
SUBMITTED = re.compile(r"has been submitted with SLURM jobid (\d+) \(log: (\S*/(?:rule|group)_(\w+)/\S*)\)")


class Job(NamedTuple):
    """A job that a controller submitted."""

    id: str
    rule: str
    log: Path


@dataclass
class Run:
    """One controller: a Snakemake process that submits jobs to the cluster."""

    process: subprocess.Popen[bytes]
    log: Path

    def text(self) -> str:
        """What the controller has written so far."""
        return self.log.read_text(errors="replace")

    def jobs(self, rule: str = "") -> list[Job]:
        """The jobs submitted so far, in that order, of one rule or of all."""
        found = [Job(id, name, Path(log)) for id, log, name in SUBMITTED.findall(self.text())]
        return [job for job in found if rule in ("", job.rule)]

    def wait(self, what: str, ready: Callable[[], Answer], seconds: float) -> Answer:
        """The first true answer of `ready`; fails when there is none in time or before the controller ends."""
        end = time.monotonic() + seconds
        while True:
            ended = self.process.poll() is not None  # asked first: what it did last must count
            if answer := ready():
                return answer
            if ended or time.monotonic() > end:
                self._fail(f"{'the controller ended' if ended else f'{seconds} s were over'} before: {what}")
            time.sleep(0.1)

    def finish(self, seconds: float, code: int = 0) -> str:
        """Waits for the end and the exit code of the controller; its log."""
        try:
            found = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._fail(f"not finished after {seconds} s")
        if found != code:
            self._fail(f"exit code {found} instead of {code}")
        return self.text()

    def kill(self) -> None:
        """kill -9: no goodbye, the jobs live on."""
        self.process.kill()
        self.process.wait()

    def interrupt(self, seconds: float = 30) -> None:
        """Ctrl-C: the controller cancels its jobs and ends. (At TERM it would wait for them.)"""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def _fail(self, reason: str) -> None:
        self.interrupt()
        logs = [self.log, *sorted(self.log.parent.glob("logs/**/*.log"), key=lambda path: path.stat().st_mtime)[-4:]]
        tails = [f"--- {path}\n{_tail(path, 40)}" for path in logs]
        raise AssertionError("\n".join([reason, *tails]))


@dataclass
class Checkout:
    """A copy of the project in `folder`, whose jobs go to `cluster`."""

    folder: Path
    cluster: Cluster
    runs: list[Run] = field(default_factory=list)

    @classmethod
    def copy(cls, folder: Path, cluster: Cluster) -> "Checkout":
        """Copies what a clone would have, without results."""
        Project.copy(PROJECT, folder)
        return cls(folder, cluster)

    def take(self, results: Path) -> None:
        """Begins with what has been made elsewhere."""
        shutil.copytree(results, self.folder / "results", dirs_exist_ok=True)

    def start(self, *arguments: str, fast: bool = True) -> Run:
        """Starts `snakemake --profile slurm ARGUMENTS`; plainly, or with the fast polling of the tests."""
        snakemake = [str(Path(__file__).with_name("fast_polling.py"))] if fast else ["-m", "snakemake"]
        command = [sys.executable, *snakemake, "--profile", "slurm", *TEST_CLUSTER, *arguments]
        log = self.folder / f"controller-{len(self.runs)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.cluster.env | {"OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                # where tests run in the background of a script, they and all below them would be deaf to Ctrl-C
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.runs.append(Run(process, log))
        return self.runs[-1]

    def close(self) -> None:
        """Interrupts what still runs, then cancels what an ended controller left in the queue."""
        for run in self.runs:
            run.interrupt()
        self.cluster.cancel_all()


def _tail(path: Path, lines: int) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
