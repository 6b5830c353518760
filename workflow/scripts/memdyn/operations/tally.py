"""The jobs of a run of Snakemake, as its events tell: done, running or failed, each of a run of the study."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from memdyn.design.blocks import models_of
from memdyn.operations.places import shown
from memdyn.operations.work import Seen
from memdyn.plan.study import StudyPlan

STUDY = "study"  # what is of several runs: the pool, tables, figures, the report
TARGET = "all"  # Snakemake's last job, which asks for files and does nothing
_MODELS = ("block", "masks")  # wildcards that are no folder of a stage


@dataclass(frozen=True)
class Told:
    """A job as a person knows it.

    Attributes:
        run: its name in the study.
        what: the attack, or what is read off the networks, where a run has several.
        models: "models 0 to 7"; empty where it is of all.
        log: of what it says; empty where it has none.
        stage: the key of its work (`memdyn.operations.work`); empty where it is none, as of a pool.
        units: of that work.
    """

    rule: str
    run: str
    models: str
    log: str = ""
    stage: str = ""
    units: int = 1
    what: str = ""

    def __str__(self) -> str:
        of_run = f" of {self.run}" if self.run != STUDY else ""
        what = f" {self.what}" if self.what else ""
        return f"{self.rule}{what}{of_run}{f', {self.models}' if self.models else ''}"


class Names:
    """Finds the run of a job from the wildcards of its rule."""

    def __init__(self, plan: StudyPlan) -> None:
        self._runs: dict[str, str] = {}
        self._whats: dict[str, str] = {}
        for run in plan.all_runs:
            of_several = (run.attacks, {} if len(run.probes) < 2 else run.probes)
            self._whats |= {stage.path: name for stages in of_several for name, stage in stages.items()}
            for stage in run.stages():
                if stage.parent:  # a pool is of all
                    self._runs.setdefault(stage.path, run.name)
        self._of_all = {Path(stage.roots[0]).stem: stage.folder for stage in shown(plan)}  # by their rules

    def told(self, rule: str, wildcards: Mapping[str, str], log: str = "") -> Told:
        """wildcards: in the order of the path, each the name of a folder in the one before it."""
        folders = [value for name, value in wildcards.items() if name not in _MODELS]
        paths = ("/".join(folders[:depth]) for depth in range(len(folders), 0, -1))
        stage = next((path for path in paths if path in self._runs), self._of_all.get(rule, ""))
        block = next((wildcards[name] for name in _MODELS if name in wildcards), "")
        models = models_of(block) if block.startswith("block-") else range(1)
        told = f"models {models.start} to {models.stop - 1}" if block.startswith("block-") else ""
        what = self._whats.get(stage, "")
        return Told(rule, self._runs.get(stage, STUDY), told, log, stage, len(models), what)


@dataclass
class Tally:
    """Counts by (run, rule).

    Attributes:
        totals: jobs of this run of Snakemake, without its target.
        running: number of a job -> itself, and when it began.
        failed: for good; one that is tried again leaves.
        finished: those of each stage: their units and seconds.
        stages: of all jobs of this run of Snakemake.
    """

    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    jobs: dict[int, Told] = field(default_factory=dict)
    running: dict[int, float] = field(default_factory=dict)
    failed: dict[int, Told] = field(default_factory=dict)
    finished: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    stages: set[str] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)

    def expect(self, jobs: Iterable[Told]) -> None:
        """jobs: in the order of the work."""
        jobs = [job for job in jobs if job.rule != TARGET]
        self.totals = Counter((job.run, job.rule) for job in jobs)
        self.stages = {job.stage for job in jobs}

    def begin(self, number: int, job: Told) -> None:
        """A job that begins; again where it is tried once more."""
        self.jobs[number] = job
        self.running[number] = time.monotonic()

    def finish(self, number: int) -> tuple[Told, float | None] | None:
        """The job and its seconds, which are noted, where it was seen to begin; None for the target."""
        job, began = self.jobs.get(number), self.running.pop(number, None)
        if job is None or job.rule == TARGET:
            return None
        self.done[job.run, job.rule] += 1
        if began is None:
            return job, None
        seconds = time.monotonic() - began
        self.finished[job.stage].append((job.units, seconds))
        return job, seconds

    def fail(self, number: int) -> Told | None:
        self.running.pop(number, None)
        if job := self.jobs.get(number):
            self.failed[number] = job
        return job

    def try_again(self, number: int) -> Told | None:
        return self.failed.pop(number, None)

    @property
    def of_rules(self) -> Counter[str]:
        """Jobs of each rule that this run of Snakemake starts."""
        counts: Counter[str] = Counter()
        for (_, rule), number in self.totals.items():
            counts[rule] += number
        return counts

    def seen(self) -> dict[str, Seen]:
        """The jobs of each stage, those that run now among them."""
        now, running = time.monotonic(), defaultdict(list)
        for number, began in list(self.running.items()):
            if job := self.jobs.get(number):
                running[job.stage].append((job.units, now - began))
        finished = {stage: tuple(jobs) for stage, jobs in list(self.finished.items())}
        return {stage: Seen(finished.get(stage, ()), tuple(running.get(stage, ()))) for stage in {*finished, *running}}
