"""What is shown of a run, from the events of Snakemake's logger, without a Snakemake."""

import io
import logging
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings

from memdyn.config.load import load_study
from memdyn.jobs import failure
from memdyn.jobs.failure import Failure
from memdyn.operations.picture import Picture
from memdyn.operations.shown import Shown
from memdyn.operations.tally import STUDY as OF_ALL
from memdyn.operations.tally import Names, Tally, Told
from memdyn.operations.work import Seen
from memdyn.plan.study import build_plan

STUDY = {
    "study": "shown",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0},
    },
    "base": {"epochs": 2, "checkpoints": [0, 2]},
    "runs": [{"name": "mlp"}, {"name": "sam", "optimizer": {"name": "sam"}}],
    "shadow_models": 16,
}
BLOCK = "block-0008-0015"
RULES = ["build_pool", "draw_membership", "train_block", "probe_block", "run_attack", "compute_dynamics", "all"]


@pytest.fixture(scope="module")
def plan():
    return build_plan(load_study(STUDY))


def of_block(plan, run):
    pool, folder = plan.runs[run].train.path.split("/")
    return {"pool": pool, "run": folder, "block": BLOCK}


def settings(**given):
    made = MockOutputSettings()
    made.printshellcmds = False
    for name, value in given.items():
        setattr(made, name, value)
    return made


class Run:
    """A handler and what it has written; events as Snakemake would send them."""

    def __init__(self, plan, report="none/report.html", **given):
        self.handler = Shown(settings(**given), plan, lambda: ["cost: little"], report, lambda: RULES)
        self.handler.stream = self.stream = io.StringIO()

    def tell(self, message=None, level=logging.INFO, **fields):
        record = logging.LogRecord("snakemake", level, "", 1, message, (), None)
        record.__dict__ |= fields
        self.handler.emit(record)

    def start(self, number, rule, wildcards, log=""):
        log = [log] if log else []
        self.tell(event=LogEvent.JOB_INFO, jobid=number, rule_name=rule, wildcards=wildcards, log=log)

    def finish(self, number):
        self.tell(event=LogEvent.JOB_FINISHED, job_id=number)

    def fail(self, number, rule, log="", words=None):
        log = [log] if log else []
        fields = {"jobid": number, "rule_name": rule, "log": log, "rule_msg": words}
        self.tell(f"Error in rule {rule}", logging.ERROR, event=LogEvent.JOB_ERROR, **fields)

    @property
    def lines(self):
        return self.stream.getvalue().splitlines()


def test_a_finished_job_is_one_line(plan):
    run = Run(plan)
    run.handler.begin(
        [("train_block", of_block(plan, 1)), ("build_pool", {"pool": plan.runs[0].pool.path}), ("all", {})]
    )
    run.start(3, "train_block", of_block(plan, 1))
    run.finish(3)
    (line,) = run.lines
    assert line[9:].startswith("1 of 2 done: train_block of sam, models 8 to 15, 0 s")
    assert run.handler.tally.totals == {("sam", "train_block"): 1, (OF_ALL, "build_pool"): 1}


@pytest.mark.parametrize("deep", ["train", "outputs", "attacks"])
def test_each_stage_is_of_its_run(plan, deep):
    of = plan.runs[1]
    stage = {"train": of.train, "outputs": of.outputs, "attacks": next(iter(of.attacks.values()))}[deep]
    wildcards = dict(zip(("pool", "run", "outputs", "attack"), stage.path.split("/"), strict=False))
    assert Names(plan).told("rule", wildcards).run == "sam"


def test_an_attack_has_its_name(plan):
    of = plan.runs[1]
    for label, stage in of.attacks.items():
        wildcards = dict(zip(("pool", "run", "outputs", "attack"), stage.path.split("/"), strict=True))
        assert str(Names(plan).told("run_attack", wildcards)) == f"run_attack {label} of sam"
    assert str(Names(plan).told("train_block", of_block(plan, 1))) == "train_block of sam, models 8 to 15"


def test_a_failure_has_its_run_and_log_and_its_last_words(plan, tmp_path):
    log = tmp_path / "train.log"
    log.write_text("10:00:00 begun\n10:00:01 train_block a b: FAILED on vm, ValueError: no (details: train.log)\n")
    run = Run(plan)
    run.start(3, "train_block", of_block(plan, 0), str(log))
    run.fail(3, "train_block", str(log))
    first, second = run.lines
    assert first[9:] == f"FAILED: train_block of mlp, models 8 to 15; log: {log}"
    assert second == "    on vm, ValueError: no"
    assert [str(job) for job in run.handler.tally.failed.values()] == ["train_block of mlp, models 8 to 15"]


@pytest.mark.parametrize(
    ("executor", "told"),
    [
        ("SLURM status is: 'FAILED'", ["on vm, ValueError: no", "SLURM status is: 'FAILED'"]),
        ("ValueError: no (not tried again)", ["ValueError: no (not tried again)"]),
    ],
)
def test_the_words_of_the_executor_are_told_too_but_nothing_twice(plan, tmp_path, executor, told):
    log = tmp_path / "train.log"
    log.write_text("10:00:01 train_block a b: FAILED on vm, ValueError: no (details: train.log)\n")
    run = Run(plan)
    run.start(3, "train_block", of_block(plan, 0), str(log))
    run.fail(3, "train_block", str(log), words=executor)
    assert run.lines[1:] == [f"    {line}" for line in told]


def test_a_failure_comes_with_what_to_do(plan, tmp_path):
    log = str(tmp_path / "train.log")
    noted = Failure("now", "train_block", "TIMEOUT", "SLURM ended it: TIMEOUT.", True, {"runtime": 60}, waits=True)
    failure.write(noted, log)
    run = Run(plan)
    run.start(3, "train_block", of_block(plan, 0), log)
    run.fail(3, "train_block", log, words="SLURM ended it: TIMEOUT.")
    assert len(run.lines) == 2  # it waits for its next attempt
    failure.write(replace(noted, waits=False), log)
    run.fail(3, "train_block", log, words="SLURM ended it: TIMEOUT.")
    assert "    -> profiles/slurm/profile.yaml: set-resources: {train_block: {runtime: 120}}" in run.lines[4]


def test_a_run_with_failures_ends_with_how_far_it_came(plan, capsys):
    run = Run(plan)
    run.handler.begin([("train_block", of_block(plan, run_)) for run_ in (0, 0, 1)])
    run.start(3, "train_block", of_block(plan, 1))
    run.finish(3)
    run.handler.end_badly()
    assert not capsys.readouterr().err, "nothing has failed: it was interrupted"
    run.start(4, "train_block", of_block(plan, 0))
    run.fail(4, "train_block", words="ValueError: no")
    run.tell("Exiting because a job execution failed. Look above for error messages")
    run.tell("WorkflowError:\nAt least one job did not complete successfully.")
    run.handler.end_badly()
    (last,) = capsys.readouterr().err.splitlines()
    assert last.startswith("shown: 1 of 3 jobs done, 1 failed, 1 not begun; what was finished stays; the same command")
    assert run.lines[-1] == "    ValueError: no"


@pytest.mark.parametrize(("others", "in_sight"), [(0, True), (10, True), (11, False)])
def test_what_failed_is_told_again_where_much_was_said_since(plan, others, in_sight):
    run = Run(plan)
    assert not run.handler.failures_in_sight
    for number in (3, 4):
        run.start(number, "train_block", of_block(plan, number - 3))
        run.fail(number, "train_block", words="ValueError: no")
        for _ in range(others // 2 if number == 3 else others - others // 2):
            run.tell("something else")
    assert run.handler.failures_in_sight is in_sight


def test_a_job_without_a_log_fails_with_the_words_of_its_executor(plan):
    run = Run(plan)
    run.start(3, "train_block", of_block(plan, 0), "not/there.log")
    run.fail(3, "train_block", "not/there.log", words="SLURM ended it: TIMEOUT\nand more")
    assert run.lines[1] == "    SLURM ended it: TIMEOUT"


def test_a_job_that_is_tried_again_has_not_failed(plan):
    run = Run(plan)
    run.start(3, "train_block", of_block(plan, 0))
    run.fail(3, "train_block")
    run.tell("Trying to restart job 3.")
    assert run.lines[-1][9:] == "tried again: train_block of mlp, models 8 to 15"
    assert not run.handler.tally.failed


@pytest.mark.parametrize("noise", ["Select jobs to execute...", "Execute 2 jobs...", "Building DAG of jobs..."])
def test_what_tells_nothing_is_not_said_and_all_else_is(plan, noise):
    run = Run(plan)
    run.tell(noise)
    run.tell("something new", logging.WARNING)
    submitted = "Job 3 has been submitted with SLURM jobid 12 (log: a.log)."
    run.tell(submitted)
    assert run.lines == ["something new", submitted]


def test_a_dry_run_counts_and_ends_with_cost_and_report(plan, tmp_path):
    earlier = tmp_path / "report.html"
    earlier.touch()
    run = Run(plan, str(earlier), dryrun=True)
    for _ in range(2):  # as Snakemake says it
        stats = {"run_attack": 1, "train_block": 2, "all": 1, "total": 4}
        run.tell("Job stats: ...", event=LogEvent.RUN_INFO, stats=stats)
    run.start(1, "train_block", of_block(plan, 0))
    run.start(2, "train_block", of_block(plan, 1))
    run.start(0, "all", {})
    run.tell("This was a dry-run (flag -n). The order ...")
    first, *by_run, cost, report = run.lines
    assert first == "3 jobs: 2 train_block, 1 run_attack", "in the order of the work"
    assert by_run == ["    mlp: 1 train_block", "    sam: 1 train_block"]
    assert cost == "cost: little" and report == f"The report will be {earlier}"


def test_a_dry_run_of_what_is_there_says_once_that_nothing_is_to_be_done(plan):
    run = Run(plan, dryrun=True)
    for _ in range(2):
        run.tell("Job stats: ...", event=LogEvent.RUN_INFO, stats={"total": 0})
    run.tell("This was a dry-run (flag -n). The order ...")
    first, cost, report = run.lines
    assert first == "Nothing to be done." and cost == "cost: little" and report.startswith("The report will be /")


def test_an_error_in_showing_does_not_reach_the_run(plan, capfd):
    run = Run(plan)
    logger.addHandler(run.handler)
    try:
        run.tell(event=LogEvent.JOB_INFO)  # without any of its fields
        assert "the run goes on" in capfd.readouterr().err
        assert run.handler not in logger.handlers
        logger.error("still told")
        assert run.lines == ["still told"]
    finally:
        for handler in [each for each in logger.handlers if getattr(each, "stream", None) is run.stream]:
            logger.removeHandler(handler)


def test_a_reader_that_went_away_does_not_reach_the_run(plan, capsys):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    run = Run(plan)
    run.handler.stream = Gone()
    run.tell("one")
    run.tell("two")
    run.handler.say(["three"])
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "given", [{"printshellcmds": True}, {"verbose": True}, {"quiet": {"rules"}}, {"debug_dag": True}, {}]
)
def test_snakemakes_own_listing_stays_where_a_flag_asks_for_it(plan, given):
    own = logging.StreamHandler(io.StringIO())
    own.name = "DefaultStreamHandler"
    before = list(logger.handlers)
    logger.handlers[:] = [own]
    try:
        handler = Run(plan, **given).handler
        handler.install()
        assert logger.handlers == ([own] if given else [handler])
    finally:
        logger.handlers[:] = before


def drawn(tally, width=100, height=30):
    screen = io.StringIO()
    picture = Picture.__new__(Picture)
    picture.tally, picture.study, picture.order = tally, "s", ["mlp", "sam", OF_ALL]
    picture.models, picture.left, picture.noted = "3 of 8 models trained", 120.0, tally.started
    picture.console = Console(file=screen, width=width, height=height)
    picture.console.print(picture.draw())
    return screen.getvalue().splitlines()


def some(runs=("mlp", "sam")):
    tally = Tally()
    tally.expect([Told(rule, run, "") for run in runs for rule in ("train_block", "train_block", "run_attack")])
    tally.begin(1, Told("train_block", "mlp", ""))
    tally.begin(2, Told("train_block", "mlp", ""))
    tally.finish(1)
    return tally


def test_the_picture_counts_what_snakemake_counts():
    tally = some()
    tally.begin(3, Told("train_block", "sam", ""))
    tally.fail(3)
    mlp, sam, models, total = drawn(tally)
    assert mlp.split()[0] == "mlp" and "1/3  train_block 1/2  run_attack 0/1" in mlp
    assert "0/3  train_block 0/2!  run_attack 0/1" in sam
    assert models == "3 of 8 models trained"
    assert total.startswith("s: 1 of 6 jobs done, 1 running, 1 failed, about 2 min left, 0 s so far")


def test_stages_stand_in_the_order_of_the_work(plan):
    run = Run(plan)
    of = plan.runs[0]
    attack = dict(zip(("pool", "run", "outputs", "attack"), of.attacks["lira"].path.split("/"), strict=True))
    run.handler.begin([("run_attack", attack), ("probe_block", of_block(plan, 0)), ("train_block", of_block(plan, 0))])
    run.start(1, "train_block", of_block(plan, 0))
    run.finish(1)
    run.start(2, "probe_block", of_block(plan, 0))
    assert "train_block 1/1  probe_block 0/1  run_attack 0/1" in drawn(run.handler.tally)[0]
    narrow = drawn(run.handler.tally, width=70)[0]
    assert "probe_block 0/1  run_attack 0/1" in narrow and "train_block 1/1" not in narrow, "what is done is cut off"


def test_a_small_terminal_has_the_unfinished_runs():
    tally = some()
    for number in (4, 5):
        tally.begin(number, Told("train_block" if number == 4 else "run_attack", "mlp", ""))
        tally.finish(number)
    lines = drawn(tally, width=60, height=6)
    assert lines[0].startswith("sam") and lines[1].startswith("and 1 more") and all(len(line) <= 60 for line in lines)


@pytest.mark.parametrize("width", [30, 40, 60, 100, 200])
def test_the_counts_are_whole_on_a_terminal_of_any_width(width):
    mlp, _, _, total = drawn(some(), width=width)
    assert mlp.startswith("mlp") and "1/3  " in mlp and "s: 1 of 6 jobs done" in total
    assert width < 50 or "about 2 min left" in total


def test_what_was_seen_of_each_stage(plan, monkeypatch):
    clock = iter([10.0, 11.0, 14.0, 20.0])
    monkeypatch.setattr("memdyn.operations.tally.time.monotonic", lambda: next(clock))
    names, tally = Names(plan), Tally(started=0.0)
    train, attack = plan.runs[1].train, plan.runs[1].attacks["loss"]
    wildcards = dict(zip(("pool", "run", "outputs", "attack"), attack.path.split("/"), strict=True))
    jobs = [
        names.told("train_block", of_block(plan, 1)),
        names.told("run_attack", wildcards),
        names.told("draw_figures", {}),
        names.told("build_pool", {"pool": train.path.split("/")[0]}),
    ]
    assert [(job.stage, job.units, job.run) for job in jobs] == [
        (train.path, 8, "sam"),
        (attack.path, 1, "sam"),
        (plan.figures.folder, 1, OF_ALL),
        ("", 1, OF_ALL),
    ]
    tally.expect(jobs)
    assert tally.stages == {train.path, attack.path, plan.figures.folder, ""}
    tally.begin(1, jobs[0])
    tally.begin(2, jobs[1])
    assert tally.finish(1) == (jobs[0], 4.0)
    assert tally.seen() == {train.path: Seen(finished=((8, 4.0),)), attack.path: Seen(running=((1, 9.0),))}


def test_where_no_picture_can_be_drawn_there_are_lines(plan, monkeypatch):
    run = Run(plan)
    monkeypatch.setitem(sys.modules, "memdyn.operations.picture", None)  # as where `rich` is missing
    monkeypatch.setattr("memdyn.operations.shown._can_draw", lambda stream: True)
    monkeypatch.setattr(logger, "handlers", [run.handler])
    run.handler.begin([("train_block", of_block(plan, 1))])
    run.start(3, "train_block", of_block(plan, 1))
    run.finish(3)
    first, second = run.lines
    assert (
        first.startswith("no picture of the run (ModuleNotFoundError: ") and "1 of 1 done: train_block of sam" in second
    )
