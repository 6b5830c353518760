"""The jobs of a run of Snakemake, as its events tell: done, running or failed, each of a run of the study."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import mean

from memdyn.design.blocks import models_of
from memdyn.plan.study import StudyPlan

STUDY = "study"  # what is of several runs: the pool, tables, figures, the report
TARGET = "all"  # Snakemake's last job, which asks for files and does nothing
# training and scoring, whose time is known better by models (`memdyn.operations.progress`)
_BY_MODELS = ("train_block", "probe_block")
_MODELS = ("block", "masks")  # wildcards that are no folder of a stage


@dataclass(frozen=True)
class Told:
    """A job as a person knows it.

    Attributes:
        run: its name in the study.
        what: the attack, or what is read off the networks, where a run has several.
        models: "models 0 to 7"; empty where it is of all.
        log: of what it says; empty where it has none.
    """

    rule: str
    run: str
    models: str
    log: str = ""
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

    def told(self, rule: str, wildcards: Mapping[str, str], log: str = "") -> Told:
        """wildcards: in the order of the path, each the name of a folder in the one before it."""
        folders = [value for name, value in wildcards.items() if name not in _MODELS]
        paths = ("/".join(folders[:depth]) for depth in range(len(folders), 0, -1))
        run = next((self._runs[path] for path in paths if path in self._runs), STUDY)
        block = next((wildcards[name] for name in _MODELS if name in wildcards), "")
        models = models_of(block) if block.startswith("block-") else None
        what = self._whats.get("/".join(folders), "")
        return Told(rule, run, f"models {models.start} to {models.stop - 1}" if models else "", log, what)


@dataclass
class Tally:
    """Counts by (run, rule).

    Attributes:
        totals: jobs of this run of Snakemake, without its target.
        running: number of a job -> itself, and when it began.
        failed: for good; one that is tried again leaves.
        seconds: of finished jobs, by rule.
    """

    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    jobs: dict[int, Told] = field(default_factory=dict)
    running: dict[int, float] = field(default_factory=dict)
    failed: dict[int, Told] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    started: float = field(default_factory=time.monotonic)

    def expect(self, jobs: Iterable[Told]) -> None:
        """jobs: in the order of the work."""
        self.totals = Counter((job.run, job.rule) for job in jobs if job.rule != TARGET)

    def begin(self, number: int, job: Told) -> None:
        """A job that begins; again where it is tried once more."""
        self.jobs[number] = job
        self.running[number] = time.monotonic()

    def finish(self, number: int) -> Told | None:
        """The job, with its seconds noted; None for the target."""
        job, began = self.jobs.get(number), self.running.pop(number, None)
        if job is None or job.rule == TARGET:
            return None
        self.done[job.run, job.rule] += 1
        if began is not None:
            self.seconds[job.rule].append(time.monotonic() - began)
        return job

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

    def seconds_after_scoring(self, expected: float) -> float:
        """Seconds of the jobs that are left after scoring, one after the other.

        Args:
            expected: seconds of one of whose rule none has finished.
        """
        left = {key: number - self.done[key] for key, number in self.totals.items() if key[1] not in _BY_MODELS}
        return sum(
            number * (mean(self.seconds[rule]) if self.seconds.get(rule) else expected)
            for (_, rule), number in left.items()
        )
