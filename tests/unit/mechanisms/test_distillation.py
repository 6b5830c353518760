"""Distillation against its definition, and the shipped one against a user's own file."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from every_mechanism import OPTIONS, Trained, batch_of, pool_with_spare, with_given
from memdyn.mechanisms.distillation import Distillation
from memdyn.mechanisms.mixup import Mixup
from small_trainings import mechanism


def teacher_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).requires_grad_(False).eval()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 5.0, 1000.0])
def test_targets_and_gradient_are_as_defined(temperature):
    pool, teacher = pool_with_spare(), teacher_net()
    student = with_given(Distillation(temperature), pool, teachers=(teacher,))
    batch = student.batch(batch_of(pool), 1, torch.Generator())
    scores = teacher(batch.inputs).double().numpy() / temperature
    q = np.exp(scores - scores.max(1, keepdims=True))
    q /= q.sum(1, keepdims=True)
    np.testing.assert_allclose(batch.targets, q, rtol=1e-5, atol=1e-7)
    logits = torch.randn(8, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, batch.targets), logits)
    torch.testing.assert_close(gradient, (logits.softmax(1) - batch.targets).detach() / 8)  # at T = 1, no hard term


def test_the_teacher_sees_what_the_student_sees():
    """Mixed samples first: it labels the mixture; then mixed: its labels of the two."""
    pool, teacher = pool_with_spare(), teacher_net()
    plain = batch_of(pool)
    mixup, distil = Mixup("inf"), Distillation(1.0)
    with_given(mixup, pool)
    with_given(distil, pool, teachers=(teacher,))
    mixed = mixup.batch(plain, 1, torch.Generator().manual_seed(1))
    first = distil.batch(mixed, 1, torch.Generator())
    torch.testing.assert_close(first.targets, teacher(mixed.inputs).softmax(1))
    then = mixup.batch(distil.batch(plain, 1, torch.Generator()), 1, torch.Generator().manual_seed(1))
    assert torch.equal(then.inputs, mixed.inputs)
    own = teacher(plain.inputs).softmax(1)
    draw = torch.Generator().manual_seed(1)
    torch.rand((), generator=draw, dtype=torch.float64)
    torch.testing.assert_close(then.targets, 0.5 * own + 0.5 * own[torch.randperm(8, generator=draw)])


def test_it_is_the_training_of_a_users_own_file(tmp_path):
    """Own initialisation, own order, and a teacher that is the recipe without mechanisms."""
    trained = Trained(tmp_path)
    config = trained.config("distillation")
    (teacher,) = config.mechanisms[0].teachers(config)
    assert teacher == trained.config()
    own = mechanism("Distillation", teacher=True, **OPTIONS["distillation"])
    assert trained.new(config).run().weights() == trained.new(config, mechanisms=[own]).run().weights()
