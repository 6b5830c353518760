"""The live picture of a run on a terminal: a bar a run, its stages, and what is left.

While it is there, what jobs print goes to a file: it would tear the picture, and is in their own logs too.
"""

import os
import time
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from memdyn.operations.progress import duration
from memdyn.operations.tally import STUDY, Tally

_BAR = 20  # characters
_NAME = 30  # characters of a run's
_COLUMNS, _GAP = 4, 2
_BESIDES = 5  # lines of a terminal that are not for runs
_A_SECOND = 2.0  # pictures


class Picture:
    """Drawn anew twice a second below whatever else is printed; gone when it stops.

    Args:
        runs: in the order of the study.
        stream: the terminal.
        aside: the file for what jobs print.
    """

    def __init__(self, tally: Tally, runs: list[str], study: str, stream: TextIO, aside: Path) -> None:
        self.tally, self.study = tally, study
        self.order = [*dict.fromkeys(runs), STUDY]
        self.bar = _BAR
        self.models, self.left, self.noted = "", 0.0, time.monotonic()
        self.aside = aside
        self._terminals: dict[int, int] = {}  # what was a terminal -> a copy of it
        self.screen = os.fdopen(os.dup(stream.fileno()), "w")
        self.console = Console(file=self.screen, highlight=False, soft_wrap=False)
        self.live = Live(get_renderable=self.draw, console=self.console, refresh_per_second=_A_SECOND, transient=True)

    def start(self) -> None:
        self.aside.parent.mkdir(parents=True, exist_ok=True)
        with self.aside.open("ab") as file:
            for descriptor in filter(os.isatty, (1, 2)):
                self._terminals[descriptor] = os.dup(descriptor)
                os.dup2(file.fileno(), descriptor)
        self.live.start()

    def stop(self) -> None:
        try:
            self.live.stop()
        finally:
            for descriptor, terminal in self._terminals.items():
                os.dup2(terminal, descriptor)
                os.close(terminal)
            self._terminals.clear()
            self.screen.close()
            if self.aside.exists() and not self.aside.stat().st_size:
                self.aside.unlink()

    def say(self, line: str) -> None:
        """A line above it; colour where it tells of a failure."""
        self.console.print(Text(line, style="red" if " FAILED: " in line else ""), soft_wrap=True)

    def note(self, models: str, seconds_left: float) -> None:
        """How far training is, and seconds until the end of the run as they are reckoned now."""
        self.models, self.left, self.noted = models.partition(";")[0], seconds_left, time.monotonic()

    def draw(self) -> Any:
        rows = [run for run in self.order if self._of(run)]
        room = max(1, self.console.height - _BESIDES)
        if len(rows) > room:  # those that are done make room for the others
            rows.sort(key=lambda run: all(done == total for _, done, total in self._of(run)))
        name = min(_NAME, max((len(run) for run in rows), default=1), self.console.width // 3)
        count = max((len(self._count(run)) for run in rows), default=1)
        left = self.console.width - name - count - _GAP * _COLUMNS  # for bar and stages
        self.bar = max(1, min(_BAR, left // 2))
        table = Table.grid(padding=(0, _GAP, 0, 0))
        table.add_column(no_wrap=True, width=name, overflow="ellipsis")
        table.add_column(width=self.bar)
        table.add_column(justify="right", no_wrap=True, width=count)
        table.add_column(no_wrap=True, width=max(1, left - self.bar), overflow="ellipsis")
        for run in rows[:room]:
            self._row(table, run, left - self.bar)
        foot = [Text(f"and {len(rows) - room} more")] if len(rows) > room else []
        foot += [Text(self.models, style="dim", no_wrap=True, overflow="ellipsis")] if self.models else []
        return Group(table, *foot, self._sum())

    def _row(self, table: Table, run: str, room: int) -> None:
        """room: characters for its stages."""
        stages = self._of(run)
        done, total = self._sums(run)
        failed = {job.rule for job in list(self.tally.failed.values()) if job.run == run}
        begun = {job.rule for job in self._running() if job.run == run}
        told = Text(no_wrap=True, overflow="ellipsis")
        words = {rule: f"{rule} {done}/{number}{'!' * (rule in failed)}  " for rule, done, number in stages}
        finished = {rule for rule, done, number in stages if done == number}
        if len("".join(words.values()).rstrip()) > room:  # what is cut off is finished, or waits
            words = dict(sorted(words.items(), key=lambda of: (of[0] not in failed, of[0] in finished)))
        for rule, word in words.items():
            style = "red" if rule in failed else "bold" if rule in begun else "dim" if rule in finished else ""
            told.append(word, style)
        table.add_row(
            run,
            ProgressBar(total, done, width=self.bar, complete_style="cyan", finished_style="green"),
            self._count(run),
            told,
        )

    def _sums(self, run: str) -> tuple[int, int]:
        stages = self._of(run)
        return sum(each[1] for each in stages), sum(each[2] for each in stages)

    def _count(self, run: str) -> str:
        return "{}/{}".format(*self._sums(run))

    def _sum(self) -> Text:
        tally = self.tally
        parts = [f"{self.study}: {tally.done.total()} of {tally.totals.total()} jobs done"]
        parts += [f"{len(tally.running)} running"] if tally.running else []
        parts += [f"{len(tally.failed)} failed"] if tally.failed else []
        if self.left:  # before what a narrow terminal can do without
            parts.append(f"about {duration(max(0.0, self.left - (time.monotonic() - self.noted)))} left")
        parts.append(f"{duration(time.monotonic() - tally.started, exactly=True)} so far")
        return Text(", ".join(parts), style="bold red" if tally.failed else "bold", no_wrap=True, overflow="ellipsis")

    def _of(self, run: str) -> list[tuple[str, int, int]]:
        """(rule, jobs done, jobs) of a run, in the order of the work."""
        return [(rule, self.tally.done[run, rule], n) for (name, rule), n in self.tally.totals.items() if name == run]

    def _running(self) -> list[Any]:
        return [self.tally.jobs[number] for number in list(self.tally.running) if number in self.tally.jobs]
