"""What a calibration measures, keeps and gives back; that plans use it is in test_after_scoring.py and test_cost.py."""

import json
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from memdyn.__main__ import main
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.config.load import load_study
from memdyn.data.pool import read_pool, write_pool
from memdyn.operations.calibrate.kept import Calibration, Law, keep, name_of, newest
from memdyn.operations.calibrate.measure import Budget, Study, fitted
from memdyn.operations.calibrate.small_jobs import Place
from memdyn.operations.calibrate.stand_in import pool_like, sizes
from memdyn.plan.study import build_plan
from memdyn.stats.roc import roc_of
from studies import study

PARTS = {"scored": 400, "sham": 100, "population": 200, "test": 200, "spare": 0}
HERE = Calibration("here", "cpu", 1, start=2.0, training={"a": 1.0}, after={"loss": Law(1.0, 2.0, 3.0, 4.0)})


def test_a_machine_keeps_what_it_has_measured(tmp_path):
    keep(tmp_path, HERE)
    keep(tmp_path, replace(HERE, start=3.0, training={"b": 5.0}, after={}))
    found = newest(tmp_path, "cpu", 1)
    assert found.training == {"a": 1.0, "b": 5.0} and found.after == HERE.after and found.start == 3.0
    assert newest(tmp_path, "cuda", 1) is None and newest(tmp_path, "cpu", 2) is None


def test_this_machine_comes_before_others(tmp_path):
    keep(tmp_path, replace(HERE, host=platform.node()))
    keep(tmp_path, replace(HERE, host="later"))
    assert newest(tmp_path, "cpu", 1).host == platform.node()
    Path(tmp_path, "calibration", f"{platform.node()}-cpu-1.json").unlink()
    assert newest(tmp_path, "cpu", 1).host == "later", "as on the login node of a cluster"


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"host": "here"})])
def test_a_file_that_is_no_calibration_is_named(tmp_path, content):
    path = keep(tmp_path, HERE)
    path.write_text(content)
    with pytest.raises(ValueError, match=r"here-cpu-1.json is no calibration .*calibrate again"):
        newest(tmp_path, "cpu", 1)


def test_an_entry_is_of_options_and_code_and_not_of_the_size():
    few, many, more = (
        build_plan(load_study(study(changes))).runs[0].attacks["loss"]
        for changes in (
            {"attacks": [{"name": "loss"}], "dynamics.attacks": ["loss"]} | each
            for each in ({}, {"shadow_models": 16, "base.checkpoints": [0, 4]}, {"statistics.null_draws": 40})
        )
    )
    assert name_of(few) == name_of(many) != name_of(more)
    slower = replace(few, roots=("audit_run.py",))
    assert name_of(slower) != name_of(few)


def test_a_law_is_found_again():
    law = Law(0.5, 0.2, 3.0, 1.5)
    jobs = [(checkpoints, samples * checkpoints) for samples in (0.01, 0.1) for checkpoints in (2, 4)]
    found = fitted({job: law.seconds(*job) for job in jobs})
    assert found.seconds(10, 1.28) == pytest.approx(0.5 + 2 + 3 * 0.128 + 1.5 * 1.28)
    noisy = fitted({job: 1.0 - 0.1 * job[0] for job in jobs})
    assert min(noisy.fixed, noisy.checkpoint, noisy.once, noisy.rate) >= 0


def test_a_stand_in_has_the_proportions_and_samples_of_the_pool(tmp_path):
    assert sizes(PARTS, 100) == {"scored": 100, "sham": 24, "population": 50, "test": 50, "spare": 0}
    assert sizes(PARTS, 4000) == PARTS
    random = pool_like(tmp_path / "none", ((1, 8, 8), 10), PARTS)
    assert random.images.shape == (900, 1, 8, 8) and len(random.class_names) == 10
    assert pool_like(tmp_path / "none", ((5,), 3), PARTS).images.shape == (900, 5)
    write_pool(random, str(tmp_path / "pool.arrow"))
    small = pool_like(tmp_path / "pool.arrow", ((1, 8, 8), 10), sizes(PARTS, 100))
    whole = read_pool(str(tmp_path / "pool.arrow"))
    for part, rows in small.parts.items():
        assert np.array_equal(small.images[rows], whole.images[whole.parts[part]][: rows.stop - rows.start])


def test_margins_of_stand_ins_tell_members_and_samples_differ(tmp_path):
    place = Place.at(tmp_path / "place", pool_like(tmp_path / "none", ((5,), 3), PARTS), 16)
    rows = np.arange(900)
    like = {"margin": np.zeros(900, dtype=np.float32), "entropy": np.arange(900, dtype=np.float32)}
    file = place.signals("outputs", like, rows, [0, 4])
    masks = [str(path) for path in (tmp_path / "place" / "masks").iterdir()]
    scores = ShadowScores.of_sources({"outputs": [file]}, tmp_path / "place" / "pool.arrow", masks, 16, [0, 4])
    signals = scores.loader("scored")(4)
    margins = signals.arrays["margin"]
    assert 0.55 < roc_of(margins, signals.mask, ()).auc < 0.75
    between, within = margins.mean(axis=0).var(), margins.var(axis=0).mean()
    assert between > within > 0


def test_a_budget_ends_by_either_clock(monkeypatch):
    """On a busy machine a minute of CPU time is six by the clock."""
    cpu, clock = [0.0], [100.0]
    monkeypatch.setattr("memdyn.operations.calibrate.measure.time.process_time", lambda: cpu[0])
    monkeypatch.setattr("memdyn.operations.calibrate.measure.time.monotonic", lambda: clock[0])
    budget = Budget(40.0, 80.0)
    cpu[0], clock[0] = 15.0, 130.0
    assert budget.lasts() and budget.lasts(0.5)
    clock[0] = 145.0
    assert budget.lasts() and not budget.lasts(0.5), "half of the time by the clock"
    clock[0] = 181.0
    assert not budget.lasts()
    cpu[0], clock[0] = 41.0, 110.0
    assert not budget.lasts()


def plan_of(results):
    changes = {"results": str(results), "attacks": [{"name": "loss"}], "dynamics.attacks": ["loss"]}
    return build_plan(load_study(study(changes)))


def test_what_there_is_no_time_for_is_named(tmp_path):
    plan = build_plan(
        load_study(study({"results": str(tmp_path), "attacks": [{"name": "loss"}], "dynamics.attacks": ["loss"]}))
    )
    late = Study(plan, tmp_path / "stand-ins", 40.0, 0.0)
    late.measure_nets()
    late.measure_after()
    assert (late.training, late.probes, late.after) == ({}, {}, {})
    assert {"training of mlp", "training of logistic", "loss", "dynamics"} <= set(late.left_out)


def test_a_law_that_runs_out_of_time_is_none(tmp_path, monkeypatch):
    """Of too few pieces it would be a guess."""
    plan = build_plan(
        load_study(study({"results": str(tmp_path), "attacks": [{"name": "loss"}], "dynamics.attacks": ["loss"]}))
    )
    late = Study(plan, tmp_path / "stand-ins", 40.0, 40.0)
    lasting = iter([True, False])  # a law is begun, two of its pieces are measured
    monkeypatch.setattr(Budget, "lasts", lambda budget, share=1.0: next(lasting, False))
    monkeypatch.setattr(Study, "_seconds", lambda *of: 1.0)
    late.measure_after()
    assert late.after == {} and late.left_out[0] == "loss"


@pytest.mark.slow
def test_a_study_is_calibrated(tmp_path, capsys):
    """Whole, on the small study: what is foretold of its training comes from here, and is of the right order."""
    raw = study({"results": str(tmp_path / "results"), "analysis.enabled": False, "realised": None})
    raw |= {"attacks": [{"name": "loss"}], "dynamics": {"attacks": ["loss"]}}
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(raw))
    assert main(["plan", "--configfile", str(config), "--calibrate"]) == 0
    said = capsys.readouterr().out
    assert "calibrated on this machine: " in said and "not measured" not in said
    assert (
        f"calibrated: on {platform.node()}" in said and "(in part calibrated and rough)" in said
    )  # tables, figures and page
    plan = build_plan(load_study(raw))
    found = newest(Path(plan.results), "cpu", 1)
    assert set(found.training) == {run.train.path for run in plan.runs}
    assert set(found.probes) == {run.outputs.path for run in plan.runs}
    assert {name.split()[0] for name in found.after} == {"loss", "dynamics", "agreement"}
    assert all(0 < seconds < 5 for seconds in (*found.training.values(), *found.probes.values()))
    assert 0 < found.light_start < found.start
    assert main(["plan", "--configfile", str(config)]) == 0 and "calibrated: on" in capsys.readouterr().out
