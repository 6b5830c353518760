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
from memdyn.mechanisms import sample_gradients
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
    clipping = Clipping(net, clip, doubled(samples))
    logits = net(inputs.double())
    leaf = logits.detach().requires_grad_()
    F.cross_entropy(leaf, samples.labels).backward()
    assert clipping.backward(logits, B * leaf.grad) == sum(norm > clip for norm in norms)
    assert_close([each.grad for each in weights], clipped_sum(gradients, norms, clip))


def convolution(**options):
    """28 x 28 -> 8 channels -> the convolution in question -> classes; each conv with what precedes and follows it."""
    given = {"in_channels": 8, "out_channels": 12, "kernel_size": 3, **options}
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(inplace=True), nn.Conv2d(**given), nn.ReLU(), nn.Flatten(),
        nn.LazyLinear(CLASSES),
    )  # fmt: skip


CONVOLUTIONS = {
    "plain": {},
    "strided, an odd rest": {"stride": 2, "padding": 1},
    "strides that differ": {"stride": (3, 1), "padding": (0, 2)},
    "groups": {"groups": 4, "padding": 1},
    "depthwise": {"out_channels": 16, "groups": 8},
    "dilated": {"dilation": (2, 3), "padding": 2},
    "1 x 1": {"kernel_size": 1},
    "1 x 1, strided": {"kernel_size": 1, "stride": 2},
    "kernel that is not square": {"kernel_size": (1, 5), "padding": (0, 2)},
    "same": {"padding": "same", "kernel_size": 4},
    "valid": {"padding": "valid"},
    "reflect": {"padding": 2, "padding_mode": "reflect"},
    "circular, groups, strided": {"padding": 1, "padding_mode": "circular", "groups": 2, "stride": 2},
    "without bias": {"bias": False},
    "many channels and few pixels": {"out_channels": 64, "kernel_size": 5, "stride": 4},
    "so in groups": {"out_channels": 64, "kernel_size": 5, "stride": 4, "groups": 2},
}


def clipped_by_hand(net, values, labels):
    """(clip, clipped sums) of each sample's gradient by itself, in float64; clip is the median norm."""
    gradients, norms = one_by_one(net, values, labels)
    clip = float(np.median(norms))
    return clip, clipped_sum(gradients, norms, clip)


def clip_once(net, samples, values, clip):
    clipping = Clipping(net, clip, samples)
    for _ in range(2):  # nothing of the first pass is left in the second
        logits = net(values)
        leaf = logits.detach().requires_grad_()
        F.cross_entropy(leaf, samples.labels).backward()
        clipping.backward(logits, B * leaf.grad)
    return [each.grad for each in net.parameters()]


@pytest.mark.parametrize("held", [True, False], ids=["held", "not held"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels last"])
@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_every_kind_of_convolution(options, layout, held, monkeypatch):
    """As any of the ways to take norms and sums, in either layout; images in pieces of some samples."""
    monkeypatch.setattr(sample_gradients, "_HELD", 10**9 if held else 0)
    monkeypatch.setattr(sample_gradients, "_AT_ONCE", {"cpu": 50_000})
    torch.manual_seed(0)
    net, samples = convolution(**options), doubled(samples_of((1, 14, 14)))
    net.double()(samples.normalise(samples.samples, layout))
    net.to(memory_format=layout)
    values = samples.normalise(samples.samples, layout)
    clip, expected = clipped_by_hand(net, values, samples.labels)
    assert_close(clip_once(net, samples, values, clip), expected)


class Rows(nn.Module):
    """Fully connected layers at each row of a sample, of more and of fewer rows than channels."""

    def __init__(self):
        super().__init__()
        self.wide, self.narrow, self.last = nn.Linear(14, 30), nn.Linear(30, 2, bias=False), nn.Linear(28, CLASSES)

    def forward(self, x):
        return self.last(self.narrow(self.wide(x.squeeze(1)).tanh()).flatten(1))


class Frozen(nn.Module):
    """Weights that are not trained: of a layer, of a weight, of a bias."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(400, CLASSES)
        for weights in (*self.first.parameters(), self.second.weight, self.last.bias):
            weights.requires_grad = False

    def forward(self, x):
        return self.last(self.second(self.first(x)).relu().flatten(1))


class TwiceConvolved(nn.Module):
    """A convolution that is used twice, and pads otherwise than with zeros; and a weight that two layers share."""

    def __init__(self):
        super().__init__()
        self.twice = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")
        self.one, self.other = nn.Linear(14, 14), nn.Linear(14, 14, bias=False)
        self.other.weight = self.one.weight
        self.last = nn.Linear(196, CLASSES)

    def forward(self, x):
        x = self.twice(self.twice(x).tanh()).squeeze(1)
        return self.last(self.other(self.one(x).tanh()).flatten(1))


class Signals(nn.Module):
    """Layers that Opacus takes apart: one axis, a norm of layers."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Conv1d(14, 6, 3, padding=1), nn.LayerNorm(14), nn.Linear(84, CLASSES)

    def forward(self, x):
        return self.last(self.norm(self.first(x.squeeze(1))).tanh().flatten(1))


@pytest.mark.parametrize("kind", [Rows, Frozen, TwiceConvolved, Signals])
def test_other_nets(kind):
    torch.manual_seed(0)
    net, samples = kind().double(), doubled(samples_of())
    values = samples.normalise(samples.samples, torch.contiguous_format)
    trained = [each for each in net.parameters() if each.requires_grad]
    gradients, norms = one_by_one(net, values, samples.labels, weights=trained)
    clip = float(np.median(norms))
    found = [each for each in clip_once(net, samples, values, clip) if each is not None]
    assert_close(found, clipped_sum(gradients, norms, clip))


def test_a_layer_that_is_left_out_of_a_pass_has_no_gradient():
    """As with stochastic depth: neither that of the pass before, nor none at all."""
    samples, net = samples_of(), nn.Sequential(nn.Flatten(), nn.Linear(196, 196), nn.Linear(196, CLASSES))
    values = samples.normalise(samples.samples, torch.contiguous_format)
    clipping = Clipping(net, 1.0, samples)
    clipping.backward(net(values), torch.ones(B, CLASSES))
    clipping.backward(net[2](net[0](values)), torch.ones(B, CLASSES))
    assert not net[1].weight.grad.any() and net[2].weight.grad.any()


def doubled(samples):
    return _Doubled(samples.samples, samples.labels, samples.scale, samples.offset)


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


class Past(nn.Module):
    """Uses a layer's weight past the layer."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(196, 196), nn.Linear(196, CLASSES)

    def forward(self, x):
        return self.last(F.linear(self.first(x.flatten(1)).tanh(), self.first.weight))


class Named(nn.Module):
    """Gives a layer more than one input."""

    class Scaled(nn.Linear):
        def forward(self, x, by=1.0):
            return super().forward(x) * by

    def __init__(self):
        super().__init__()
        self.last = Named.Scaled(196, CLASSES)

    def forward(self, x):
        return self.last(x.flatten(1), by=2.0)


class Buffered(nn.Module):
    """A layer that Opacus cannot take apart, for it has a buffer."""

    def __init__(self):
        super().__init__()
        self.scale, self.last = nn.Parameter(torch.ones(196)), nn.Linear(196, CLASSES)
        self.register_buffer("shift", torch.zeros(196))

    def forward(self, x):
        return self.last(x.flatten(1) * self.scale + self.shift)


REFUSED = {
    "weights past their layer": (Past, "do not sum up to that of the batch at 'first.weight'"),
    "another input": (Named, "Scaled takes or returns something else than one tensor"),
    "a buffer": (Buffered, "has buffers"),
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


@pytest.mark.parametrize("norm", [nn.GroupNorm(4, 4), nn.InstanceNorm2d(4)], ids=["group", "instance"])
def test_a_bias_that_normalisation_takes_away_passes(norm):
    """Its gradient is of rounding errors alone, which need not sum up; as that of keys' biases in attention."""
    torch.manual_seed(0)
    net, samples = nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.Flatten(), nn.Linear(576, CLASSES)), samples_of()
    values = samples.normalise(samples.samples, torch.contiguous_format)
    gradients, norms = one_by_one(net, values, samples.labels)
    clip = float(np.median(norms))
    (*weights, _), (*expected, _) = clip_once(net, samples, values, clip), clipped_sum(gradients, norms, clip)
    assert_close([weights[0], weights[-1]], [expected[0], expected[-1]], 1e-4)
