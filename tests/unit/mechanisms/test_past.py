"""PAST: the sensitivity by differences of the loss gap, the penalty, and its two phases."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from defended_trainings import built
from every_mechanism import Trained, batch_of, given, pool_with_spare
from leaking_trainings import leak_and_accuracy
from memdyn.mechanisms.base import Trainee
from memdyn.mechanisms.past import gradients, normalised
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint

MEMBERS = torch.arange(0, 40, 2)


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 3)).double()


class Double(nn.Module):
    """The net in float64 for float32 inputs."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, inputs):
        return self.inner(inputs.double())


def gap(network, have):
    def loss(samples, rows):
        logits = network(samples.normalise(samples.samples[rows], torch.contiguous_format))
        return F.cross_entropy(logits, samples.labels[rows]).item()

    return loss(have.part("spare"), torch.arange(10)) - loss(have.inputs, MEMBERS)


def test_the_sensitivity_is_the_slope_of_the_loss_gap():
    have, network = given(pool_with_spare()), Double(net())
    mine = gradients(network, have.inputs, MEMBERS)
    theirs = gradients(network, have.part("spare"), torch.arange(10))
    assert network.training
    network.eval()
    for name, weights in network.named_parameters():
        for place in [(0, 0), (1, 2)] if weights.ndim == 2 else [(0,), (2,)]:
            moved = []
            for step in (1e-4, -1e-4):
                with torch.no_grad():
                    weights[place] += step
                    moved.append(gap(network, have))
                    weights[place] -= step
            slope = (moved[0] - moved[1]) / 2e-4
            assert (theirs[name] - mine[name])[place].item() == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_each_module_has_the_mean_1():
    values = {
        "a.weight": torch.tensor([[1.0, 3.0]]),
        "a.bias": torch.tensor([2.0]),
        "b.weight": torch.zeros(2),
        "c": torch.ones(1),
    }
    found = normalised(values)
    assert found["a.weight"].tolist() == [[0.5, 1.5]] and found["a.bias"].tolist() == [1.0]
    assert found["b.weight"].tolist() == [0.0, 0.0] and found["c"].tolist() == [1.0] and list(found) == list(values)


def test_the_penalty_comes_in_the_second_phase_alone():
    have, network = given(pool_with_spare()), Double(net())
    mechanism = built("past", have, weight=0.3, start=0.4)
    mechanism.network(network)
    trainee = Trainee(network, torch.optim.SGD(network.parameters(), lr=0.1), MEMBERS, 5, torch.Generator())
    batch, logits = batch_of(pool_with_spare()), torch.zeros(8, 3)
    assert mechanism.after_epoch(trainee, 1) == {"penalty": 0.0} and mechanism.penalty(logits, batch, 2) is None
    told = mechanism.after_epoch(trainee, 2)
    network.eval()
    mine, theirs = gradients(network, have.inputs, MEMBERS), gradients(network, have.part("spare"), torch.arange(10))
    weights = dict(network.named_parameters())
    total = 0.0
    for module in ("inner.1", "inner.4"):
        names = [f"{module}.weight", f"{module}.bias"]
        s = {name: (theirs[name] - mine[name]).abs() for name in names}
        mean = sum(each.sum() for each in s.values()) / sum(each.numel() for each in s.values())
        total += sum((s[name] / mean * weights[name].abs()).sum() for name in names)
    assert mechanism.penalty(logits, batch, 3).item() == pytest.approx(0.3 * total.item())
    assert told["penalty"] == pytest.approx(0.3 * total.item())
    before = mechanism.state
    mechanism.after_epoch(trainee, 3)
    assert mechanism.state is before  # taken once


def test_weights_that_leak_are_shrunk_most(tmp_path):
    """Against the same training without the second phase."""
    trained = Trained(tmp_path, range(1))
    model = {"name": "mlp", "hidden": [8]}

    def last(weight):
        options = {"name": "past", "weight": weight, "start": 0.5}
        config = trained.config(epochs=20, checkpoints=[20], model=model)
        training = trained.new(config, mechanisms=[options]).run()
        return load_checkpoint(checkpoint_file(training.folder / "checkpoints", 0, 20))

    plain, tuned = last(1e-12), last(0.01)
    shrunk = {name: (plain[name].abs() - tuned[name].abs()).mean().item() for name in plain if name.endswith("weight")}
    assert all(value > 0 for value in shrunk.values())
    small = {
        name: ((tuned[name].abs() < 0.01).float().mean() - (plain[name].abs() < 0.01).float().mean()) for name in shrunk
    }
    assert sum(small.values()) > 0.05


def test_the_leak_falls(tmp_path):
    """Of nets that overfit, mean of two models."""
    plain, _ = leak_and_accuracy(tmp_path / "plain", models=range(2))
    tuned, accuracy = leak_and_accuracy(tmp_path / "tuned", "past", models=range(2), weight=0.01)
    assert tuned < plain - 0.05 and accuracy > 0.5
