"""Attacks without shadow models: a stage a run where they are asked for, renaming nothing else, or none."""

import pytest

from exported_scores import arrays, write
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.plan.study import build_plan

AGAINST = {"runs": [{"name": "a"}, {"name": "b", "optimizer": {"lr": 0.01}}], "regularization": {"baseline": "a"}}


def plan(**more):
    return build_plan(load_study({"study": "s", "pool": {}} | more))


def test_a_stage_that_renames_no_other():
    without, with_it = plan(), plan(uncalibrated={})
    (old,), (new,) = without.runs, with_it.runs
    assert old.uncalibrated is None and new.uncalibrated.path.startswith(f"{new.outputs.path}/uncalibrated-m032-")
    assert with_it.folders()[new.name]["uncalibrated"] == new.uncalibrated.path
    assert [each.path for each in old.stages()] == [each.path for each in new.stages() if each is not new.uncalibrated]
    assert without.tables.folder != with_it.tables.folder


def test_runs_against_a_baseline_have_the_same_one():
    one, other = (run.uncalibrated.folder for made in (plan(uncalibrated={}), plan(**AGAINST)) for run in made.runs[:1])
    assert one == other != plan(uncalibrated={"known": 50}).runs[0].uncalibrated.folder
    with pytest.raises(ConfigError, match="uncalibrated: studies with `regularization` have these figures"):
        plan(uncalibrated={}, **AGAINST)


def test_scores_of_other_tools_have_it_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine.npz", arrays())
    study = {"study": "s", "scores": {"path": "mine.npz"}, "attacks": [{"name": "lira"}]}
    (run,) = build_plan(load_study(study | {"uncalibrated": {"known": 30}})).runs
    assert run.uncalibrated.options["known"] == 30
    with pytest.raises(ConfigError, match=r"uncalibrated.known = 31.* 60 members .* allowed: at most 30"):
        build_plan(load_study(study | {"uncalibrated": {"known": 31}}))


def test_labels_of_its_attacks_are_taken():
    with pytest.raises(ConfigError, match="no attack can be called 'avg'"):
        plan(attacks=[{"name": "custom", "target": "mine.py:Mine", "called": "avg"}], dynamics={"attacks": ["avg"]})


def test_more_known_samples_than_are_left_to_judge_are_refused():
    with pytest.raises(ConfigError, match=r"uncalibrated.known = 1001.* allowed: at most 1000"):
        plan(uncalibrated={"known": 1001})
