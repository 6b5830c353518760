"""The live picture of a run on a terminal: a bar a run, its stages, and what is left."""

import time
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from memdyn.operations.progress import duration
from memdyn.operations.tally import STUDY, Tally

_BAR = 20  # characters
_BESIDES = 5  # lines of a terminal that are not for runs
_A_SECOND = 2.0  # pictures


class Picture:
    """Drawn anew twice a second below whatever else is printed; gone when it stops.

    Args:
        runs: in the order of the study.
    """

    def __init__(self, tally: Tally, runs: list[str], study: str, stream: TextIO) -> None:
        self.tally, self.study = tally, study
        self.order = [*dict.fromkeys(runs), STUDY]
        self.models, self.left, self.noted = "", 0.0, time.monotonic()
        self.console = Console(file=stream, highlight=False, soft_wrap=False)
        self.live = Live(
            get_renderable=self.draw, console=self.console, refresh_per_second=_A_SECOND, transient=True
        )

    def start(self) -> None:
        self.live.start()

    def stop(self) -> None:
        self.live.stop()

    def say(self, line: str) -> None:
        """A line above it; colour where it tells of a failure."""
        self.console.print(Text(line, style="red" if " FAILED: " in line else ""), soft_wrap=True)

    def note(self, models: str, seconds_left: float) -> None:
        """How far training is, and seconds until the end of the run as they are reckoned now."""
        self.models, self.left, self.noted = models, seconds_left, time.monotonic()

    def draw(self) -> Any:
        rows = [run for run in self.order if self._of(run)]
        room = max(1, self.console.height - _BESIDES)
        if len(rows) > room:  # those that are done make room for the others
            rows.sort(key=lambda run: all(done == total for _, done, total in self._of(run)))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, max_width=30, overflow="ellipsis")
        table.add_column(width=_BAR)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        for run in rows[:room]:
            self._row(table, run)
        if len(rows) > room:
            table.add_row(f"and {len(rows) - room} more", "", "", "")
        foot = [Text(self.models, style="dim", no_wrap=True, overflow="ellipsis")] if self.models else []
        return Group(table, *foot, self._sum())

    def _row(self, table: Table, run: str) -> None:
        stages = self._of(run)
        done, total = sum(each[1] for each in stages), sum(each[2] for each in stages)
        failed = {job.rule for job in list(self.tally.failed.values()) if job.run == run}
        begun = {job.rule for job in self._running() if job.run == run}
        told = Text(no_wrap=True, overflow="ellipsis")
        for rule, of_rule, number in sorted(stages, key=lambda each: (each[1] == each[2], each[0] not in begun)):
            style = "red" if rule in failed else "bold" if rule in begun else "dim" if of_rule == number else ""
            told.append(f"{rule} {of_rule}/{number}{'!' * (rule in failed)}  ", style)
        table.add_row(run, ProgressBar(total, done, width=_BAR), f"{done}/{total}", told)

    def _sum(self) -> Text:
        tally = self.tally
        parts = [f"{self.study}: {tally.done.total()} of {tally.totals.total()} jobs done"]
        parts += [f"{len(tally.running)} running"] if tally.running else []
        parts += [f"{len(tally.failed)} failed"] if tally.failed else []
        parts.append(f"{duration(time.monotonic() - tally.started, exactly=True)} so far")
        if self.left:
            parts.append(f"about {duration(max(0.0, self.left - (time.monotonic() - self.noted)))} left")
        return Text(", ".join(parts), style="bold red" if tally.failed else "bold", no_wrap=True, overflow="ellipsis")

    def _of(self, run: str) -> list[tuple[str, int, int]]:
        """(rule, jobs done, jobs) of a run, in the order of the work."""
        return [(rule, self.tally.done[run, rule], n) for (name, rule), n in self.tally.totals.items() if name == run]

    def _running(self) -> list[Any]:
        return [self.tally.jobs[number] for number in list(self.tally.running) if number in self.tally.jobs]
