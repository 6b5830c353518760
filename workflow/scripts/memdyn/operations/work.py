"""What of a study is still to be done, and how long that takes: one sum, before it runs and while it runs.

Its terms are the stages of runs: a training, a probe, an attack. While it runs, jobs that have finished tell by how
much the others will miss what was reckoned of them: those of the same stage first, then of the same name, then all.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# where a time comes from: finished jobs; others of the same kind, by the amount of work; a calibration; constants
MEASURED, SCALED, CALIBRATED, ROUGH = "measured", "scaled", "calibrated", "rough"
TRAINING, PROBES, AFTER, ALL_RUNS = range(4)  # tiers: in a run each waits for the one before, the last one for all runs
_AT_FIRST = 0.1  # of all that was reckoned: so much weight it has against all jobs that have finished


@dataclass(frozen=True)
class Work:
    """The jobs of one stage that are still to run.

    Attributes:
        key: path of the stage; its folder, where it is of all runs.
        run: path of the training; empty where it is of all runs.
        tier: see above.
        name: `training`, of the probe or attack, else of the kind of stage.
        jobs: that have not finished.
        units: models that are to be trained or asked, those of begun jobs by what is left of them; else jobs.
        whole: units of the largest job.
        unit: seconds of one, while the machine has nothing else to do; None where nothing tells.
        start: seconds of a job besides.
        source: see above.
    """

    key: str
    run: str
    tier: int
    name: str
    jobs: int
    units: float
    whole: int
    unit: float | None
    start: float
    source: str

    def job(self, units: float) -> float:
        """Seconds of a job of so many units."""
        return self.start + units * (self.unit or 0.0)

    @property
    def seconds(self) -> float:
        """Of all of them, one after the other; 0 where nothing tells."""
        return self.jobs * self.start + self.units * self.unit if self.unit is not None else 0.0


@dataclass(frozen=True)
class Seen:
    """The jobs of one stage in this run of Snakemake: of each its units, and seconds by the clock.

    Attributes:
        finished: from when it was started, or submitted, until it was done.
        running: until now.
    """

    finished: tuple[tuple[float, float], ...] = ()
    running: tuple[tuple[float, float], ...] = ()


def wall(works: Sequence[Work], slots: int) -> float:
    """Seconds by the clock with so many jobs side by side, before any of them runs."""
    return left(works, {}, slots)


def left(works: Sequence[Work], seen: Mapping[str, Seen], slots: int) -> float:
    """The same while they run.

    It is as long as the longest chain of a run at least, of a job of each tier; what is of all runs comes after all
    else, one job after the other.

    Args:
        works: without what has finished; jobs that run count whole, but for what is known to be done of them.
        seen: by the keys of works.
    """
    finished = {work.key: list(seen[work.key].finished) for work in works if work.key in seen}
    paces = _paces(works, finished)
    late = {work.key: _late(work, seen[work.key], paces[work.key]) for work in works if work.key in seen}
    if any(late.values()):
        paces = _paces(works, {key: jobs + late[key] for key, jobs in finished.items()})
    chains: dict[str, dict[int, float]] = defaultdict(dict)
    side_by_side = at_the_end = 0.0
    for work in works:
        pace = paces[work.key]
        running = seen[work.key].running if work.key in seen else ()
        spent = sum(min(seconds, pace * work.job(units)) for units, seconds in running)
        seconds = max(0.0, pace * work.seconds - spent)
        if work.tier == ALL_RUNS:
            at_the_end += seconds
        else:
            side_by_side += seconds
            of_run = chains[work.run]
            of_run[work.tier] = max(of_run.get(work.tier, 0.0), min(seconds, pace * work.job(work.whole)))
    longest = max((sum(of_run.values()) for of_run in chains.values()), default=0.0)
    return max(side_by_side / slots, longest) + at_the_end


def _paces(works: Iterable[Work], jobs: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Key -> how many times as long as reckoned its jobs take, by the units and seconds of some.

    What is known of fewer jobs leans on what is known of more, with the weight of a job: one that was disturbed, or the
    first of its kind, does not turn the estimate over.
    """
    known = [work for work in works if work.unit is not None]
    took = {work.key: sum(seconds for _, seconds in jobs.get(work.key, ())) for work in known}
    due = {work.key: sum(work.job(units) for units, _ in jobs.get(work.key, ())) for work in known}
    reckoned = sum(work.seconds for work in known) + sum(due.values())
    of_all = _leaning(sum(took.values()), sum(due.values()), 1.0, _AT_FIRST * reckoned)
    by_name: dict[str, list[Work]] = defaultdict(list)
    for work in known:
        by_name[work.name].append(work)
    paces = {work.key: of_all for work in works}
    for alike in by_name.values():
        largest = max(work.job(work.whole) for work in alike)
        of_name = _leaning(sum(took[work.key] for work in alike), sum(due[work.key] for work in alike), of_all, largest)
        for work in alike:
            paces[work.key] = _leaning(took[work.key], due[work.key], of_name, work.job(work.whole))
    return paces


def _late(work: Work, seen: Seen, pace: float) -> list[tuple[float, float]]:
    """Jobs that have run for longer than they should have taken, and tell as much before they end."""
    return [
        (units, seconds) for units, seconds in seen.running if units >= work.whole and seconds > pace * work.job(units)
    ]


def _leaning(took: float, due: float, towards: float, weight: float) -> float:
    return (took + weight * towards) / (due + weight) if due + weight else towards
