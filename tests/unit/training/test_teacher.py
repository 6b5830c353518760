"""Students and their teachers: the network of the same model, finished, and nothing else that is shared unasked."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.store.logs import failed_models
from memdyn.training.block import TrainingDiverged
from memdyn.training.teacher import TeacherCheckpoints, teachers_of
from slow_training import slow_training
from small_trainings import EPOCHS, Training, kill_after_epoch, mechanism, net_in, optimizer, small_pool

MODELS = range(4, 7)  # indices count from the study's first model, not from the block's


@pytest.fixture
def pool():
    return small_pool()


@pytest.fixture
def teacher(tmp_path, pool):
    return Training(tmp_path / "teacher", pool, MODELS, optimizer=optimizer(lr=0.1)).run()


def taught_by(teacher, name="distillation"):
    return TeacherCheckpoints(name, teacher.task.recipe, teacher.folder / "checkpoints", EPOCHS)


def student(folder, pool, teacher, *more, **changes):
    mechanisms = [mechanism("Distillation", teacher=True, temperature=2.0), *more]
    return Training(folder, pool, MODELS, mechanisms=mechanisms, teachers=(taught_by(teacher),), **changes)


def last(training, model):
    return load_checkpoint(checkpoint_file(training.folder / "checkpoints", model, EPOCHS))


def test_distillation_is_what_its_definition_says(pool, tmp_path, teacher):
    """-sum q log p, q = softmax(teacher / T) of the teacher with the student's own number, in float64 numpy."""
    found = student(tmp_path / "student", pool, teacher, augment={"crop": 1, "flip": True}).run()
    purposes = {"init": "init of distillation", "order": "order of distillation"}
    for model in MODELS:
        weights = {key: value.double().numpy() for key, value in last(teacher, model).items()}

        def loss(logits, labels, inputs, epoch, weights=weights):
            hidden = np.maximum(0, inputs.flatten(1).double().numpy() @ weights["1.weight"].T + weights["1.bias"])
            scores = (hidden @ weights["3.weight"].T + weights["3.bias"]) / 2.0
            q = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
            log_p = logits - logits.exp().sum(1, keepdim=True).log()
            return -(torch.from_numpy(q).float() * log_p).sum() / len(logits)

        expected = slow_training(found, model, **purposes, loss=loss)
        for name, value in expected.items():
            torch.testing.assert_close(last(found, model)[name], value, rtol=1e-4, atol=1e-5)
        assert any(not torch.allclose(value, last(teacher, model)[name], atol=0.01) for name, value in expected.items())


def test_a_student_draws_anew_only_what_it_asks_for(pool, tmp_path, teacher):
    """Distillation asks for weights and order of its own; another mechanism begins where the run without it does."""
    found = student(tmp_path / "student", pool, teacher).run()
    other = Training(tmp_path / "other", pool, MODELS, mechanisms=[mechanism("LogitPenalty", weight=0.1)]).run()
    for model in MODELS:
        start = f"model-{model:04d} epoch-0000.safetensors"
        assert other.weights()[start] == teacher.weights()[start]
        assert found.weights()[start] != teacher.weights()[start]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sgd", "sam"])
def test_a_killed_student_is_resumed_to_the_bit(pool, tmp_path, teacher, monkeypatch, name):
    how = {"model": net_in(tmp_path), "optimizer": optimizer(name), "augment": {"crop": 1, "flip": True}}
    more = [mechanism("Mixup"), mechanism("MovingTarget")]
    whole = student(tmp_path / "whole", pool, teacher, *more, **how).run()
    for epoch in range(1, EPOCHS + 1):
        parts = student(tmp_path / f"killed-{epoch}", pool, teacher, *more, **how)
        for _ in MODELS:
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                kill_after_epoch(patch, epoch)
                parts.run()
            torch.manual_seed(epoch)
        parts.run()
        assert parts.weights() == whole.weights()
        pd.testing.assert_frame_equal(parts.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))


def test_a_teacher_is_in_eval_mode_and_learns_nothing(pool, tmp_path):
    taught = Training(tmp_path / "teacher", pool, MODELS, model=net_in(tmp_path)).run()  # with dropout and statistics
    network = taught_by(taught).network(5, pool, torch.device("cpu"))
    assert not network.training and not any(weights.requires_grad for weights in network.parameters())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(torch.randn(8, 1, 8, 8))
    for name, value in last(taught, 5).items():
        assert torch.equal(before[name], value) and torch.equal(network.state_dict()[name], value)
    files = taught.weights()
    student(tmp_path / "student", pool, taught).run()
    assert taught.weights() == files


def test_two_mechanisms_have_their_own_teachers_in_order(pool, tmp_path, teacher, monkeypatch):
    other = Training(tmp_path / "other", pool, MODELS, epochs=1).run()
    seen = {}

    def note(sections, given):
        seen.update({section["name"]: given(section["name"]).teachers for section in sections})
        return {}

    monkeypatch.setattr("memdyn.training.block.build_mechanisms", note)
    teachers = (
        taught_by(teacher, "b"),
        TeacherCheckpoints("a", other.task.recipe, other.folder / "checkpoints", 1),
        taught_by(teacher, "a"),
    )
    mechanisms = [mechanism("Distillation", name, teacher=name != "c") for name in "abc"]
    Training(tmp_path / "student", pool, range(5, 6), mechanisms=mechanisms, teachers=teachers).run()
    found = {name: [network.state_dict()["1.bias"] for network in networks] for name, networks in seen.items()}
    short, long = (
        load_checkpoint(checkpoint_file(other.folder / "checkpoints", 5, 1))["1.bias"],
        last(teacher, 5)["1.bias"],
    )
    assert [len(found[name]) for name in "abc"] == [2, 1, 0]
    assert torch.equal(found["a"][0], short) and torch.equal(found["a"][1], long) and torch.equal(found["b"][0], long)


def test_a_teacher_that_was_not_given_is_told(pool, tmp_path):
    lonely = Training(tmp_path, pool, mechanisms=[mechanism("Distillation", teacher=True)])
    with pytest.raises(ValueError, match="'distillation' asks for a teacher, and this job was given none"):
        lonely.run()


def test_weights_of_a_teacher_that_are_gone_are_told(pool, tmp_path, teacher):
    shutil.rmtree(teacher.folder / "checkpoints")
    with pytest.raises(FileNotFoundError, match="epoch-0003.safetensors"):
        student(tmp_path / "student", pool, teacher).run()


def test_a_student_whose_teacher_diverged_is_left_out_with_it(pool, tmp_path, teacher):
    log = pd.read_parquet(teacher.folder / "log.parquet")
    log.loc[(log["model"] == 5) & (log["epoch"] == 2), "loss"] = np.nan
    log[(log["model"] != 5) | (log["epoch"] <= 2)].to_parquet(teacher.folder / "log.parquet")
    shutil.rmtree(teacher.folder / "checkpoints" / "model-0005")
    found = student(tmp_path / "student", pool, teacher, on_divergence="drop").run()
    assert failed_models(found.log()) == {5: 1}
    assert any(
        line == "model 5: a teacher of 'distillation' diverged, so that it cannot be trained" for line in found.said
    )
    assert len(found.weights(4)) == len(found.weights(6)) == EPOCHS + 1 and not found.weights(5)
    again = student(tmp_path / "stopped", pool, teacher)
    with pytest.raises(TrainingDiverged, match="^model 5"):
        again.run()


def test_what_a_script_hands_over():
    planned = [{"mechanism": name, "options": {"epochs": epochs}} for name, epochs in (("a", 3), ("b", 5))]
    one, two = teachers_of(planned, ["x/checkpoints", "y/checkpoints"])
    assert (one.mechanism, one.epoch, str(one.checkpoints)) == ("a", 3, "x/checkpoints")
    assert (two.mechanism, two.epoch) == ("b", 5)
    (alone,) = teachers_of(planned[:1], "x/checkpoints")
    assert str(alone.checkpoints) == "x/checkpoints" and teachers_of([], []) == ()
    with pytest.raises(ValueError):
        teachers_of(planned, ["x/checkpoints"])


def test_only_the_reserved_part_of_the_pool_can_be_read(pool, tmp_path):
    reserved = dataclasses.replace(pool, parts=pool.parts | {"spare": slice(40, 50)})
    found = Training(tmp_path / "reads", reserved, mechanisms=[mechanism("Reads")]).run()
    same = Training(tmp_path / "same", pool, mechanisms=[mechanism("LogitPenalty", weight=10.0)]).run()
    for name, value in last(found, 0).items():
        torch.testing.assert_close(last(same, 0)[name], value, rtol=1e-4, atol=1e-5)
    for part in ("scored", "sham", "population"):
        with pytest.raises(ValueError, match=f"the pool's part '{part}'; allowed: spare, with samples in it"):
            Training(tmp_path / part, reserved, mechanisms=[mechanism("Reads", part=part)]).run()
    empty = dataclasses.replace(pool, parts=pool.parts | {"spare": slice(40, 40)})
    with pytest.raises(ValueError, match="allowed: spare, with samples in it"):
        Training(tmp_path / "empty", empty, mechanisms=[mechanism("Reads")]).run()
