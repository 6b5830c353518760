"""MMD: the discrepancy and the pass against loops, and when the pass is made."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from defended_trainings import built
from every_mechanism import given, pool_with_spare
from memdyn.mechanisms.base import Trainee
from memdyn.mechanisms.mmd import Mmd, alike, squared_mmd


def kernel(a, b):
    return math.exp(-sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / 2)


def slow_mmd(one, other):
    def mean(a, b):
        return sum(kernel(x, y) for x in a for y in b) / (len(a) * len(b))

    return mean(one, one) + mean(other, other) - 2 * mean(one, other)


def test_the_discrepancy_is_that_of_the_kernel():
    torch.manual_seed(0)
    one, other = torch.randn(5, 3, dtype=torch.float64).softmax(1), torch.randn(7, 3, dtype=torch.float64).softmax(1)
    assert squared_mmd(one, other).item() == pytest.approx(slow_mmd(one.tolist(), other.tolist()))
    assert squared_mmd(one, one).item() == pytest.approx(0, abs=1e-12)


def test_its_gradient_is_finite_and_right_where_samples_are_alike():
    one = torch.tensor([[0.2, 0.8], [0.2, 0.8]], dtype=torch.float64, requires_grad=True)
    other = torch.tensor([[0.2, 0.8], [0.6, 0.4]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: squared_mmd(x, other), one)


def test_partners_are_of_the_same_class_and_all_of_them_come():
    labels, others = torch.tensor([0, 2, 2, 1] * 100), torch.tensor([2, 0, 1, 2, 0, 2])
    found = alike(labels, others, torch.Generator().manual_seed(0))
    assert torch.equal(others[found], labels) and set(found.tolist()) == set(range(6))
    shares = torch.bincount(found[labels == 2], minlength=6)[[0, 3, 5]] / 200
    torch.testing.assert_close(shares, torch.full((3,), 1 / 3), atol=0.1, rtol=0)


def test_a_class_that_the_reserved_part_lacks_is_told():
    with pytest.raises(ValueError, match=r"no sample of the classes \[1, 3\]; make pool.parts.spare larger"):
        alike(torch.tensor([0, 1, 3]), torch.tensor([0, 0, 2]), torch.Generator())


def always(have, weight, batch_size):
    """The pass after every epoch, whatever the gap."""
    mechanism = Mmd(weight, -1.0, batch_size)
    object.__setattr__(mechanism, "given", have)
    return mechanism


def trainee(network, lr=0.1):
    members = torch.arange(0, 40, 2)
    return Trainee(network, torch.optim.SGD(network.parameters(), lr=lr), members, 3, torch.Generator().manual_seed(7))


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def test_the_pass_is_gradient_descent_on_the_discrepancy():
    """By hand: the reserved half of a batch passes without gradient."""
    pool = pool_with_spare()
    have = given(pool)
    mechanism, network, slow = always(have, 2.0, 8), net(), net()
    told = mechanism.after_epoch(trainee(network), 1)
    draw, members, found = torch.Generator().manual_seed(7), torch.arange(0, 40, 2), []
    spare, labels = have.part("spare"), have.inputs.labels
    for rows in members[torch.randperm(20, generator=draw)].split(8):
        partners = alike(labels[rows], spare.labels, draw)
        theirs = slow(spare.normalise(spare.samples[partners], torch.contiguous_format)).softmax(1).detach()
        mine = slow(have.inputs.normalise(have.inputs.samples[rows], torch.contiguous_format)).softmax(1)
        kernels = [
            sum(torch.exp(-((a - b) ** 2).sum() / 2) for a in one for b in other) / (len(one) * len(other))
            for one, other in ((mine, mine), (theirs, theirs), (mine, theirs))
        ]
        loss = kernels[0] + kernels[1] - 2 * kernels[2]
        found.append(loss.item())
        gradients = torch.autograd.grad(2.0 * loss, list(slow.parameters()))
        with torch.no_grad():
            for weights, gradient in zip(slow.parameters(), gradients, strict=True):
                weights -= 0.1 * gradient
    for mine, theirs in zip(network.parameters(), slow.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    assert told["discrepancy"] == pytest.approx(sum(found) / len(found), rel=1e-4)


def test_without_a_gap_there_is_no_pass():
    have, network = given(pool_with_spare()), net()
    before = [weights.clone() for weights in network.parameters()]
    told = built("mmd", have, gap=1.0).after_epoch(trainee(network), 1)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    accuracies = []
    for samples, rows in ((have.inputs, torch.arange(0, 40, 2)), (have.part("spare"), torch.arange(10))):
        logits = network(samples.normalise(samples.samples[rows], torch.contiguous_format))
        accuracies.append((logits.argmax(1) == samples.labels[rows]).float().mean().item())
    assert told["gap"] == pytest.approx(accuracies[0] - accuracies[1]) and math.isnan(told["discrepancy"])


def test_passes_bring_the_outputs_together():
    have, network = given(pool_with_spare()), net()
    members = trainee(network)
    for _ in range(60):  # fitted to the members first
        loss = F.cross_entropy(
            network(have.inputs.normalise(have.inputs.samples[::2], torch.contiguous_format)), have.inputs.labels[::2]
        )
        members.optimizer.zero_grad()
        loss.backward()
        members.optimizer.step()
    mechanism = always(have, 30.0, 64)
    found = [mechanism.after_epoch(members, epoch)["discrepancy"] for epoch in range(40)]
    assert sum(found[-5:]) < 0.3 * sum(found[:5])
