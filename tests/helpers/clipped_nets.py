"""Nets of every family with a few samples, and their gradients sample by sample: what clipping is held to."""

import math
from types import SimpleNamespace

import torch
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.mechanisms.dp_sgd import DpSgd
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of

SHAPE, CLASSES, B = (1, 14, 14), 4, 12
CNN = {"name": "cnn", "layers": 2, "width": 4, "strided": True, "hidden": 8, "norm": "none"}
FAMILIES = {
    "logistic": {"name": "logistic"},
    "mlp": {"name": "mlp", "hidden": [16, 8], "activation": "relu"},
    "mlp gelu": {"name": "mlp", "hidden": [8], "activation": "gelu"},
    "cnn": CNN,
    "cnn pooled": {**CNN, "strided": False, "norm": "group"},
    "cnn of 8": {**CNN, "layers": 8, "hidden": 0, "norm": "group"},
    "vgg": {"name": "vgg", "width": 4, "hidden": [16], "norm": "group"},
    "vgg without norm": {"name": "vgg", "width": 4, "hidden": [16], "norm": "none"},
    "resnet18": {"name": "resnet18", "width": 4, "norm": "group"},
    "resnet18 in channels_last": {"name": "resnet18", "width": 16, "norm": "group"},
    "wrn": {"name": "wrn", "depth": 10, "width": 1, "norm": "group"},
}


def samples_of(shape=SHAPE, count=B):
    draw = torch.Generator().manual_seed(1)
    values = torch.randint(256, (count, *shape), dtype=torch.uint8, generator=draw)
    scale = torch.full((1, 1, 1, 1), 1 / 64)
    return Samples(values, torch.arange(count) % CLASSES, scale, torch.full((1, 1, 1, 1), -2.0))


def net_of(options, shape=SHAPE):
    torch.manual_seed(3)
    net = build_model(options, shape, CLASSES)
    return net.to(memory_format=layout_of(net))


def one_by_one(net, inputs, labels, loss=F.cross_entropy, weights=None):
    """Gradients of each sample's loss, [sample][weights], and their norms; sample after sample."""
    weights = list(net.parameters()) if weights is None else weights
    gradients = [
        torch.autograd.grad(loss(net(inputs[i : i + 1]), labels[i : i + 1]), weights) for i in range(len(inputs))
    ]
    return gradients, [math.sqrt(sum(float((g.double() ** 2).sum()) for g in each)) for each in gradients]


def clipped_sum(gradients, norms, clip):
    shares = [min(1.0, clip / norm) for norm in norms]
    return [sum(share * g for share, g in zip(shares, of, strict=True)) for of in zip(*gradients, strict=True)]


def mechanism_of(net, inputs, **options):
    mechanism = DpSgd(**{"noise": 0.0, "clip": 1.0, "lot": B, **options})
    mechanism.given = SimpleNamespace(inputs=inputs)
    return mechanism, mechanism.update(torch.optim.SGD(net.parameters(), lr=1.0), net)


def assert_close(found, expected, bound=1e-5):
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= bound * max(float(other.abs().max()), 1e-3)
