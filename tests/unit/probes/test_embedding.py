"""Norms of embeddings against those of a network whose classifier is taken off, and networks that have none."""

import copy

import pytest
import torch
from torch import nn

from memdyn.probes.embedding import embedding
from small_nets import NETS, images, trained_a_little


class Beheaded:
    """A network without its last layer."""

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network)
        name = [name for name, layer in self.network.named_modules() if isinstance(layer, nn.Linear)][-1]
        owner, _, own = name.rpartition(".")
        setattr(self.network.get_submodule(owner), own, nn.Identity())

    def norms(self, sample: torch.Tensor) -> list[float]:
        (vector,) = self.network.eval().double()(sample.double()).tolist()
        sizes = [abs(value) for value in vector]
        return [*(sum(size**p for size in sizes) ** (1 / p) for p in (1, 2, 4)), max(sizes)]


@pytest.mark.parametrize("name", [name for name in NETS if name != "logistic"])
def test_norms_are_those_of_the_network_without_its_classifier(name):
    network, inputs = trained_a_little(NETS[name]), images()
    slow = Beheaded(network)
    wanted = [slow.norms(inputs.normalise(sample[None], torch.contiguous_format)) for sample in inputs.samples]
    found = embedding(network.train(), inputs, torch.zeros(len(inputs), dtype=torch.bool), batch=4)
    assert list(found) == ["embedding_norms"] and found["embedding_norms"].dtype == torch.float32
    torch.testing.assert_close(found["embedding_norms"], torch.tensor(wanted), rtol=1e-4, atol=1e-6)


def test_of_a_linear_net_it_is_the_input():
    inputs = images()
    found = embedding(trained_a_little(NETS["logistic"]), inputs, torch.zeros(len(inputs), dtype=torch.bool), batch=2)
    vectors = inputs.normalise(inputs.samples, torch.contiguous_format).flatten(1)
    torch.testing.assert_close(found["embedding_norms"][:, 1], vectors.norm(dim=1))


def test_large_activations_do_not_overflow():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Linear(4, 3))
    with torch.no_grad():
        network[1].weight.mul_(1e12)
    found = embedding(network, images(), torch.zeros(6, dtype=torch.bool), batch=6)["embedding_norms"]
    assert found.isfinite().all() and (found[:, 0] >= found[:, 1]).all() and (found[:, 1] >= found[:, 3]).all()


class Doubled(nn.Module):
    """Its last layer runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.layer(self.layer(values.flatten(1)))


ODD = {
    "a convolution at the end": nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten()),
    "something after it": nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.ReLU()),
    "one layer that runs twice": Doubled(),
    "a layer on a grid of vectors": nn.Sequential(nn.Linear(8, 4)),
}


@pytest.mark.parametrize("network", ODD.values(), ids=ODD.keys())
def test_other_ends_are_refused(network):
    with pytest.raises(ValueError, match=r"embedding of \w+: it does not end in an nn.Linear that reads one vector"):
        embedding(network, images(), torch.zeros(6, dtype=torch.bool), batch=6)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in network.modules())
