"""DMP and SELENA: who is trained on what, and the targets that a student has."""

import pytest
import torch

from every_mechanism import Trained, batch_of
from memdyn.compute.samples import Samples
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.recipe import TrainConfig
from memdyn.identity.names import plain_options
from memdyn.mechanisms.selena import left_out
from memdyn.operations.effort import efforts
from memdyn.training.block import _mechanisms
from studies import plan, study

MLP = {"name": "mlp", "hidden": [5]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"))


def made(trained, name, model=0, **options):
    plain = plain_options(trained.config(model=MLP))
    training = trained.new(TrainConfig.model_validate({**plain, "mechanisms": {name: options}}))
    inputs = Samples.of_pool(trained.pool, slice(0, 40), torch.device("cpu"))
    return _mechanisms(training.task, model, inputs, trained.pool)[name], inputs, training


def softmax_of(network, samples, rows, temperature=1.0):
    with torch.no_grad():
        one_by_one = [
            network(samples.normalise(samples.samples[row : row + 1], torch.contiguous_format)) for row in rows
        ]
    return (torch.cat(one_by_one) / temperature).softmax(1)


# -- DMP --------------------------------------------------------------------------------------------------------------


def test_dmp_learns_the_teachers_outputs_for_reserved_samples_alone(trained):
    mechanism, _, _ = made(trained, "dmp", temperature=3.0)
    (teacher,) = mechanism.given.teachers
    reserved = Samples.of_pool(trained.pool, slice(40, 50), torch.device("cpu"))
    inputs = reserved.normalise(reserved.samples, torch.contiguous_format)
    expected, seen = softmax_of(teacher, reserved, range(10), 3.0), []
    draw = torch.Generator().manual_seed(4)
    for _ in range(5):
        batch = mechanism.batch(batch_of(trained.pool, 6), 1, draw)
        rows = [int((inputs == each).flatten(1).all(1).nonzero()) for each in batch.inputs]
        torch.testing.assert_close(batch.targets, expected[rows])
        assert torch.equal(batch.labels, reserved.labels[rows]) and (batch.rows == -1).all()
        seen += rows
    # each reserved sample once in each pass
    assert all(sorted(seen[first : first + 10]) == list(range(10)) for first in (0, 10, 20))
    assert seen[:10] != seen[10:20]


def test_dmp_s_weights_do_not_depend_on_the_members_but_by_the_teacher(trained, monkeypatch):
    """The same teacher, and other members of the student: the same bits."""
    _, _, training = made(trained, "dmp")
    found = training.run()
    other = trained.new(
        TrainConfig.model_validate({**plain_options(trained.config(model=MLP)), "mechanisms": {"dmp": {}}})
    )
    object.__setattr__(other.task, "masks", ~other.task.masks)
    assert other.run().weights() == found.weights()
    assert trained.new(trained.config(model=MLP)).run().weights() != found.weights()


def test_dmp_without_a_teacher_is_refused():
    raw = study({"runs": [], "pool.parts.spare": 50, "base.mechanisms": {"dmp": {"teacher": False}}})
    with pytest.raises(ConfigError, match=r"mechanisms.dmp: teacher = false: it has nobody to learn from"):
        load_study(raw)


# -- SELENA -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sub_models", "times"), [(2, 1), (5, 2), (25, 10)])
def test_each_sample_is_left_out_of_l_sub_models_drawn_alike(sub_models, times):
    found = left_out(4000, sub_models, times, torch.Generator().manual_seed(0))
    assert found.shape == (4000, sub_models) and (found.sum(1) == times).all()
    torch.testing.assert_close(found.float().mean(0), torch.full((sub_models,), times / sub_models), atol=0.04, rtol=0)


def test_a_student_learns_from_those_that_did_not_train_on_the_sample(trained):
    """The sub-models and the student agree on who was left out where, and targets are the mean of these."""
    options = {"sub_models": 3, "left_out": 2}
    for model in (0, 1):
        student, inputs, training = made(trained, "selena", model, **options)
        members = torch.from_numpy(training.task.masks[model]).nonzero().squeeze(1)
        on = {fold: made(trained, "selena", model, **options, fold=fold)[0].members(members) for fold in range(3)}
        assert sum(map(len, on.values())) == len(members) and torch.equal(student.members(members), members)
        batch = student.batch(batch_of(trained.pool), 1, torch.Generator())
        for row, target in zip(batch.rows.tolist(), batch.targets, strict=True):
            if row in members:
                asked = [student.given.teachers[fold] for fold in range(3) if row not in on[fold]]
                assert len(asked) == 2
                expected = torch.stack([softmax_of(each, inputs, [row])[0] for each in asked]).mean(0)
                torch.testing.assert_close(target, expected)
        torch.testing.assert_close(batch.targets.sum(1), torch.ones(len(batch.rows)))


def test_a_sub_model_begins_as_the_plain_training_and_a_student_does_not(trained):
    plain = trained.new(trained.config(model=MLP)).run()
    start = "model-0000 epoch-0000.safetensors"
    options = {"sub_models": 3, "left_out": 2}
    assert made(trained, "selena", **options, fold=1)[2].run().weights()[start] == plain.weights()[start]
    found = made(trained, "selena", **options)[2].run()
    assert found.weights()[start] != plain.weights()[start]


def test_sub_models_are_hidden_runs(tmp_path):
    runs = [{"name": "s", "mechanisms": {"selena": {"sub_models": 4, "left_out": 2}}}]
    made = plan({"runs": runs, "results": str(tmp_path)})
    folds = [teacher.train.options["mechanisms"][0]["fold"] for teacher in made.teachers]
    assert folds == [0, 1, 2, 3] and list(made.runs[0].train.needs.values()) == [each.train for each in made.teachers]
    assert len({effort.passes for effort in efforts(made)[:4]}) == 1
    assert efforts(made)[0].passes == efforts(made)[4].passes / 2  # half of the members are left out
    assert [teacher.name for teacher in made.teachers] == [f"teacher {number} of s" for number in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sub_models": 4, "left_out": 4}, "left_out: must be below sub_models = 4, got 4"),
        ({"sub_models": 4, "left_out": 2, "fold": 4}, "fold: must be below sub_models = 4, got 4"),
    ],
)
def test_impossible_splits_are_refused(options, message):
    with pytest.raises(ConfigError) as caught:
        load_study(study({"runs": [], "base.mechanisms": {"selena": options}}))
    assert caught.value.problems == [f"base.mechanisms.selena.{message}"]
