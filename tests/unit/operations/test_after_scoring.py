"""What comes after scoring is foretold from finished jobs of its kind, scaled by its size; else from constants."""

import json
import platform
from pathlib import Path

import pytest

import exported_scores
from finished_studies import finish
from job_records import RECORD
from memdyn.attacks import REGISTRY as ATTACKS
from memdyn.config.load import load_study
from memdyn.identity.records import SUFFIX
from memdyn.operations import machine
from memdyn.operations.after_scoring import (
    CALIBRATED,
    CALIBRATIONS,
    FOLDED,
    IN_FOLDS,
    LAWS,
    LEAST,
    MEASURED,
    ROUGH,
    SHOWN,
    comes_after,
    law_of,
    size_of,
    work_after_scoring,
)
from memdyn.operations.calibrate.kept import Calibration, Law, keep, name_of
from memdyn.operations.cost import told_times
from memdyn.operations.disk import states
from memdyn.operations.drawn import figures
from memdyn.operations.places import places
from memdyn.plan import stage as stages
from memdyn.plan.stage import ATTACK, FIGURES, Kind
from memdyn.plan.study import build_plan
from studies import study

OTHERS = 3.0  # CPU seconds of each job that is no attack


@pytest.fixture(autouse=True)
def on_the_machine_of_the_constants(monkeypatch):
    monkeypatch.setattr(machine, "pace", lambda: machine.Pace(1.0, 1.0))


def plan_of(results: Path, **changes):
    return build_plan(
        load_study(study({"results": str(results), "attacks": [{"name": "lira"}, {"name": "rmia"}]} | changes))
    )


def finish_with_records(plan, seconds: dict[str, float]) -> None:
    """A finished study whose jobs took so many CPU seconds, attacks by name."""
    finish(plan)
    for stage, place in places(plan).values():
        took = seconds[stage.options["attack"]["name"]] if stage.kind == ATTACK else OTHERS
        folder = place.parent / "logs" / place.name if stage.kind == FIGURES else place
        if not stage.kind.per_block:
            (folder / f"job{SUFFIX}").write_text(json.dumps(RECORD | {"cpu_seconds": took}))


def told(plan) -> str:
    """What the statement says of them."""
    return next(line for line in told_times(plan, None, 2) if line.startswith("time of attacks, analyses and report"))


def seconds_of(plan) -> dict[str, set[float]]:
    found: dict[str, set[float]] = {}
    for work in work_after_scoring(plan):
        found.setdefault(work.name, set()).add(work.unit and round(work.unit - LEAST, 6))
    return found


def test_before_anything_has_finished_constants_of_the_demo_speak(tmp_path):
    plan = plan_of(tmp_path)
    millions = 8 * 400 * 4 / 1e6
    found = seconds_of(plan)
    for name, attacks in {"lira": 1, "rmia": 1, "dynamics": 1, "agreement": 2}.items():
        law = LAWS[name]
        parts = law.fixed + 4 * law.checkpoint + attacks * millions * (law.once / 4 + law.rate)
        assert list(found[name]) == [pytest.approx(parts - LEAST, abs=1e-5)]
    assert list(found["figures"]) == [pytest.approx(SHOWN["figures"] * figures(plan))]
    assert list(found["tables"]) == [pytest.approx(SHOWN["tables"] * states(plan))]
    assert {work.source for work in work_after_scoring(plan)} == {ROUGH}
    assert None not in set().union(*found.values())


def test_constants_are_scaled_to_the_machine(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    here = work_after_scoring(plan)
    monkeypatch.setattr(machine, "pace", lambda: machine.Pace(1.0, 3.0))
    assert [work.seconds for work in work_after_scoring(plan)] == pytest.approx([3 * work.seconds for work in here])
    finish_with_records(plan, {"lira": 10.2, "rmia": 5.2})
    measured = {work.unit for work in work_after_scoring(plan_of(tmp_path, shadow_models=16)) if work.name == "lira"}
    assert measured == {20.2}, "what was measured here is not"


def test_every_attack_and_kind_of_job_has_a_time():
    assert {*LAWS, *CALIBRATIONS} >= set(ATTACKS)
    kinds = {each.name for each in vars(stages).values() if isinstance(each, Kind) and comes_after(each)}
    assert {*LAWS, *SHOWN, "attack"} >= kinds
    assert law_of("sequence").rate == LAWS["loss"].rate + 37 * CALIBRATIONS["sequence"] / 6.4


def test_a_calibration_speaks_where_nothing_has_finished(tmp_path):
    plan = plan_of(tmp_path)
    lira = plan.runs[0].attacks["lira"]
    slow = Law(fixed=1.0, checkpoint=2.0, once=1e3, rate=1e4)
    keep(tmp_path, Calibration(platform.node(), "cpu", 1, light_start=7.0, after={name_of(lira): slow}))
    found = [work for work in work_after_scoring(plan) if work.name == "lira"]
    assert [(work.seconds, work.source) for work in found] == [
        (pytest.approx(7 + 1 + 4 * 2 + 8 * 400 / 1e6 * 1e3 + 8 * 400 * 4 / 1e6 * 1e4), CALIBRATED)
    ] * 2
    assert {work.source for work in work_after_scoring(plan) if work.name != "lira"} == {ROUGH}
    assert told(plan).endswith("(in part calibrated and rough)")
    finish_with_records(plan, {"lira": 10.2, "rmia": 5.2})
    more = work_after_scoring(plan_of(tmp_path, shadow_models=16))
    assert {work.source for work in more} == {MEASURED}, "what has finished knows better"


def test_nothing_is_left_of_a_finished_study(tmp_path):
    plan = plan_of(tmp_path)
    finish(plan)
    assert work_after_scoring(plan) == []
    assert list(told_times(plan, None, 1)) == []


@pytest.mark.parametrize("change, times", [({"shadow_models": 16}, 2), ({"base.checkpoints": [0, 4]}, 0.5)])
def test_a_finished_job_is_scaled_by_models_and_checkpoints(tmp_path, change, times):
    finish_with_records(plan_of(tmp_path), {"lira": 10.2, "rmia": 5.2})
    plan = plan_of(tmp_path, **change)
    found = seconds_of(plan)
    assert found["lira"] == {10 * times} and found["rmia"] == {5 * times}
    assert found["dynamics"] == {round((OTHERS - LEAST) * times, 6)}
    assert found["tables"] == {round(OTHERS - LEAST, 6)}  # of as many runs
    assert {work.source for work in work_after_scoring(plan)} == {MEASURED}


def test_the_nearest_in_size_speaks(tmp_path):
    finish_with_records(plan_of(tmp_path), {"lira": 10.2, "rmia": 5.2})
    finish_with_records(plan_of(tmp_path, shadow_models=64), {"lira": 40.2, "rmia": 5.2})
    assert seconds_of(plan_of(tmp_path, shadow_models=16))["lira"] == {20.0}
    assert seconds_of(plan_of(tmp_path, shadow_models=128))["lira"] == {80.0}


def test_it_is_stated(tmp_path):
    finish_with_records(plan_of(tmp_path), {"lira": 100.2, "rmia": 0.2})
    assert told(plan_of(tmp_path, shadow_models=16)).endswith(": 15 jobs, about 8 core-minutes (measured)")
    own = plan_of(tmp_path, attacks=[{"name": "lira"}, {"name": "loss"}])
    assert told(own).endswith("(in part measured and rough)")


def test_a_finished_job_whose_pool_has_no_recipe_says_nothing(tmp_path):
    plan = plan_of(tmp_path)
    finish_with_records(plan, {"lira": 10.2, "rmia": 5.2})
    Path(tmp_path, plan.runs[0].pool.path, "recipe.yaml").unlink()
    left = [work for work in work_after_scoring(plan_of(tmp_path, shadow_models=16)) if work.name == "lira"]
    assert {work.source for work in left} == {ROUGH}


def test_attacks_in_folds_take_longer(tmp_path, monkeypatch):
    """As benchmarks/bench_folds.py has it, where nothing has finished."""
    monkeypatch.chdir(tmp_path)
    exported_scores.write(tmp_path / "folds.npz", exported_scores.arrays())
    mine = {"study": "mine", "scores": {"path": "folds.npz"}, "attacks": [{"name": "lira"}], "realised": None}
    plan = build_plan(load_study(mine | {"analysis": {"enabled": False}}))
    (pairs,) = [work.seconds for work in work_after_scoring(plan) if work.name == "lira"]
    stage = plan.runs[0].attacks["lira"]
    object.__setattr__(stage, "roots", (IN_FOLDS,))
    (folds,) = [work.seconds for work in work_after_scoring(plan) if work.name == "lira"]
    size = size_of(stage.options, plan.runs[0].pool.options["parts"], 1)
    assert folds - pairs == pytest.approx((FOLDED - 1) * LAWS["lira"].rate * size) and folds > pairs
