"""GraNd against one backward pass a sample, and the networks that have none."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.probes.grand import _checked_layers, grand
from small_nets import CLASSES, CNN, NETS, N, images, trained_a_little


def norms(network, samples, members, batch):
    return grand(network, samples, members, batch)["grand"]


def slowly(network: nn.Module, inputs: Samples) -> torch.Tensor:
    """A backward pass a sample, in float64."""
    network.eval().double()
    norms = []
    for sample, label in zip(inputs.samples, inputs.labels, strict=True):
        network.zero_grad()
        values = inputs.normalise(sample.unsqueeze(0), torch.contiguous_format).double()
        F.cross_entropy(network(values), label.unsqueeze(0)).backward()
        norms.append(
            torch.cat([weights.grad.flatten() for weights in network.parameters() if weights.requires_grad]).norm()
        )
    return torch.stack(norms)


@pytest.mark.parametrize("options", NETS.values(), ids=NETS.keys())
@pytest.mark.parametrize("batch", [4, 500])
def test_it_is_the_norm_of_each_samples_gradient(options, batch):
    network, inputs = trained_a_little(options), images()
    found = norms(network, inputs, torch.zeros(N, dtype=torch.bool), batch)
    assert found.dtype == torch.float32 and found.std() > 0.01 * found.mean()
    torch.testing.assert_close(found.double(), slowly(network, inputs), rtol=1e-5, atol=0)


class Odd(nn.Module):
    """Weights in two modules and in a function, a layer that runs twice and one that sees several vectors."""

    def __init__(self):
        super().__init__()
        self.token, self.twice, self.shared, self.again = (nn.Linear(8, 8) for _ in range(4))
        self.again.weight = self.shared.weight
        self.used, self.last = nn.Linear(8, 8), nn.Linear(8, CLASSES)
        self.used.bias.requires_grad_(False)

    def forward(self, images):
        tokens = torch.tanh(self.token(images.squeeze(1)))
        values = torch.tanh(self.twice(self.twice(tokens.mean(1))))
        values = torch.tanh(self.again(torch.tanh(self.shared(values))))
        return self.last(torch.tanh(self.used(values)) @ self.used.weight)


class Plain(Odd):
    """The same without what only the comparison of both ways finds."""

    def forward(self, images):
        return self.last(
            torch.tanh(self.used(torch.tanh(self.twice(self.twice(self.token(images.squeeze(1)).mean(1))))))
        )


@pytest.mark.parametrize(("network", "layers"), [(Odd, set()), (Plain, {"used", "last"})])
def test_layers_that_have_no_short_way(network, layers):
    torch.manual_seed(2)
    made, inputs = network(), images()
    for parameter in [made.shared.weight, made.shared.bias, made.again.bias] if network is Plain else []:
        parameter.requires_grad_(False)
    found = norms(made, inputs, torch.zeros(N, dtype=torch.bool), 4)
    first = inputs.normalise(inputs.samples[:1], torch.contiguous_format)
    assert set(_checked_layers(made, first, inputs.labels[:1])) == layers
    torch.testing.assert_close(found.double(), slowly(made, inputs), rtol=1e-5, atol=0)


def test_a_confident_sample_keeps_its_gradient():
    network = nn.Sequential(nn.Linear(1, 2, bias=False))
    network[0].weight.data = torch.tensor([[40.0], [0.0]])
    inputs = Samples(torch.ones(1, 1), torch.tensor([0]), torch.ones(1, 1), torch.zeros(1, 1))
    found = norms(network, inputs, torch.ones(1, dtype=torch.bool), 1)
    # ||p - onehot||_2 ||x||_2, which is 0 where p_y is rounded to 1
    assert float(found) == pytest.approx(math.sqrt(2) / (1 + math.exp(40)), rel=1e-5)


def test_frozen_weights_do_not_count():
    network, inputs = trained_a_little(CNN), images()
    network[0].requires_grad_(False)
    found = norms(network, inputs, torch.zeros(N, dtype=torch.bool), 500)
    network.requires_grad_(True)
    assert (found < norms(network, inputs, torch.zeros(N, dtype=torch.bool), 500)).all()


class Looks(nn.Module):
    """Does what it does depending on a value."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, CLASSES)

    def forward(self, images):
        values = self.layer(images.flatten(1))
        return values if values.sum().item() > 0 else 2 * values


def test_networks_without_a_gradient_of_one_sample_are_told():
    members = torch.zeros(N, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"GraNd of Looks: torch.func cannot .* difficulty.measures"):
        norms(Looks(), images(), members, 4)
    mixing = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8, track_running_stats=False))
    with pytest.raises(ValueError, match=r"BatchNorm without running statistics .* allowed: .*GroupNorm"):
        norms(mixing, images(), members, 4)
