"""Weight decay as a mechanism: whether it is coupled is what the optimizers do, and not only what the config says."""

import pytest
import torch
from torch import nn

from memdyn.config.optim import WEIGHT_DECAY
from memdyn.optim import REGISTRY
from memdyn.optim.build import build_optimizer
from small_trainings import optimizer

STRENGTH, RATE = 0.1, 0.01


def test_of_every_optimizer_it_is_said():
    assert WEIGHT_DECAY.keys() == REGISTRY.keys()
    assert [name for name, how in WEIGHT_DECAY.items() if how is None] == ["custom"]


@pytest.mark.parametrize("name", [name for name in REGISTRY if name != "custom"])
def test_decoupled_decay_is_beside_the_step(name):
    """Without a gradient of the loss, decoupled decay is a factor a step; a coupled one goes through the optimizer."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 4, bias=False), nn.Linear(4, 3))
    weights = network[0].weight
    before = weights.detach().clone()
    stepper = build_optimizer(optimizer(name, lr=RATE, weight_decay=STRENGTH), network)

    def closure():
        for each in network.parameters():
            each.grad = torch.zeros_like(each)
        return torch.zeros(())

    for _ in range(2):
        stepper.step(closure)
    shrunk = torch.allclose(weights, before * (1 - RATE * STRENGTH) ** 2, rtol=1e-6, atol=0)
    assert shrunk is (WEIGHT_DECAY[name] == "decoupled")
    assert weights.abs().sum() < before.abs().sum()
