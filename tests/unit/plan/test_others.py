"""Hidden runs whose outputs an attack reads: students of each run, for attack D of Ye et al."""

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.operations.cost import statement
from memdyn.operations.counted import count
from memdyn.operations.nets import Nets
from memdyn.plan.stage import TRAIN
from studies import plan, study

BLOCK = "block-0000-0007"
SMOOTH = {"label_smoothing": {"alpha": 0.1}}


def plan_of(tmp_path, attacks=({"name": "ye_distilled", "students": 2},), **changes):
    attacks = [{"name": "loss"}, *attacks]
    return plan(
        {"results": str(tmp_path), "pool.parts.spare": 100, "attacks": attacks, "dynamics.attacks": ["loss"]} | changes
    )


def test_each_student_learns_from_the_run_and_only_its_outputs_are_read(tmp_path):
    made = plan_of(tmp_path, runs=[{"name": "plain"}, {"name": "smooth", "mechanisms": SMOOTH}])
    assert made.teachers == [] and len(made.others) == 4
    for run in made.runs:
        assert list(run.others) == ["students.1", "students.2"]
        for name, other in run.others.items():
            assert other.name == f"{name} of {run.name}" and list(other.probes) == ["outputs"]
            assert list(other.train.needs.values()) == [run.train], "the run itself is the teacher"
            assert [each["name"] for each in other.train.options["mechanisms"]] == ["student"]
            assert other.train.options["checkpoints"] == other.epochs == [4]
            assert made.stage(other.outputs.path) is other.outputs
        attack = run.attacks["ye_distilled-students2"]
        assert attack.needs == {name: other.outputs for name, other in run.others.items()}
        assert run.attacks["loss"].needs == {}
        students = [other.train for other in run.others.values()]
        assert [each for each in made.readers(run.train, BLOCK) if each.kind == TRAIN] == students
        assert made.readers(students[0], BLOCK) == [run.others["students.1"].outputs]
    assert len({other.train.path for other in made.others}) == 4


def test_they_are_counted_and_not_reported(tmp_path):
    made = plan_of(tmp_path, runs=[{"name": "plain"}])
    assert "24 of 24 models are to be trained, 24 to be scored" in next(statement(made, 1))
    assert [run.name for run in made.trained] == ["plain", "students.1 of plain", "students.2 of plain"]
    assert count(made, made.others[0]).jobs == 1
    assert made.others[0].outputs.path in {work.key for work in Nets(made).probes()}
    assert [each["name"] for each in made.run_descriptions()] == ["plain"]
    paths = made.folders()["plain"]["others"]
    assert paths == {name: other.outputs.path for name, other in made.runs[0].others.items()}


def test_no_other_name_changes(tmp_path):
    """Not of training, of probes, or of other attacks."""
    with_it, without = plan_of(tmp_path), plan_of(tmp_path, attacks=())
    for one, other in zip(with_it.runs, without.runs, strict=True):
        assert (one.train.path, one.outputs.path) == (other.train.path, other.outputs.path)
        assert one.attacks["loss"].path == other.attacks["loss"].path
    assert "others" not in without.folders()["mlp"] and without.others == []


def test_more_students_keep_the_first(tmp_path):
    few, more = (plan_of(tmp_path, attacks=[{"name": "ye_distilled", "students": n}]) for n in (2, 3))
    ours, theirs = ([other.outputs.path for other in made.runs[0].others.values()] for made in (few, more))
    assert theirs[:2] == ours
    both = plan_of(tmp_path, attacks=[{"name": "ye_distilled", "students": n, "smoothing": "linear"} for n in (2, 3)])
    assert [other.outputs.path for other in both.runs[0].others.values()] == theirs
    label = "ye_distilled-linear-students"
    assert [len(both.runs[0].attacks[f"{label}{n}"].needs) for n in (2, 3)] == [2, 3]


def test_of_runs_that_differ_in_output_rules_the_students_are_trained_once(tmp_path):
    """Their answers are behind the same rules as those of the run."""
    ruled = {"name": "ruled", "mechanisms": {"rounding": {"digits": 1}}}
    made = plan_of(tmp_path, runs=[{"name": "plain"}, ruled])
    plain, other = (run.others["students.1"] for run in made.runs)
    assert plain.train.path == other.train.path and plain.outputs.path != other.outputs.path
    assert "rounding" not in str(other.train.options["mechanisms"])
    assert [run.shares for run in made.others] == [False, False, True, True]
    assert "24 of 24 models are to be trained, 48 to be scored" in next(statement(made, 1))


def test_other_runs_that_an_attack_does_not_ask_for_are_refused(tmp_path):
    code = 'class Mine(Attack):\n    reads = (Reads("gap", of="twins"),)\n'
    (tmp_path / "own.py").write_text(f"from memdyn.attacks.base import Attack, Reads\n\n\n{code}")
    with pytest.raises(ConfigError, match="attacks: Mine reads other runs, 'twins', and asks for none such"):
        plan_of(tmp_path, attacks=[{"name": "custom", "target": f"{tmp_path / 'own.py'}:Mine"}])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool.parts.spare": 0}, r"attack ye_distilled: pool\.parts\.spare = 0: students .*; allowed: at least 2"),
        ({"base.checkpoints": [0, 2]}, r"attack ye_distilled: checkpoints = \[0, 2\]: .*; allowed: with 4 as the last"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    raw = study({"pool.parts.spare": 100, "attacks": [{"name": "loss"}, {"name": "ye_distilled"}], **changes})
    with pytest.raises(ConfigError, match=message):
        load_study(raw | {"dynamics": {"attacks": ["loss"]}})
