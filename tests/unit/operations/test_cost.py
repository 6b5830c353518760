"""What is said about cost before the first job."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from memdyn.config.load import load_study
from memdyn.design.blocks import block_names
from memdyn.operations.cost import statement, told_bytes
from memdyn.operations.disk import READY_JOBS, Passing, disk_of, teachers_of
from memdyn.operations.effort import efforts, probing_cost
from memdyn.plan.study import build_plan
from studies import study

PROJECT = Path(__file__).resolve().parents[3]
OWN = {"name": "custom", "target": "own.py:Net"}
# of one model: 4 checkpoints of (64 + 1) * 32 + (32 + 1) * 10 floats, and of (64 + 1) * 10
MLP, LOGISTIC = 4 * (65 * 32 + 33 * 10), 4 * 65 * 10


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("class Net: pass\n")
    monkeypatch.setattr("memdyn.operations.cost.free_bytes", lambda folder: 5e9)
    return tmp_path


def plan_of(changes=None):
    return build_plan(load_study(study(changes)))


def said(plan, slots=1):
    """All but what comes after scoring, see test_after_scoring.py."""
    return [line for line in statement(plan, slots) if not line.startswith(("attacks, ", "what figures"))]


def finish(plan, run, seconds=None, scored=False):
    """Leaves what training, with so many seconds a model, and scoring leave."""
    for block in block_names(plan.study.config.shadow_models):
        trained = Path(plan.results, plan.runs[run].train.path, block)
        trained.mkdir(parents=True)
        log = [{"model": m, "epoch": e, "loss": 1.0, "seconds": seconds / 4} for m in range(8) for e in range(1, 5)]
        pd.DataFrame(log).to_parquet(trained / "log.parquet")
        if scored:
            file = Path(plan.results, plan.runs[run].outputs.path, block, "signals.parquet")
            file.parent.mkdir(parents=True)
            file.touch()


def disk(plan, slots=1):
    """(checkpoints at most, in the end, scores) in MB, as said."""
    found = re.search(
        r"checkpoints (\S+).* at most and (\S+).* in the end .*scores (\S+) MB in the end", said(plan, slots)[-2]
    )
    return tuple(0.0 if text == "nothing" else float(text) for text in found.groups())


def test_measures_that_are_to_be_taken(here):
    plan = plan_of({"difficulty.measures": ["grand"], "results": str(here)})
    expected = "grand of 16 models is to be taken, which comes on top: how long it takes is not known"
    assert said(plan)[0] == expected and said(plan)[1:] == said(plan_of())
    for run in (0, 1):
        finish(plan, run, 1.0, scored=True)
    assert said(plan) == [expected, "all 16 models are trained and scored"]
    for run in plan.runs:
        file = Path(plan.results, run.probes["grand"].path, "block-0000-0007", "signals.parquet")
        file.parent.mkdir(parents=True)
        file.touch()
    assert said(plan) == ["all 16 models are trained and scored"]


def test_distances_that_are_to_be_taken(here):
    """Passes of the search, reckoned from the time that passes of training take."""
    section = {"samples": 100, "known": 50, "levels": ["q0.9", "gap"], "norms": ["l2", "linf"], "curvature_draws": 5}
    changes = {"level_distance": section, "results": str(here), "shadow_models": 16}
    plan = plan_of(changes)
    costs = [probing_cost(plan.runs[0], name) for name in ("level_distance", "margin_gradient", "input_curvature")]
    assert costs == pytest.approx([23 * 200 * 2 * 2 / 800, 400 * 4 / 800, 2 * 5 * 200 / 800])
    for run in (0, 1):
        finish(plan, run, 80.0, scored=True)  # of 4 epochs of 200 members: a tenth of a second a pass
    taken = "{} of 32 models is to be taken, which comes on top: about {} of one job after the other"
    assert said(plan)[:3] == [
        taken.format("input_curvature", "1.8 h"),
        taken.format("level_distance", "16.4 h"),
        taken.format("margin_gradient", "86 min"),
    ]
    few = plan_of(changes | {"level_distance": section | {"models": 10}})
    assert said(few)[1].startswith("level_distance of 20 models")


def test_before_anything_is_there(here):
    models, time, source, _, disk = said(plan_of())
    assert models == "16 of 16 models are to be trained, 16 to be scored"
    assert re.fullmatch(r"time: about 1\d core-seconds of training and scoring, 1\d s with one job at a time", time)
    assert source.startswith(
        "this time is rough, for nothing is measured yet: the nets' arithmetic at 50 GFLOP/s a core"
    )
    assert disk.endswith("in the end; 5 GB free")


def test_measured_times_count(here):
    plan = plan_of({"shadow_models": 16})
    finish(plan, 0, 3600.0, scored=True)
    assert said(plan)[0] == "16 of 32 models are to be trained, 16 to be scored"
    assert "scaled from there" in said(plan)[2]
    finish(plan, 1, 1800.0)
    models, time, source, *_ = said(plan)
    assert models == "0 of 32 models are to be trained, 16 to be scored"
    # 16 times 900 samples at 4 checkpoints, where training takes as long as 3 times 200 samples in 4 epochs
    assert time.startswith("time: about 12 core-hours of training and scoring, 12.0 h with one job at a time")
    assert said(plan, 2)[1].startswith("time: about 12 core-hours of training and scoring, 6.0 h with 2 jobs at a time")
    assert said(plan, 9)[1] == said(plan, 2)[1], "there are two blocks"
    assert source.startswith("this time is measured: that of finished models")


def test_everything_is_there(here):
    plan = plan_of()
    for run in (0, 1):
        finish(plan, run, 1.0, scored=True)
    assert said(plan) == ["all 16 models are trained and scored"]


def test_a_net_of_the_users_own(here):
    plan = plan_of({"base.model": OWN})
    _, _, source, unknown, disk, _ = said(plan)
    assert "rough" in source
    assert unknown == "time of mlp: unknown, nothing of this architecture was measured yet"
    assert ", without those of mlp: unknown;" in disk
    both = [{"name": "mlp"}, {"name": "adam", "optimizer": {"name": "adam"}}]
    plan = plan_of({"base.model": OWN, "runs": both})
    assert [line.partition(":")[0] for line in said(plan)[1:]] == ["time of mlp, adam", "disk", "disk in all"]
    finish(plan, 0, 3600.0)
    assert "scaled from there" in said(plan)[2] and not said(plan)[3].startswith("time"), "the same net"
    plan = plan_of({"base.model": OWN})
    assert "measured where models are finished, elsewhere rough" in said(plan)[2]


def test_many_runs_are_not_all_named(here):
    own = [{"name": f"own{k}", "model": OWN, "optimizer": {"name": "sgd", "lr": 0.1 + k}} for k in range(11)]
    lines = said(plan_of({"runs": own}))
    assert "time of all 11 runs: unknown, nothing of this architecture was measured yet" in lines
    assert ", without those of all 11 runs: unknown;" in lines[-2]
    lines = said(plan_of({"runs": [{"name": "mlp"}, *own]}))
    some = "own0, own1, own2, own3, own4, own5, own6, own7 and 3 more"
    assert f"time of {some}: unknown, nothing of this architecture was measured yet" in lines


def test_a_gpu_was_never_measured(here):
    _, time, source, *_ = said(plan_of({"device": "cuda"}))
    assert "GPU-seconds" in time and source.startswith("this time is a guess, for nothing was ever measured on a GPU")


def test_disk(here):
    mega = 1e6
    assert disk(plan_of()) == pytest.approx((MLP * (8 * 4 + 3) / mega, 0, 18 * 16 * 4 * 900 / mega), rel=0.05)
    two = disk(plan_of(), 2)[0]
    assert two == pytest.approx((MLP + LOGISTIC) * (8 * 4 + 3) / mega, rel=0.05) and disk(plan_of(), 9)[0] == two
    kept = disk(plan_of({"keep_checkpoints": "all"}))
    assert kept[1] == pytest.approx((MLP + LOGISTIC) * 8 * 4 / mega, rel=0.05)
    assert kept[0] == pytest.approx(kept[1] + 3 * MLP / mega, rel=0.05)
    last = disk(plan_of({"keep_checkpoints": "last"}))
    assert last[1] == pytest.approx((MLP + LOGISTIC) * 8 / mega, rel=0.05)
    assert last[0] == pytest.approx(last[1] + MLP * (8 * 3 + 3) / mega, rel=0.05)


def test_disk_in_all(here):
    """Scores and samples are there to the end; tables come when weights have gone."""
    plan = plan_of()
    found = disk_of(plan, [Passing(MLP, 4, 900, 8, 0, 8, 0, (8,))], 1)
    assert found.pools == 900 * (64 + 17) + 128 * 500 // 8 and found.passing == MLP * (8 * 4 + 3)
    assert found.training - found.pools == found.weights + found.scores == MLP * (8 * 4 + 3) + 18 * 8 * 4 * 900
    assert found.end == found.pools + found.scores + found.tables and found.more == max(found.training, found.end)
    without = plan_of({"analysis.enabled": False})
    assert 0 < disk_of(without, [], 1).tables < found.tables
    assert said(plan)[-1] == (
        f"disk in all: {told_bytes(found.training + 8 * 18 * 4 * 900)} at most until all is scored, "
        f"{told_bytes(found.end + 8 * 18 * 4 * 900)} in the end; 5 GB free"
    )


def test_weights_of_teachers_stay_for_their_students(here):
    one = Passing(MLP, 4, 900, 16, 0, 16, 0, (8, 8))
    plain, taught = (disk_of(plan_of(), [each, one], 1).passing for each in (one, replace(one, teaches=True)))
    assert plain == MLP * (8 * 4 + 3) and taught == plain + 2 * MLP * 8 * 4
    mechanisms = {"runs.0.mechanisms": {"distillation": {"temperature": 5}}}
    plan = plan_of(mechanisms)
    assert len(teachers_of(plan)) == 1 and not teachers_of(plan_of())
    assert disk(plan)[0] == pytest.approx((MLP * 8 * 1 + MLP * (8 * 4 + 3)) / 1e6, rel=0.05), (
        "a hidden one saves its end"
    )


def test_many_blocks_wait_for_their_scoring(here):
    """Among more than a hundred ready jobs the scheduler does not see all."""
    profile = yaml.safe_load((PROJECT / "profiles/default/profile.yaml").read_text())
    assert profile["scheduler-subsample"] == READY_JOBS
    runs = [{"name": "mlp"}, {"name": "adam", "optimizer": {"name": "adam"}}]
    few, many = (disk(plan_of({"runs": some, "shadow_models": 800}), 2)[0] for some in (runs[:1], runs))
    assert many == pytest.approx(3 * few, rel=0.05)
    large = disk(plan_of({"runs": runs[:1], "shadow_models": 1600}), 2)[0]  # 128 blocks of 8 models, 18 of 32
    assert large == pytest.approx(4 * MLP * (32 * 4 + 3) / 1e6, rel=0.05)


def test_too_little_disk(here, monkeypatch):
    monkeypatch.setattr("memdyn.operations.cost.free_bytes", lambda folder: 1e6)
    assert said(plan_of())[-1].endswith("1 MB free, TOO LITTLE")


def test_few_logs_are_read(here, monkeypatch):
    plan = plan_of({"shadow_models": 160})
    finish(plan, 0, 1.0)
    read = []
    monkeypatch.setattr("memdyn.operations.progress._mean_seconds", lambda *arguments: read.append(arguments) or 1.0)
    assert said(plan)
    assert len(read) <= 5


def test_a_dry_run_says_it(tmp_path):
    """Of the study that takes hours, before its data are downloaded; a run of Snakemake costs three seconds."""
    config = PROJECT / "config/studies/dynamics_fashion_mnist.yaml"
    command = [sys.executable, "-m", "snakemake", "-n", "--snakefile", str(PROJECT / "Snakefile")]
    command += ["--directory", str(tmp_path), "--configfile", str(config), "--cores", "2"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    lines = [line.removeprefix("cost: ") for line in done.stdout.splitlines() if line.startswith("cost: ")]
    assert lines[0] == "384 of 384 models are to be trained, 384 to be scored"
    plan = build_plan(load_study(yaml.safe_load(config.read_text())))
    hours = 64 * sum(effort.guess for effort in efforts(plan)) / 3600
    stated, wall = re.match(r"time: about (\d+) core-hours of .*, ([\d.]+) h with 2 jobs at a time", lines[1]).groups()
    assert hours < float(stated) < 1.6 * hours and float(wall) == pytest.approx(float(stated) / 2, rel=0.05)
    assert len(lines) == 6 and lines[4].startswith("disk: ")
    assert re.match(
        r"attacks, analyses and report: \d+ jobs, about [\d.]+ core-\w+, .* with 2 jobs at a time", lines[3]
    )
    *_, before, last = done.stdout.splitlines()
    assert before == f"cost: {lines[-1]}" and last.startswith("The report will be ")


def test_a_probe_of_a_finished_study_says_what_it_would_take(here):
    Path("a.py").write_text('class A(Attack):\n    reads = (Reads("logits"),)\n')
    attacks = [{"name": "loss"}, {"name": "custom", "target": "a.py:A"}]
    changes = {"results": str(here), "attacks": attacks, "dynamics.attacks": ["loss"], "runs": []}
    plan = plan_of(changes)
    finish(plan, 0, seconds=60.0, scored=True)
    # 900 samples at 4 checkpoints forward, of 4 epochs of 200 members forward and back; and the start of the job
    minutes = round((8 * 60 * 900 * 4 / (3 * 4 * 200) + 4) / 60)
    first, last = said(plan)
    assert first == (
        f"logits of 8 models is to be taken, which comes on top: about {minutes} min of one job after the other"
    )
    assert last == "all 8 models are trained and scored"


def test_own_mechanisms_are_said_to_be_unknown(here):
    Path("m.py").write_text("class M:\n    pass\n")
    changes = {"runs.0.mechanisms": {"m": {"target": "m.py:M"}}, "results": str(here)}
    line = "what your own mechanisms take in mlp is not known, and not in this time"
    assert line in said(plan_of(changes)) and not any("own mech" in each for each in said(plan_of()))
    finish(plan_of(changes), 0, seconds=1.0)
    assert line not in said(plan_of(changes)), "measured"
