"""Small nets of every kind and a few images, for what is read off networks."""

import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of

CNN = {"name": "cnn", "layers": 2, "width": 4, "strided": True, "hidden": 8, "norm": "none"}
NETS = {
    "logistic": {"name": "logistic"},
    "mlp": {"name": "mlp", "hidden": [16, 8], "activation": "gelu"},
    "cnn": CNN,
    "cnn, pooled, BatchNorm": CNN | {"strided": False, "norm": "batch"},
    "cnn, GroupNorm": CNN | {"norm": "group"},
    "resnet18": {"name": "resnet18", "width": 4, "norm": "batch"},
    "wrn": {"name": "wrn", "depth": 10, "width": 1, "norm": "group"},
    "torchvision": {"name": "torchvision", "arch": "resnet18", "image_size": 0},
}
N, SHAPE, CLASSES = 6, (1, 8, 8), 4


def images() -> Samples:
    made = torch.Generator().manual_seed(0)
    samples = torch.randint(0, 256, (N, *SHAPE), generator=made, dtype=torch.uint8)
    one = torch.ones(1, 1, 1, 1)
    return Samples(samples, torch.randint(0, CLASSES, (N,), generator=made), one / 64, -2 * one)


def trained_a_little(options: dict) -> nn.Module:
    """With running statistics that are not those of its making."""
    torch.manual_seed(1)
    network = build_model(options, SHAPE, CLASSES)
    network.to(memory_format=layout_of(network))
    with torch.no_grad():
        network(torch.randn(16, *SHAPE))
    return network
