"""The size of a net without building it is that of the built one."""

import pytest
import torch
from pydantic import TypeAdapter
from torch.utils.flop_counter import FlopCounterMode

from memdyn.config.models import ModelConfig
from memdyn.models import REGISTRY
from memdyn.models.build import build_model
from memdyn.models.size import size_of
from memdyn.optim.muon import orthogonalise, split_parameters

NETS = [
    {"name": "logistic"},
    {"name": "mlp"},
    {"name": "mlp", "hidden": [16, 8], "activation": "tanh"},
    *(
        {"name": "cnn", "layers": layers, "strided": strided, "hidden": hidden, "norm": norm}
        for layers in (2, 4, 8)
        for strided in (True, False)
        for hidden, norm in [(0, "none"), (32, "batch"), (128, "group")]
    ),
    {"name": "resnet18"},
    {"name": "resnet18", "width": 8, "norm": "group"},
    {"name": "wrn"},
    {"name": "wrn", "depth": 10, "width": 1},
    {"name": "wrn", "depth": 16, "width": 3, "norm": "group"},
    {"name": "vgg"},
    {"name": "vgg", "width": 8, "hidden": [], "norm": "none"},
    {"name": "vgg", "width": 8, "hidden": [16], "norm": "group"},
]
OWN = {"name": "custom", "target": "own.py:Net"}


def options(net):
    return TypeAdapter(ModelConfig).validate_python(net).model_dump()


def flops_of(function, *arguments):
    with FlopCounterMode(display=False) as counter:
        function(*arguments)
    return counter.get_total_flops()


@pytest.mark.parametrize(("shape", "n_classes"), [((1, 28, 28), 10), ((3, 32, 32), 100), ((1, 8, 8), 10)])
@pytest.mark.parametrize("net", NETS, ids=lambda net: "-".join(map(str, net.values())))
def test_sizes_are_those_of_the_built_net(net, shape, n_classes):
    with torch.device("meta"):
        network = build_model(options(net), shape, n_classes)
        sample = torch.empty(1, *shape)
    found = size_of(options(net), shape, n_classes)
    assert found.flops == flops_of(network.eval(), sample)
    assert found.bytes == sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    hidden, _ = split_parameters(network)
    assert found.iteration == sum(flops_of(orthogonalise, matrix.detach().flatten(1)[None], 1) for matrix in hidden)


@pytest.mark.parametrize("net", [{"name": "logistic"}, {"name": "mlp", "hidden": [5]}])
def test_tables(net):
    network = build_model(options(net), (7,), 3)
    found = size_of(options(net), (7,), 3)
    assert found.bytes == 4 * sum(parameter.numel() for parameter in network.parameters())
    assert found.flops == flops_of(network, torch.zeros(1, 7))


def test_other_peoples_nets_have_no_known_size():
    known = {net["name"] for net in NETS}
    assert set(REGISTRY) - known == {"torchvision", "custom"}
    for net in ({"name": "torchvision", "arch": "resnet18"}, OWN):
        assert size_of(options(net), (3, 32, 32), 10) is None
