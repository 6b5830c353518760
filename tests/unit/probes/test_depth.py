"""Prediction depth on a network whose probes are known, against a slow derivation, and which blocks networks have."""

from collections import Counter

import pytest
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.models.build import build_model
from memdyn.probes.depth import blocks, prediction_depth

SHAPE, CLASSES = (1, 8, 8), 3


def depths(network, samples, members, batch, neighbours):
    return prediction_depth(network, samples, members, batch, neighbours=neighbours)["prediction_depth"]


def row(values: list[float], labels: list[int]) -> Samples:
    """Samples on a line."""
    return Samples(torch.tensor(values).unsqueeze(1), torch.tensor(labels), torch.ones(1, 1), torch.zeros(1, 1))


def outer_or_inner() -> nn.Module:
    """x -> (x+, x-) -> |x| -> class 1 where |x| > 2: two blocks and the classifier."""
    network = nn.Sequential(nn.Linear(1, 2), nn.ReLU(inplace=True), nn.Linear(2, 1), nn.Linear(1, 2))
    weights = [[[1.0], [-1.0]], [[1.0, 1.0]], [[0.0], [1.0]]]
    biases = [[0.0, 0.0], [0.0], [0.0, -2.0]]
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    for layer, weight, bias in zip(layers, weights, biases, strict=True):
        layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    return network


# members with their classes; on the right there is one outer member, far away from the inner ones
MEMBERS = {-5.0: 1, -4.0: 1, -1.0: 0, -0.6: 0, 0.9: 0, 1.2: 0, 7.0: 1}
# others, and where the nearest member's class settles on the network's prediction
OTHERS = {
    -4.4: 0,  # outer, beside outer members, in all layers
    1.0: 0,  # inner
    3.2: 2,  # outer, beside inner members on the right; only |x| puts it beside the outer ones on the left
    2.3: 3,  # outer, but nearest to 1.2 in every layer: the classifier alone settles it
}


@pytest.mark.parametrize("batch", [3, 500])
def test_known_depths(batch):
    inputs = row([*MEMBERS, *OTHERS], [*MEMBERS.values(), *([0] * len(OTHERS))])
    members = torch.arange(len(inputs)) < len(MEMBERS)
    found = depths(outer_or_inner(), inputs, members, batch, 1).tolist()
    assert found[len(MEMBERS) :] == list(OTHERS.values())
    # without its own vote the lonely member is settled by |x| only; the others have friends at their side
    assert found[: len(MEMBERS)] == [0, 0, 0, 0, 0, 0, 2]


def test_the_labels_of_the_members_vote_not_their_predictions():
    labels = [0 if x == -4.0 else label for x, label in MEMBERS.items()]  # mislabelled
    inputs = row([*MEMBERS, -4.1], [*labels, 0])
    members = torch.arange(len(inputs)) < len(MEMBERS)
    found = depths(outer_or_inner(), inputs, members, 500, 1).tolist()
    assert found[-1] == 3 and found[0] == 3


def test_the_majority_of_k_decides_and_the_first_class_of_equals():
    inputs = row([0.0, 0.1, 0.3, 10.0], [1, 0, 0, 1])
    members = torch.tensor([True, True, True, True])
    never = nn.Sequential(nn.Linear(1, 2))
    never[0].weight.data, never[0].bias.data = torch.zeros(2, 1), torch.tensor([1.0, 0.0])
    assert depths(never, inputs, members, 4, 2).tolist() == [0, 0, 0, 0]
    never[0].bias.data = torch.tensor([0.0, 1.0])
    assert depths(never, inputs, members, 4, 2).tolist() == [1, 1, 1, 1]


def slowly(layers: list[torch.Tensor], final, labels, members, k: int) -> list[int]:
    """From the definition, sample by sample."""
    agrees = []
    for activations in layers:
        rows = activations.flatten(1).double()
        for i, own in enumerate(rows):
            others = sorted((float((own - rows[j]).norm()), j) for j in range(len(rows)) if members[j] and j != i)
            votes = Counter(int(labels[j]) for _, j in others[:k])
            most = max(votes.values())
            agrees.append(min(c for c, count in votes.items() if count == most) == int(final[i]))
    table = [agrees[i :: len(final)] for i in range(len(final))]
    return [min(depth for depth in range(len(layers) + 1) if all(row[depth:])) for row in table]


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_cnn_against_the_definition(norm):
    torch.manual_seed(3)
    network = build_model(
        {"name": "cnn", "layers": 2, "width": 4, "strided": True, "hidden": 8, "norm": norm}, SHAPE, CLASSES
    )
    n = 60
    samples = torch.randint(0, 256, (n, *SHAPE), dtype=torch.uint8)
    one = torch.ones(1, 1, 1, 1)
    inputs = Samples(samples, torch.randint(0, CLASSES, (n,)), one / 64, -2 * one)
    members = torch.rand(n) < 0.5
    values = inputs.normalise(samples, torch.contiguous_format)
    with torch.no_grad():
        network(values)  # moves running statistics
        # the network's own prediction is made the neighbours' in some layer, so that depths differ
        inputs.labels[:] = network.eval()(values).argmax(1)
        inputs.labels[::3] = torch.randint(0, CLASSES, (n,))[::3]
        first = network[0](values)
        second = network[1](first)
        layers = [values, first, second, torch.relu(network[3](network[2](second)))]
        expected = slowly(layers, network(values).argmax(1), inputs.labels, members, 5)
    assert len(set(expected)) > 2
    assert depths(network.train(), inputs, members, 7, 5).tolist() == expected


CNN = {"name": "cnn", "width": 4, "strided": False, "hidden": 8, "norm": "group"}
N_BLOCKS = {
    "logistic": ({"name": "logistic"}, 0),
    "mlp": ({"name": "mlp", "hidden": [8, 8, 8], "activation": "relu"}, 3),
    "cnn of 2": (CNN | {"layers": 2}, 3),
    "cnn of 8 without a hidden layer": (CNN | {"layers": 8, "hidden": 0}, 8),
    "resnet18": ({"name": "resnet18", "width": 4, "norm": "batch"}, 9),  # the stem and 8 blocks
    "wrn": ({"name": "wrn", "depth": 10, "width": 1, "norm": "batch"}, 5),  # the stem, 3 blocks and a normalisation
    "vgg": ({"name": "vgg", "width": 2, "hidden": [4], "norm": "batch"}, 9),
    "torchvision": ({"name": "torchvision", "arch": "resnet18", "image_size": 0}, 10),
}


@pytest.mark.parametrize(("options", "count"), N_BLOCKS.values(), ids=N_BLOCKS.keys())
def test_blocks_of_networks(options, count):
    network = build_model(options, SHAPE, CLASSES)
    assert len(blocks(network)) == count
    inputs = Samples(
        torch.randint(0, 256, (12, *SHAPE), dtype=torch.uint8),
        torch.arange(12) % CLASSES,
        torch.ones(1, 1, 1, 1) / 64,
        torch.zeros(1, 1, 1, 1),
    )
    found = depths(network, inputs, torch.arange(12) < 8, 5, 3)
    assert found.dtype == torch.float32 and found.min() >= 0 and found.max() <= count + 1


class Shared(nn.Module):
    """One activation in several places."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(1, 3), nn.Linear(3, 3), nn.Linear(3, 2)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.last(self.activation(self.second(self.activation(self.first(x)))))


def test_a_module_that_serves_many_blocks_is_in_none():
    network = Shared()
    assert blocks(network) == [network.first, network.second]
    depths(network, row([0.0, 1.0, 2.0], [0, 1, 0]), torch.ones(3, dtype=torch.bool), 3, 1)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 2))

    def forward(self, x):
        return x @ self.weight


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(1, 1), nn.Linear(1, 2)

    def forward(self, x):
        return self.outer(self.inner(self.inner(x)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.RNN(1, 2, batch_first=True), nn.Linear(2, 2)

    def forward(self, x):
        return self.outer(self.inner(x.unsqueeze(1))[0][:, 0])


@pytest.mark.parametrize(
    ("network", "reason"),
    [(Bare, "no modules inside"), (Twice, "does not run once a pass"), (Recurrent, "does not return a tensor")],
)
def test_networks_that_cannot_be_probed_are_told(network, reason):
    inputs = row([0.0, 1.0, 2.0], [0, 1, 0])
    with pytest.raises(ValueError, match=rf"{network.__name__}: .*{reason}.*difficulty.measures"):
        depths(network(), inputs, torch.ones(3, dtype=torch.bool), 3, 1)
