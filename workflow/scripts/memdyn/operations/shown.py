"""What a person sees of a run: one live picture on a terminal, else a line for each thing worth telling.

A handler of Snakemake's logger (the interface of its logger plugins), which takes the place of Snakemake's own for the
screen. The workflow puts it there itself: a plugin would have to be installed beside each Snakemake that reads this
checkout, and would not know the plan. The log in .snakemake/log stays Snakemake's. An error in here ends the picture,
never the run.
"""

import logging
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from snakemake.logging import logger
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from memdyn.jobs import failure
from memdyn.operations.advice import advice
from memdyn.operations.interruption import GO_ON
from memdyn.operations.progress import duration
from memdyn.operations.tally import STUDY, TARGET, Names, Tally, Told
from memdyn.plan.study import StudyPlan

_OF_SNAKEMAKE = "DefaultStreamHandler"  # the name of its own handler for the screen
_RUNS_SHOWN = 40
_IN_SIGHT = 10  # lines: what was said so many ago is still on the screen
# what Snakemake says on its way that tells nothing of the study
_NOISE = re.compile(
    r"Building DAG of jobs|Using shell: |Provided remote nodes|Select jobs to execute|Execute \d+ jobs|Reasons:\n"
    r"|Conda environments: ignored|Singularity containers: ignored|Group jobs: inactive|Complete log\(s\): "
    r"|Elapsed time: |SLURM run ID: |Shutting down, this"
    r"|Assuming unrestricted shared filesystem|Exiting because a job execution failed"  # there are better words for it
    r"|WorkflowError:\s*At least one job did not complete"
    r"|--keep-incomplete mode|\d+ jobs have (missing|outdated) provenance|(Would remove|Removing) temporary output"
    r"|RuleException:\s*CalledProcessError"  # of a job that has failed, which is told
)
_SUBMITTED = re.compile(r"(Job|Group job) \S+ has been submitted with SLURM jobid")  # a job is running, in the picture
_DRY = "This was a dry-run"
_NOTHING = "Nothing to be done"
_AGAIN = re.compile(r"Trying to restart job (\d+)")
_SILENT = (
    *(LogEvent.WORKFLOW_STARTED, LogEvent.SHELLCMD, LogEvent.RESOURCES_INFO, LogEvent.PROGRESS, LogEvent.RULEGRAPH),
    *(LogEvent.GROUP_INFO, LogEvent.GROUP_ERROR, LogEvent.JOB_STARTED, LogEvent.DEBUG_DAG),
)


class Shown(LogHandlerBase):
    """The handler.

    Args:
        settings: Snakemake's of its output.
        cost: -> the lines of what the study will cost, for the end of a dry run.
        report: where the page is, or will be.
        rules: -> the names of all rules, in the order of the work.
    """

    writes_to_stream, writes_to_file, has_filter, has_formatter, needs_rulegraph = True, False, True, True, False

    def __init__(
        self,
        settings: Any,
        plan: StudyPlan,
        cost: Callable[[], Iterable[str]],
        report: str,
        rules: Callable[[], Iterable[str]],
    ) -> None:
        super().__init__(settings, None)
        self.stream = sys.stdout if settings.dryrun else sys.stderr
        self.names, self.tally = Names(plan), Tally()
        self.study, self.runs = plan.study.config.study, [run.name for run in plan.all_runs]
        self.cost, self.report, self.rules = cost, Path(report), rules
        self.picture: Any = None
        self._is_counted = False
        self._progress = ""
        self._since_failure = 0  # lines of all else since a job has failed
        self._broken = False

    def install(self) -> None:
        """Takes the place of Snakemake's handler; leaves things alone where somebody asks for Snakemake's own words."""
        own = next((each for each in logger.handlers if each.name == _OF_SNAKEMAKE), None)
        asked = self.common_settings
        if own is None or asked.quiet or asked.printshellcmds or asked.verbose or asked.debug_dag:
            return
        logger.removeHandler(own)
        logger.addHandler(self)

    @property
    def is_installed(self) -> bool:
        return self in logger.handlers

    # what the workflow tells

    def say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say(line, sys.stderr)

    def begin(self, jobs: Iterable[tuple[str, dict[str, str]]]) -> None:
        """A run begins: rule and wildcards of each job that Snakemake will start."""
        try:
            order = {rule: place for place, rule in enumerate(self.rules())}
            told = [self.names.told(rule, wildcards) for rule, wildcards in jobs]
            self.tally.expect(sorted(told, key=lambda job: order.get(job.rule, len(order))))
        except Exception as error:
            self._give_up(error)
        if self.is_installed and _can_draw(self.stream):
            try:
                self._draw()
            except Exception as error:  # a missing library, a strange terminal: lines do as well
                self.stop()
                self._say(f"no picture of the run ({type(error).__name__}: {error}); a line for each job instead")

    def _draw(self) -> None:
        from memdyn.operations.picture import Picture  # needs `rich`, which a terminal alone asks for

        aside = Path(".snakemake", "log", f"{time.strftime('%Y-%m-%dT%H%M%S')}.jobs.log")
        self.picture = Picture(self.tally, self.runs, self.study, self.stream, aside)
        self.picture.start()

    def progress(self, line: str, seconds_left: float) -> None:
        """How far training and scoring are, every few seconds."""
        if self.picture:
            self.picture.note(line, seconds_left)
        elif line != self._progress:
            self._say(f"{_now()} progress: {line}", sys.stderr)
        self._progress = line

    def end(self) -> None:
        """A run has ended well: what was made, how long it took, and last where the report is."""
        self.stop()
        if number := self.tally.totals.total():
            took = duration(time.monotonic() - self.tally.started, exactly=True)
            self._say(f"done: {_jobs(number)} in {took}: {_listed(self.tally.of_rules)}", sys.stderr)
        self._say_report(sys.stderr)

    def end_badly(self) -> None:
        """A run has ended with failures: how far it came, last."""
        if failed := len(self.tally.failed):
            done, number = self.tally.done.total(), self.tally.totals.total()
            left = number - done - failed
            waits = f", {left} not begun" if left else ""
            self._say(f"{self.study}: {done} of {_jobs(number)} done, {failed} failed{waits}; {GO_ON}", sys.stderr)

    @property
    def failures_in_sight(self) -> bool:
        """Whether what failed, and why, stands among the last lines."""
        return bool(self.tally.failed) and self._since_failure <= _IN_SIGHT

    # what Snakemake tells

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._tell(record)
        except Exception as error:
            self._give_up(error)

    def close(self) -> None:
        self.stop()
        super().close()

    def _tell(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        match event:
            case LogEvent.JOB_INFO:
                job = self.names.told(record.rule_name, record.wildcards, next(iter(record.log), ""))
                self.tally.begin(record.jobid, job)
            case LogEvent.JOB_FINISHED:
                self._finished(record.job_id)
            case LogEvent.JOB_ERROR:
                self._failed(record)
            case LogEvent.RUN_INFO:
                self._counted(record.stats)
            case _ if event not in _SILENT:
                self._said(record)

    def _finished(self, number: int) -> None:
        finished = self.tally.finish(number)
        if finished and not self.picture:
            job, seconds = finished
            took = f", {duration(seconds, exactly=True)}" if seconds is not None else ""
            self._say(f"{_now()} {self.tally.done.total()} of {self.tally.totals.total()} done: {job}{took}")

    def _failed(self, record: logging.LogRecord) -> None:
        job = self.tally.fail(record.jobid) or Told(record.rule_name, "", "")
        log = job.log or next(iter(record.log), "")
        before = self._since_failure
        self._say(f"{_now()} FAILED: {job}{f'; log: {log}' if log else ''}")
        executor = str(record.rule_msg or "").partition("\n")[0]
        own = _last_line(log)
        if own.partition(", ")[2] in executor:  # what follows the machine
            own = ""
        words = [words for words in (own, executor) if words]
        if not words and self.picture:
            words = [f"what it printed is in {self.picture.aside}"]
        noted = failure.read(log) if log else None
        for line in (*words, *(f"-> {line}" for line in (advice(noted) if noted and not noted.waits else ()))):
            self._say(f"    {line}")
        self._since_failure = before

    def _counted(self, stats: dict[str, int]) -> None:
        if self._is_counted:  # a dry run says it twice
            return
        self._is_counted = True
        counts = Counter({rule: stats[rule] for rule in self.rules() if rule in stats and rule != TARGET})
        self._say(f"{_jobs(counts.total())}: {_listed(counts)}" if counts else f"{_NOTHING}.")

    def _said(self, record: logging.LogRecord) -> None:
        text = str(record.msg or "").rstrip()
        if text.startswith(_DRY):
            self._end_dry_run()
        elif found := _AGAIN.match(text):
            if job := self.tally.try_again(int(found[1])):
                self._say(f"{_now()} tried again: {job}")
        elif text and not _NOISE.match(text) and not (self.picture and _SUBMITTED.match(text)):
            self._say(text)
            if text.startswith(_NOTHING):
                self._say_cost()
                self._say_report()

    def _end_dry_run(self) -> None:
        counts = Counter((job.run, job.rule) for job in self.tally.jobs.values() if job.rule != TARGET)
        runs = [run for run in (*dict.fromkeys(self.runs), STUDY) if any(of == run for of, _ in counts)]
        for run in runs[:_RUNS_SHOWN]:
            self._say(f"    {run}: {_listed(Counter({rule: counts[run, rule] for rule in self.rules()}))}")
        if len(runs) > _RUNS_SHOWN:
            self._say(f"    and {len(runs) - _RUNS_SHOWN} more runs")
        self._say_cost()
        self._say_report()

    def _say_cost(self) -> None:
        if self.common_settings.dryrun:
            for line in self.cost():
                self._say(line)

    def _say_report(self, stream: Any = None) -> None:
        if self.common_settings.dryrun and (self.tally.jobs or not self.report.exists()):  # an earlier one may be there
            self._say(f"The report will be {self.report.absolute()}", stream)
        elif self.report.exists():
            self._say(f"The report: {self.report.absolute()}", stream)

    def _say(self, line: str, stream: Any = None) -> None:
        """A line; above the picture while there is one."""
        if self._broken:
            return
        self._since_failure += bool(self.tally.failed)
        if self.picture:
            self.picture.say(line)
        else:
            try:
                print(line, file=stream or self.stream, flush=True)
            except BrokenPipeError:  # whoever read it has gone: the run goes on, unseen
                self._broken = True

    def _give_up(self, error: Exception) -> None:
        """An error in here: said once, then Snakemake's own lines."""
        self.stop()
        own = logging.StreamHandler(self.stream)
        own.setLevel(logging.WARNING)
        if self.is_installed:
            logger.addHandler(own)
            logger.removeHandler(self)
        print(f"progress is shown no more ({type(error).__name__}: {error}); the run goes on", file=sys.__stderr__)

    def stop(self) -> None:
        """Ends the picture; what is told from then on is lines."""
        picture, self.picture = self.picture, None
        if picture:
            try:
                picture.stop()
            except Exception as error:
                print(f"the picture did not end well: {error}", file=sys.__stderr__)


def _can_draw(stream: Any) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _jobs(number: int) -> str:
    return f"{number} job{'' if number == 1 else 's'}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {rule}" for rule, number in counts.items() if number)


def _last_line(log: str) -> str:
    """Why a job failed, where its last line says so: without time, name and the place of the log."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines() if log else []
    except OSError:
        return ""
    line = lines[-1] if lines else ""
    return line.partition(": FAILED ")[2].partition(" (details: ")[0]
