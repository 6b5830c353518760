"""Clipping against what it stands for: each sample's gradient by itself, clipped, summed; and what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clipped_nets import (
    CLASSES,
    CNN,
    FAMILIES,
    SHAPE,
    B,
    assert_close,
    clipped_sum,
    mechanism_of,
    net_of,
    one_by_one,
    samples_of,
)
from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.mechanisms.clipping import Clipping
from memdyn.models.layout import layout_of
from small_trainings import MLP


@pytest.fixture(autouse=True)
def plain_torch():
    prepare_torch("cpu", 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sum_of_clipped_gradients_is_that_of_single_samples(family):
    """In float64: a rounding that turns a ReLU on would be no fault of the clipping."""
    shape = (1, 28, 28) if family == "vgg" else SHAPE  # five halvings must leave a group more than one value
    samples, net = samples_of(shape), net_of(FAMILIES[family], shape)
    inputs = samples.normalise(samples.samples, layout_of(net))
    gradients, norms = one_by_one(net_of(FAMILIES[family], shape).double(), inputs.double(), samples.labels)
    clip = float(np.median(norms))
    weights = list(net.double().parameters())
    clipping = Clipping(net, clip, _Doubled(samples.samples, samples.labels, samples.scale, samples.offset))
    logits = net(inputs.double())
    leaf = logits.detach().requires_grad_()
    F.cross_entropy(leaf, samples.labels).backward()
    assert clipping.backward(logits, B * leaf.grad) == sum(norm > clip for norm in norms)
    assert_close([each.grad for each in weights], clipped_sum(gradients, norms, clip))


class _Doubled(Samples):
    def normalise(self, samples, layout):
        return super().normalise(samples, layout).double()


@pytest.mark.parametrize("family", ["cnn", "mlp"])
def test_a_step_is_the_clipped_sum_over_the_expected_lot(family):
    """In float32, with the optimizer's layout of memory: from B samples, divided by a lot of another size."""
    samples, net = samples_of(), net_of(FAMILIES[family])
    inputs = samples.normalise(samples.samples, layout_of(net))
    gradients, norms = one_by_one(net, inputs, samples.labels)
    clip = float(np.median(norms))
    before = [each.detach().clone() for each in net.parameters()]
    mechanism, stepper = mechanism_of(net, samples, clip=clip, lot=7)

    def closure():
        return mechanism.backward(net(inputs), lambda logits: F.cross_entropy(logits, samples.labels))

    assert stepper.step(closure).item() == pytest.approx(
        F.cross_entropy(net_of(FAMILIES[family])(inputs), samples.labels).item()
    )
    moved = [one - other for one, other in zip(before, net.parameters(), strict=True)]
    assert_close(moved, [each / 7 for each in clipped_sum(gradients, norms, clip)], 1e-4)
    assert all(each.grad.stride() == each.stride() for each in net.parameters())


def test_without_clipping_a_step_is_the_sum_over_the_expected_lot():
    samples, net = samples_of(), net_of(CNN)
    inputs = samples.normalise(samples.samples, layout_of(net))
    gradients, _ = one_by_one(net, inputs, samples.labels)
    before = [each.detach().clone() for each in net.parameters()]
    mechanism, stepper = mechanism_of(net, samples, clip=None, lot=7)
    stepper.step(lambda: mechanism.backward(net(inputs), lambda logits: F.cross_entropy(logits, samples.labels)))
    moved = [one - other for one, other in zip(before, net.parameters(), strict=True)]
    assert_close(moved, [sum(of) / 7 for of in zip(*gradients, strict=True)], 1e-4)


def test_objectives_and_penalties_are_clipped_and_a_penalty_on_weights_is_not():
    """A penalty on logits is a part of each sample's loss; one on weights is nobody's, and comes after the noise."""
    samples, net = samples_of(), net_of(MLP)
    inputs = samples.normalise(samples.samples, layout_of(net))

    def of_sample(logits, labels):
        return F.cross_entropy(logits, labels, label_smoothing=0.3) + 0.2 * logits.square().mean()

    gradients, norms = one_by_one(net, inputs, samples.labels, of_sample)
    clip = float(np.median(norms))
    before = [each.detach().clone() for each in net.parameters()]
    mechanism, stepper = mechanism_of(net, samples, clip=clip)

    def loss(logits):
        return of_sample(logits, samples.labels) + 0.1 * sum(each.square().sum() for each in net.parameters())

    stepper.step(lambda: mechanism.backward(net(inputs), loss))
    expected = [each / B + 0.2 * w for each, w in zip(clipped_sum(gradients, norms, clip), before, strict=True)]
    assert_close([one - other for one, other in zip(before, net.parameters(), strict=True)], expected, 1e-4)


class Twice(nn.Module):
    """A layer that is used twice, which ghost clipping does not serve."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.last = nn.Linear(196, 6), nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.last(self.twice(self.twice(self.first(x.flatten(1))).tanh()).relu())


class Own(nn.Module):
    """Weights of its own, which no layer holds."""

    def __init__(self):
        super().__init__()
        self.scale, self.last = nn.Parameter(torch.linspace(0.5, 1.5, 196)), nn.Linear(196, CLASSES)

    def forward(self, x):
        return self.last((x.flatten(1) * self.scale).tanh())


@pytest.mark.parametrize("kind", [Twice, Own])
def test_nets_that_ghost_clipping_does_not_serve(kind):
    torch.manual_seed(0)
    samples, net = samples_of(), kind()
    inputs = samples.normalise(samples.samples, torch.contiguous_format)
    gradients, norms = one_by_one(net, inputs, samples.labels)
    clip = float(np.median(norms))
    clipping = Clipping(net, clip, samples)
    weights = list(net.parameters())
    for _ in range(2):
        logits = net(inputs)
        leaf = logits.detach().requires_grad_()
        F.cross_entropy(leaf, samples.labels).backward()
        clipping.backward(logits, B * leaf.grad)
        assert_close([each.grad for each in weights], clipped_sum(gradients, norms, clip))


class OfTheBatch(nn.Module):
    """Takes the batch's mean off, by itself."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(196, CLASSES)

    def forward(self, x):
        return self.last(x.flatten(1) - x.flatten(1).mean(0))


class Counts(nn.Module):
    """Keeps a mean of what it saw."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(196, CLASSES)
        self.register_buffer("seen", torch.zeros(196))

    def forward(self, x):
        self.seen += x.flatten(1).mean(0)
        return self.last(x.flatten(1))


class Idle(nn.Module):
    """A layer that nothing passes."""

    def __init__(self):
        super().__init__()
        self.last, self.idle = nn.Linear(196, CLASSES), nn.Linear(2, 2)

    def forward(self, x):
        return self.last(x.flatten(1))


REFUSED = {
    "batch norm": (lambda: nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(196, 4)), "BatchNorm2d \\(0\\)"),
    "without running means": (
        lambda: nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.Flatten(), nn.Linear(196, 4)),
        "BatchNorm2d \\(0\\)",
    ),
    "instance norm that keeps means": (
        lambda: nn.Sequential(nn.InstanceNorm2d(1, track_running_stats=True), nn.Flatten(), nn.Linear(196, 4)),
        "InstanceNorm2d \\(0\\)",
    ),
    "means of its own": (OfTheBatch, "depends on others"),
    "a buffer that learns": (Counts, "'seen' of the net learns from the members"),
    "a layer without gradient": (Idle, "reaches 'idle.weight'"),
}


@pytest.mark.parametrize(("net", "message"), REFUSED.values(), ids=REFUSED)
def test_nets_whose_samples_have_no_gradients_of_their_own(net, message):
    with pytest.raises(ValueError, match=f"dp_sgd.*{message}.*allowed"):
        Clipping(net(), 1.0, samples_of())


def test_instance_norm_without_means_and_dropout_pass():
    net = nn.Sequential(nn.InstanceNorm2d(1, affine=True), nn.Flatten(), nn.Dropout(0.5), nn.Linear(196, 4))
    Clipping(net, 1.0, samples_of())
