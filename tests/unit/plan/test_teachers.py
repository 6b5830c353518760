"""Teachers: runs of the study where there is one of that recipe, else hidden ones."""

from pathlib import Path

import pytest

from memdyn.compare.regularization.names import label_of, mechanisms_of, parts_of
from memdyn.operations.cost import statement
from memdyn.operations.counted import count
from memdyn.operations.nets import Nets
from studies import plan

OWN = Path(__file__).resolve().parents[2] / "helpers" / "own_mechanisms.py"
BLOCK = "block-0000-0007"


def distil(**more):
    return {"distil": {"target": f"{OWN}:Distillation", "teacher": True, **more}}


def run(name, **sections):
    return {"name": name, "model": {"name": "logistic"}, **sections}


def plan_of(runs, tmp_path, **changes):
    return plan({"runs": runs, "results": str(tmp_path), **changes})


def test_a_run_of_the_study_is_its_students_teacher(tmp_path):
    made = plan_of([run("baseline"), run("student", mechanisms=distil())], tmp_path)
    baseline, student = made.runs
    assert made.teachers == [] and list(student.train.needs.values()) == [baseline.train]
    assert made.readers(baseline.train, BLOCK) == [baseline.outputs, student.train]
    assert made.results_of_weights(baseline.train, BLOCK)[1] == f"{student.train.path}/{BLOCK}/log.parquet"


def test_the_order_of_runs_does_not_matter(tmp_path):
    runs = [run("student", mechanisms=distil()), run("baseline")]
    assert plan_of(runs, tmp_path).teachers == []
    assert plan_of(runs, tmp_path).runs[0].train.path == plan_of(runs[::-1], tmp_path).runs[1].train.path


def test_a_hidden_teacher_is_trained_and_counted_and_not_reported(tmp_path):
    made = plan_of([run("a", mechanisms=distil()), run("b", mechanisms=distil(options={"temperature": 2.0}))], tmp_path)
    (teacher,) = made.teachers
    assert teacher.name == "teacher of a" and teacher.probes == {} and teacher.train.options["checkpoints"] == [4]
    assert made.readers(teacher.train, BLOCK) == [each.train for each in made.runs]
    assert [run.name for run in made.runs] == ["a", "b"] == list(made.folders())
    assert made.stage(teacher.train.path) is teacher.train
    assert "24 of 24 models are to be trained, 16 to be scored" in next(statement(made, 1))
    assert count(made, teacher).jobs == count(made, made.runs[0]).jobs == 1
    assert {work.run for work in Nets(made).probes()} == {run.train.path for run in made.runs}


def test_a_students_name_is_of_its_teachers_recipe_and_not_of_what_is_saved_of_it(tmp_path):
    def student(**changes):
        return plan_of([run("baseline"), run("student", mechanisms=distil())], tmp_path, **changes).runs[1].train

    alone = plan_of([run("student", mechanisms=distil())], tmp_path).runs[0].train
    assert student().path == alone.path
    fewer = {"base.checkpoints": [0, 4]}
    assert student(**fewer).options["teachers"] == student().options["teachers"]
    assert (
        student(**{"base.optimizer": {"name": "sgd", "lr": 0.3}}).options["teachers"] != student().options["teachers"]
    )
    longer = plan_of([run("student", mechanisms=distil(teacher={"epochs": 6}))], tmp_path)
    assert longer.teachers[0].train.options["epochs"] == 6 and longer.runs[0].train.path != alone.path


def test_a_baseline_that_does_not_save_its_end_is_no_teacher(tmp_path):
    made = plan_of([run("baseline", checkpoints=[0, 2]), run("student", mechanisms=distil())], tmp_path)
    assert len(made.teachers) == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_a_teacher_has_its_students_pool(tmp_path, seed):
    runs = [run("baseline", pool={"seed": seed}), run("student", mechanisms=distil())]
    made = plan_of(runs, tmp_path)
    assert len(made.teachers) == seed and all(teacher.pool is made.runs[1].pool for teacher in made.teachers)


def test_what_a_student_differs_in_is_its_mechanism_and_not_its_teacher_too():
    """A run with another teacher has its own: a combination is told by its parts all the same."""
    distilled = {"mechanisms": {"distillation": {"temperature": 5}}}
    runs = [{"name": "plain"}, {"name": "crop", "augment": {"crop": 1}}, {"name": "distilled", **distilled}]
    runs.append({"name": "both", "augment": {"crop": 1}, **distilled})
    told = plan({"base.model": {"name": "cnn", "width": 2}, "runs": runs}).run_descriptions()
    baseline = told[0]["recipe"]
    named = {each["name"]: mechanisms_of(each["recipe"], baseline) for each in told}
    assert label_of(named["distilled"]) == "distillation temperature=5"
    assert parts_of(named) == {"both": ["crop", "distilled"]}
