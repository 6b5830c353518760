"""What is left: a line now and then while Snakemake runs, from the files and the jobs that it leaves."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from memdyn.operations.after_scoring import work_after_scoring
from memdyn.operations.counted import Count
from memdyn.operations.effort import efforts
from memdyn.operations.nets import Nets
from memdyn.operations.tally import Tally
from memdyn.operations.work import Seen, Work, left
from memdyn.plan.study import StudyPlan

_EVERY_SECONDS = 10.0


@dataclass
class Models:
    """Since when the trainings of each run are as far as they are.

    Attributes:
        seen: path of a training -> models that were to come when last looked at, and since when.
    """

    seen: dict[str, tuple[float, float]] = field(default_factory=dict)

    def stand(self, works: Sequence[Work], now: float) -> dict[str, float]:
        """Path -> seconds for which nothing of it has come any further."""
        for work in works:
            if work.key not in self.seen or self.seen[work.key][0] != work.units:
                self.seen[work.key] = work.units, now
        return {work.key: now - self.seen[work.key][1] for work in works}


def of_models(seen: Mapping[str, Seen], standing: Mapping[str, float]) -> dict[str, Seen]:
    """The jobs of training as `left` takes them.

    What is done of one that runs is seen by its models, so that of its time only that counts in which nothing more was
    seen, and only up to a model.
    """

    def lately(key: str, jobs: Seen) -> Seen:
        if key not in standing:
            return jobs
        return Seen(jobs.finished, tuple((1.0, min(seconds, standing[key])) for _, seconds in jobs.running))

    return {key: lately(key, jobs) for key, jobs in seen.items()}


class Progress(threading.Thread):
    """Tells the line every ten seconds in which it has changed, until the process ends; nothing where none is trained.

    Args:
        slots: jobs that run side by side.
        tally: of this run of Snakemake, which knows its jobs.
        tell: takes the line, and the seconds until all is done.
    """

    def __init__(self, plan: StudyPlan, slots: int, tally: Tally, tell: Callable[[str, float], None]) -> None:
        super().__init__(name="progress", daemon=True)
        self.plan, self.slots, self.tally, self.tell = plan, slots, tally, tell
        self.efforts = efforts(plan)
        self.models = Models()

    def run(self) -> None:
        besides: list[Work] | None = None
        while self.plan.trained:
            try:
                if besides is None:
                    besides = [*Nets(self.plan, self.efforts).probes(), *work_after_scoring(self.plan)]
                time.sleep(_EVERY_SECONDS)
                self.tell(*self.look(besides))
            except (OSError, ValueError):  # a file that a job is just replacing: the next look will see it
                continue

    def look(self, besides: Sequence[Work]) -> tuple[str, float]:
        """The line, and the seconds that are left.

        Args:
            besides: all but training, as it was when the run began.
        """
        nets, seen = Nets(self.plan, self.efforts), self.tally.seen()
        training = [work for work in nets.training() if work.key in self.tally.stages]
        standing = self.models.stand(training, time.monotonic())
        others = [without(work, seen.get(work.key, Seen())) for work in besides if work.key in self.tally.stages]
        seconds = left([*training, *others], of_models(seen, standing), self.slots)
        return line([net.count for net in nets.runs], seconds), seconds


def without(work: Work, seen: Seen) -> Work:
    """What is left of it after the jobs that have finished."""
    units = sum(units for units, _ in seen.finished)
    return replace(work, jobs=max(0, work.jobs - len(seen.finished)), units=max(0.0, work.units - units))


def line(counts: Sequence[Count], seconds: float) -> str:
    """How far the models of each run are, and how much is left."""
    wanted, trained = sum(c.to_train for c in counts), sum(c.trained for c in counts)
    runs = ", ".join(f"{c.name} {c.trained}/{c.to_train}" for c in counts if c.to_train)
    told = f"{trained} of {wanted} models trained ({runs}), {sum(c.scored for c in counts)} scored"
    return f"{told}; about {duration(seconds)} left" if seconds else told


def duration(seconds: float, exactly: bool = False) -> str:
    """5 s, 12 min, 3.4 h; to the second, where it was measured: 3 s, 2 min 5 s."""
    if exactly and seconds < 5400:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    if seconds < 90:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
