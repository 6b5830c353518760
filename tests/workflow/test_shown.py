"""What Snakemake prints of real runs: on a terminal, in a pipe, of a dry run."""

import os
import re
import threading
from pathlib import Path

import pytest

import warm
from project import ENVIRONMENT, Project, job_counts


def on_a_terminal(project: Project, *arguments: str) -> tuple[int, str]:
    """The exit code of Snakemake and all that came to its terminal."""
    ours, theirs = os.openpty()
    said = bytearray()

    def read() -> None:
        try:
            while got := os.read(ours, 1 << 16):
                said.extend(got)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    environment = ENVIRONMENT | {"TERM": "xterm", "COLUMNS": "120", "LINES": "30", warm.PYTHON: str(warm.python())}
    command = ["--cores", "2", "--configfile", "study.yaml", *arguments]
    try:
        process = warm.Process(warm.server("snakemake"), command, project.folder, environment, [theirs] * 3)
        code = process.wait(200)
    finally:
        os.close(theirs)
        reader.join(20)
        os.close(ours)
    return code, said.decode()


@pytest.mark.slow
def test_a_terminal_has_one_picture_and_failures_above_it(clone: Project) -> None:
    study = clone.study()
    study["base"]["optimizer"]["lr"] = 1e30
    del study["runs"][1]
    clone.write_study(study)
    planned = clone.planned("--until", "train_block")
    code, said = on_a_terminal(clone, "--until", "train_block")
    assert code == 1, said
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said)
    assert job_counts(plain.replace("\r", "")) == planned == {"build_pool": 1, "draw_membership": 1, "train_block": 1}
    assert "matrix: 0 of 3 jobs done" in plain and "matrix: 2 of 3 jobs done" in plain
    assert re.search(r"mlp +\S+ +0/1  train_block 0/1", plain) and re.search(r"study +\S+ +2/2", plain)
    assert re.search(r"FAILED: train_block of mlp, models 0 to 7; log: (results/\S+/train\.log)", plain), plain
    assert plain.count("TrainingDiverged") == 1
    # what jobs print went aside, and the picture is gone at the end
    (aside,) = clone.folder.glob(".snakemake/log/*.jobs.log")
    assert "build_pool: " in aside.read_text() and "build_pool: " not in plain
    assert said.count("\x1b[?25h") >= 1, "the cursor is back"
    last = plain.splitlines()[-1]
    assert last == "matrix: 2 of 3 jobs done, 1 failed; what was finished stays; the same command goes on from there"


def test_a_pipe_has_a_line_a_job_and_the_report_last(finished: Project, copy: Project) -> None:
    for page in copy.folder.glob("results/studies/*/versions/report-*/report.html"):
        page.unlink()
    said = copy.run()
    assert "\x1b" not in said
    ours = [line for line in said.splitlines() if not re.match(r"(\S+ profile|Using|Assuming|cost: |host: )", line)]
    jobs, *_, done, report = ours
    assert jobs == "1 job: 1 write_report"
    assert re.fullmatch(r"done: 1 job in \d+ s: 1 write_report", done)
    assert any(re.fullmatch(r"\d\d:\d\d:\d\d 1 of 1 done: write_report, \d+ s", line) for line in ours)
    page = report.removeprefix("The report: ")
    assert Path(page).is_absolute() and Path(page).exists()
    assert len(ours) <= 6, said  # the others are the job's own


def test_a_dry_run_is_short_and_ends_with_cost_and_report(project: Project) -> None:
    said = project.run("--dry-run").splitlines()
    assert len(said) < 20 and said[-1].startswith("The report will be ")
    cost = [place for place, line in enumerate(said) if line.startswith("cost: ")]
    assert cost == list(range(cost[0], len(said) - 1)) and len(cost) >= 4
    assert sum(line.startswith(("    mlp: 1 train_block", "    logistic: 1 train_block")) for line in said) == 2


def test_snakemakes_own_listing_comes_by_a_flag(project: Project) -> None:
    said = project.run("--dry-run", "--printshellcmds")
    assert "Job stats:" in said and "rule train_block:" in said and said.index("cost: ") < said.index("Job stats:")
