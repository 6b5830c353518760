"""What is said about cost before the first job."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from job_records import RECORD
from memdyn.config.load import load_study
from memdyn.design.blocks import block_names
from memdyn.operations import machine
from memdyn.operations.after_scoring import work_after_scoring
from memdyn.operations.cost import statement, told_bytes
from memdyn.operations.disk import READY_JOBS, Passing, disk_of, teachers_of, values_of
from memdyn.operations.effort import efforts, probing_cost
from memdyn.operations.nets import Nets
from memdyn.operations.work import wall
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
    monkeypatch.setattr(machine, "pace", lambda: machine.Pace(1.0, 1.0))
    return tmp_path


def plan_of(changes=None):
    return build_plan(load_study(study(changes)))


def said(plan, slots=1):
    """All but what comes after scoring, see test_after_scoring.py, and the sum."""
    others = "time of attacks", "time: in all", "rough: "
    return [line for line in statement(plan, slots) if not line.startswith(others)]


def in_all(plan, slots=1):
    return next(line for line in statement(plan, slots) if line.startswith("time: in all"))


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


def take(plan, run, name):
    """Leaves what the jobs of a probe leave."""
    for block in block_names(plan.study.config.shadow_models):
        file = Path(plan.results, plan.runs[run].probes[name].path, block, "signals.parquet")
        file.parent.mkdir(parents=True)
        file.touch()


def test_measures_that_are_to_be_taken(here):
    changes = {"difficulty.measures": ["prediction_depth"], "results": str(here)}
    plan = plan_of(changes)
    unknown = "what prediction_depth takes is not known, and not in this time"
    assert unknown in said(plan) and unknown not in said(plan_of())
    for run in (0, 1):
        finish(plan, run, 1.0, scored=True)
    assert said(plan) == ["all 16 models are trained and scored", unknown]
    for run in (0, 1):
        take(plan, run, "prediction_depth")
    assert said(plan) == ["all 16 models are trained and scored"]


def test_distances_that_are_to_be_taken(here):
    """Passes of the search, reckoned from the time that passes of training take; each is a part of the one sum."""
    section = {"samples": 100, "known": 50, "levels": ["q0.9", "gap"], "norms": ["l2", "linf"], "curvature_draws": 5}
    changes = {"level_distance": section, "results": str(here), "shadow_models": 16}
    plan = plan_of(changes)
    costs = [probing_cost(plan.runs[0], name) for name in ("level_distance", "margin_gradient", "input_curvature")]
    assert costs == pytest.approx([23 * 200 * 2 * 2 / 800, 400 * 4 / 800, 2 * 5 * 200 / 800])
    for run in (0, 1):
        finish(plan, run, 80.0, scored=True)  # of 4 epochs of 200 members: a tenth of a second a pass
    parts = "input_curvature 1.8 core-hours, level_distance 16 core-hours, margin_gradient 85 core-minutes"
    line = said(plan)[1]
    assert line.startswith("time of probes: 12 jobs, about 20 core-hours: ") and line.endswith(" (scaled)")
    assert set(line[line.index("hours: ") + 7 : line.index(" (")].split(", ")) == set(parts.split(", "))
    after = sum(work.seconds for work in work_after_scoring(plan)) / 3600
    hours = sum(work.seconds for work in Nets(plan).probes()) / 3600
    assert hours == pytest.approx(32 * 80 * sum(costs) / 3600, rel=0.01)
    assert in_all(plan).startswith(f"time: in all about {hours + after:.0f} core-hours, ")
    few = plan_of(changes | {"level_distance": section | {"models": 10}})
    assert {work.units for work in Nets(few).probes() if work.name == "level_distance"} == {10}


def test_what_is_read_off_an_earlier_end_is_counted_too(here):
    """A run that is another's checkpoint costs no training and no scoring, but distances are taken at its own end."""
    runs = [{"name": "plain"}, {"name": "stop", "epochs": 2, "checkpoints": [0, 1, 2]}]
    plan = plan_of({"runs": runs, "level_distance": {"samples": 100, "known": 50, "levels": ["q0.9"]}})
    assert plan.runs[1].repeats and len(plan.trained) == 1
    taken = [work.run for work in Nets(plan).probes() if work.name == "level_distance"]
    assert taken == [plan.runs[0].train.path] * 2


def test_before_anything_is_there(here):
    models, training, probes, _, disk = said(plan_of())
    assert models == "16 of 16 models are to be trained, 16 to be scored"
    assert re.fullmatch(r"time of training: 2 jobs, about \d+ core-seconds \(rough\)", training)
    assert re.fullmatch(r"time of probes: 2 jobs, about \d+ core-seconds \(rough\)", probes)
    assert disk.endswith("in the end; 5 GB free")
    rough = next(line for line in statement(plan_of(), 1) if line.startswith("rough: "))
    assert rough.endswith("scaled by a look at this machine: the nets' arithmetic at 50 GFLOP/s a core")


def test_the_sum_is_that_of_its_parts(here):
    plan = plan_of({"shadow_models": 16})
    finish(plan, 0, 3600.0)
    works = [*Nets(plan).training(), *Nets(plan).probes(), *work_after_scoring(plan)]
    hours = sum(work.seconds for work in works) / 3600
    assert in_all(plan) == f"time: in all about {hours:.0f} core-hours, {hours:.1f} h with one job at a time"
    assert in_all(plan, 2).endswith(f"{wall(works, 2) / 3600:.1f} h with 2 jobs at a time")


def test_a_slow_machine_is_said_to_be_one(here, monkeypatch):
    plan = plan_of()
    fast = {work.key: work.unit for work in Nets(plan).training()}
    monkeypatch.setattr(machine, "pace", lambda: machine.Pace(4.0, 1.0))
    assert {work.key: work.unit / 4 for work in Nets(plan).training()} == pytest.approx(fast)
    assert any("at 12 GFLOP/s a core" in line for line in statement(plan, 1))
    finish(plan, 0, 10.0)
    measured = {work.key: work.unit for work in Nets(plan).training()}
    monkeypatch.setattr(machine, "pace", lambda: machine.Pace(1.0, 1.0))
    assert measured == {work.key: work.unit for work in Nets(plan).training()}, "what has finished knows better"


def test_measured_times_count(here):
    plan = plan_of({"shadow_models": 16})
    finish(plan, 0, 3600.0, scored=True)
    assert said(plan)[0] == "16 of 32 models are to be trained, 16 to be scored"
    assert said(plan)[1].endswith("(scaled)")
    finish(plan, 1, 1800.0)
    models, probes, scaled, *_ = said(plan)
    assert models == "0 of 32 models are to be trained, 16 to be scored"
    # 16 times 900 samples at 4 checkpoints, where training takes as long as 3 times 200 samples in 4 epochs
    assert probes == "time of probes: 2 jobs, about 12 core-hours (scaled)"
    assert scaled == "scaled: from finished or calibrated runs, by the amount of arithmetic"
    assert in_all(plan).startswith("time: in all about 12 core-hours, 12.0 h with one job at a time")
    assert in_all(plan, 2).startswith("time: in all about 12 core-hours, 6.0 h with 2 jobs at a time")
    assert in_all(plan, 9).startswith("time: in all about 12 core-hours, 6.0 h"), "there are two blocks"


def test_finished_jobs_of_a_probe_tell_what_its_others_take(here):
    few = plan_of({"shadow_models": 8, "results": str(here)})
    finish(few, 0, 10.0, scored=True)
    folder = Path(few.results, few.runs[0].outputs.path, "block-0000-0007")
    (folder / "probe.job.json").write_text(json.dumps(RECORD | {"cpu_seconds": 40.0, "threads": 1}))
    more = plan_of({"shadow_models": 16, "results": str(here)})
    found = {work.key: (work.jobs, work.units, work.unit, work.source) for work in Nets(more).probes()}
    assert found[few.runs[0].outputs.path] == (1, 8, 5.0, "measured")


def test_everything_is_there(here):
    plan = plan_of()
    for run in (0, 1):
        finish(plan, run, 1.0, scored=True)
    assert said(plan) == ["all 16 models are trained and scored"]


def test_a_net_of_the_users_own(here):
    plan = plan_of({"base.model": OWN})
    *_, unknown, disk, _ = said(plan)
    assert said(plan)[1].endswith("(rough)"), "of the other run"
    assert unknown == "time of mlp: unknown, nothing of this architecture was measured yet"
    assert ", without those of mlp: unknown;" in disk
    both = [{"name": "mlp"}, {"name": "adam", "optimizer": {"name": "adam"}}]
    plan = plan_of({"base.model": OWN, "runs": both})
    assert [line.partition(":")[0] for line in said(plan)[1:]] == ["time of mlp, adam", "disk", "disk in all"]
    finish(plan, 0, 3600.0)
    assert said(plan)[1].endswith("(scaled)") and not any("unknown" in line for line in said(plan)[:-2]), "the same net"
    plan = plan_of({"base.model": OWN})
    assert [work.source for work in Nets(plan).training()] == ["measured", "rough"]


def test_many_runs_are_not_all_named(here):
    own = [{"name": f"own{k}", "model": OWN, "optimizer": {"name": "sgd", "lr": 0.1 + k}} for k in range(11)]
    lines = said(plan_of({"runs": own}))
    assert "time of all 11 runs: unknown, nothing of this architecture was measured yet" in lines
    assert ", without those of all 11 runs: unknown;" in lines[-2]
    lines = said(plan_of({"runs": [{"name": "mlp"}, *own]}))
    some = "own0, own1, own2, own3, own4, own5, own6, own7 and 3 more"
    assert f"time of {some}: unknown, nothing of this architecture was measured yet" in lines


def test_a_gpu_was_never_measured(here):
    plan = plan_of({"device": "cuda"})
    assert "GPU-seconds" in said(plan)[1]
    assert re.match(r"time: in all about \d+ GPU-seconds and \d+ core-seconds, ", in_all(plan))
    assert any(line.startswith("rough: a guess, for nothing was ever measured on a GPU") for line in statement(plan, 1))


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


@pytest.mark.parametrize(
    ("changes", "probe", "of_a_sample", "samples", "checkpoints"),
    [
        ({"attacks": [{"name": "lira_views"}], "probes.views.flip": True}, "views", 2 * 2, 900, 4),
        ({"attacks": [{"name": "embedding_norm"}]}, "embedding", 4, 900, 4),
        ({"attacks": [{"name": "gradient_norm"}]}, "gradient_norm", 1, 900, 4),
        ({"attacks": [{"name": "shokri2017"}]}, "logits", 10, 900, 4),
        ({"attacks": [{"name": "shokri2017"}], "probes.logits.dtype": "float16"}, "logits", 5, 900, 4),
        ({"level_distance": {"samples": 100, "known": 50, "levels": ["q0.9"]}}, "margin_gradient", 3, 400, 4),
        (
            {"level_distance": {"samples": 100, "known": 50, "levels": ["q0.9", "gap"], "norms": ["l2", "linf"]}},
            "level_distance",
            (2 + 1) * 2,
            200,
            1,
        ),
    ],
)
def test_signals_by_the_numbers_that_a_probe_writes(here, changes, probe, of_a_sample, samples, checkpoints):
    """As they were seen in the files of finished studies."""
    attacks = [each["name"] for each in changes.get("attacks", [{"name": "lira"}])]
    plan = plan_of({"runs": [], "analysis.enabled": False} | changes | {"dynamics.attacks": attacks})
    (run,) = plan.runs
    assert values_of(plan, run, run.probes[probe]) == 8 * checkpoints * samples * of_a_sample
    others = sum(values_of(plan, run, stage) for name, stage in run.probes.items() if name != "outputs")
    assert disk_of(plan, [], 1).signals == pytest.approx(3.5 * others)


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
    monkeypatch.setattr("memdyn.operations.counted._mean_seconds", lambda *arguments: read.append(arguments) or 1.0)
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
    hours = 64 * machine.pace().nets * sum(effort.guess for effort in efforts(plan)) / 3600
    (stated,) = re.match(r"time of training: 48 jobs, about (\d+) core-hours \(rough\)", lines[1]).groups()
    assert 0.6 * hours < float(stated) < 1.6 * hours
    assert re.match(r"time of attacks, analyses and report: \d+ jobs, about [\d.]+ core-\w+ \(", lines[3])
    total, wall = re.match(r"time: in all about (\d+) core-hours, ([\d.]+) h with 2 jobs at a time", lines[4]).groups()
    assert float(total) > float(stated) and float(wall) == pytest.approx(float(total) / 2, rel=0.05)
    assert lines[5].startswith("rough: ") and lines[6].startswith("disk: ") and len(lines) == 8
    *_, before, last = done.stdout.splitlines()
    assert before == f"cost: {lines[-1]}" and last.startswith("The report will be ")


def test_a_probe_of_a_finished_study_says_what_it_would_take(here):
    Path("a.py").write_text('class A(Attack):\n    reads = (Reads("logits"),)\n')
    attacks = [{"name": "loss"}, {"name": "custom", "target": "a.py:A"}]
    changes = {"results": str(here), "attacks": attacks, "dynamics.attacks": ["loss"], "runs": []}
    plan = plan_of(changes)
    finish(plan, 0, seconds=60.0, scored=True)
    # 900 samples at 4 checkpoints forward, of 4 epochs of 200 members forward and back; and the start of the job
    minutes = round((8 * 60 * 900 * 4 / (3 * 4 * 200) + 2) / 60)
    first, probes, *_ = said(plan)
    assert first == "all 8 models are trained and scored"
    assert probes == f"time of probes: 1 job, about {minutes} core-minutes (scaled)"


def test_own_mechanisms_are_said_to_be_unknown(here):
    Path("m.py").write_text("class M:\n    pass\n")
    changes = {"runs.0.mechanisms": {"m": {"target": "m.py:M"}}, "results": str(here)}
    line = "what your own mechanisms take in mlp is not known, and not in this time"
    assert line in said(plan_of(changes)) and not any("own mech" in each for each in said(plan_of()))
    finish(plan_of(changes), 0, seconds=1.0)
    assert line not in said(plan_of(changes)), "measured"
