"""Runs that end earlier at a constant rate are checkpoints of the longer ones, and cost nothing."""

from pathlib import Path

import pytest

from memdyn.config.recipe import TrainConfig
from memdyn.operations.cost import statement
from memdyn.operations.counted import count
from studies import plan

OWN = Path(__file__).resolve().parents[2] / "helpers" / "own_mechanisms.py"


def plan_of(tmp_path, *runs, **changes):
    return plan({"runs": [{"name": "plain"}, *runs], "results": str(tmp_path), "base.checkpoints": "all", **changes})


def test_an_earlier_end_is_a_checkpoint(tmp_path):
    made = plan_of(tmp_path, {"name": "stop2", "epochs": 2}, {"name": "stop3", "epochs": 3})
    plain, *stopped = made.runs
    assert [run.epochs for run in made.runs] == [[0, 1, 2, 3, 4], [0, 1, 2], [0, 1, 2, 3]]
    for run in stopped:
        assert (run.train.path, run.outputs.path) == (plain.train.path, plain.outputs.path)
        assert run.shares and run.repeats and not plain.shares
    attacks = {stage.path for run in made.runs for stage in run.attacks.values()}
    assert len(attacks) == 3 * len(plain.attacks), "each is attacked at its own end"
    assert [each["recipe"]["epochs"] for each in made.run_descriptions()] == [4, 2, 3]
    assert made.trained == [plain] and count(made, plain).jobs == 1
    said = list(statement(made, 1))
    assert said[0] == "8 of 8 models are to be trained, 8 to be scored"
    assert said[1] == "stop2, stop3: an earlier checkpoint of another run, for which nothing is trained or scored"
    assert all(made.stage(stage.path) is stage or made.stage(stage.path) for run in made.runs for stage in run.stages())


def test_the_order_of_runs_does_not_matter(tmp_path):
    changes = {"runs": [{"name": "stop2", "epochs": 2}, {"name": "plain"}]}
    made = plan_of(tmp_path, **changes)
    assert [run.train.path for run in made.runs] == [plan_of(tmp_path).runs[0].train.path] * 2
    assert [run.name for run in made.trained] == ["plain"]


COSINE = {"name": "cosine"}
STEPS = {"name": "step", "milestones": [1]}
TRAINED = {
    "a schedule that knows the end": ({"schedule": COSINE}, {"schedule": COSINE}),
    "another rate": ({}, {"optimizer": {"lr": 0.01}}),
    "another pool": ({}, {"pool": {"seed": 5}}),
    "another precision": ({}, {"precision": "bfloat16"}),
    "a mechanism": ({}, {"mechanisms": {"label_smoothing": {"alpha": 0.1}}}),
    "mechanisms on both sides": tuple([{"mechanisms": {"label_smoothing": {"alpha": 0.1}}}] * 2),
    "an end that is not saved": ({"checkpoints": [0, 1, 4]}, {"checkpoints": [0, 2]}),
}


@pytest.mark.parametrize(("longer", "shorter"), TRAINED.values(), ids=TRAINED)
def test_others_are_trained(tmp_path, longer, shorter):
    runs = [{"name": "long", **longer}, {"name": "short", "epochs": 2, **shorter}]
    one, other = plan({"runs": runs, "results": str(tmp_path), "base.checkpoints": "all"}).runs
    assert one.train.path != other.train.path and not other.shares


@pytest.mark.parametrize("schedule", [{"name": "constant", "warmup_epochs": 0.5}, STEPS], ids=["warm-up", "steps"])
def test_schedules_that_count_from_the_start(tmp_path, schedule):
    runs = [{"name": "long"}, {"name": "short", "epochs": 2}]
    made = plan({"runs": runs, "results": str(tmp_path), "base.checkpoints": "all", "base.schedule": schedule})
    assert made.runs[0].train.path == made.runs[1].train.path


def test_an_output_rule_behind_an_earlier_end_is_scored_anew(tmp_path):
    made = plan_of(tmp_path, {"name": "stop2", "epochs": 2, "mechanisms": {"top_k": {"k": 1}}})
    plain, stopped = made.runs
    assert stopped.shares and not stopped.repeats and stopped.outputs.path != plain.outputs.path
    assert next(statement(made, 1)) == "8 of 8 models are to be trained, 16 to be scored"


def test_a_teacher_that_ends_earlier_is_trained(tmp_path):
    """Its weights are asked for by its own name, which the longer run does not have."""
    student = {"name": "student", "epochs": 2, "mechanisms": {"distillation": {"temperature": 2}}}
    made = plan_of(tmp_path, student, {"name": "stop2", "epochs": 2})
    plain, taught, stopped = made.runs
    (teacher,) = made.teachers
    assert teacher.train.path == next(iter(taught.train.needs.values())).path != plain.train.path
    assert stopped.train.path == plain.train.path and teacher.run.train.epochs == 2


def test_it_is_the_same_training_to_the_bit(tmp_path):
    """What the plan takes for granted."""
    from small_trainings import Training, net_in, small_pool
    from small_trainings import schedule as scheduled

    for number, schedule in enumerate((scheduled(warmup_epochs=1.5), scheduled("step", milestones=[1]))):
        how = {"model": net_in(tmp_path), "schedule": schedule, "augment": {"crop": 1, "flip": True}}
        long, short = (
            Training(tmp_path / f"{number}-{epochs}", small_pool(), epochs=epochs, **how).run() for epochs in (5, 2)
        )
        assert short.weights().items() <= long.weights().items()


def test_which_schedules_know_the_end():
    def is_checkpoint(schedule):
        raw = {"schedule": schedule, "epochs": 3, "checkpoints": [3]}
        longer = {"epochs": 5, "checkpoints": [3, 5]}
        return TrainConfig.model_validate(raw).is_checkpoint_of(TrainConfig.model_validate(raw | longer))

    own = {"name": "custom", "target": f"{OWN}:schedule"}
    assert is_checkpoint({"name": "constant"}) and is_checkpoint(STEPS)
    assert not any(map(is_checkpoint, ({"name": "cosine"}, {"name": "one_cycle"}, own)))
