"""Adversarial regularization: the classifier's steps and the net's penalty written out, and its state."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from defended_trainings import built, members_loss
from every_mechanism import Trained, batch_of, given, pool_with_spare
from leaking_trainings import leak_and_accuracy
from memdyn.mechanisms.adv_reg import Membership, membership_loss
from memdyn.training.parts import plain_state

OPTIONS = {"weight": 0.7, "steps": 2, "lr": 0.01, "width": 6}


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Dropout(0.5))


@pytest.fixture
def have():
    found = given(pool_with_spare())
    object.__setattr__(found, "draw", lambda purpose: torch.Generator().manual_seed(len(purpose)))
    return found


def test_the_classifiers_steps_are_adams_on_members_and_reserved_samples(have):
    mechanism, network = built("adv_reg", have, **OPTIONS), net()
    assert mechanism.network(network) is network
    slow = copy.deepcopy(mechanism.classifier)
    batch, spare = batch_of(pool_with_spare()), have.part("spare")
    network.train()
    assert mechanism.batch(batch, 1, torch.Generator().manual_seed(3)) is batch and network.training
    optimizer, draw = torch.optim.Adam(slow.parameters(), lr=0.01), torch.Generator().manual_seed(3)
    network.eval()
    with torch.no_grad():
        for_members = network(batch.inputs).softmax(1)
    for _ in range(2):
        rows = torch.randint(10, (8,), generator=draw)
        with torch.no_grad():
            p = network(spare.normalise(spare.samples[rows], torch.contiguous_format)).softmax(1)
        h = [torch.sigmoid(slow(q, y)) for q, y in ((for_members, batch.labels), (p, spare.labels[rows]))]
        gain = h[0].log().mean() / 2 + (1 - h[1]).log().mean() / 2
        optimizer.zero_grad()
        (-gain).backward()
        optimizer.step()
    for name, weights in slow.state_dict().items():
        torch.testing.assert_close(mechanism.classifier.state_dict()[name], weights, rtol=1e-4, atol=1e-6)


def test_the_penalty_is_the_classifiers_gain_and_moves_the_net_alone(have):
    mechanism = built("adv_reg", have, **OPTIONS)
    mechanism.network(net())
    batch = batch_of(pool_with_spare())
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = mechanism.penalty(logits, batch, 1)
    h = torch.sigmoid(mechanism.classifier(logits.softmax(1), batch.labels))
    expected = 0.7 * sum(each.log() for each in h) / 8
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    assert logits.grad.abs().sum() > 0 and all(each.grad is None for each in mechanism.classifier.parameters())
    (gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(logits.grad, gradient)


def test_the_classifier_is_the_state(have):
    one, other = built("adv_reg", have, **OPTIONS), built("adv_reg", have, **OPTIONS)
    one.network(net())
    other.network(net())
    assert all(
        torch.equal(a, b) for a, b in zip(one.classifier.parameters(), other.classifier.parameters(), strict=True)
    )
    batch = batch_of(pool_with_spare())
    one.batch(batch, 1, torch.Generator().manual_seed(3))
    object.__setattr__(other, "state", copy.deepcopy(plain_state(one.state, "adv_reg")))
    for each in (one, other):
        each.batch(batch, 2, torch.Generator().manual_seed(4))
    assert str(one.state) == str(other.state)


def test_making_the_classifier_draws_nothing_of_others(have):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    network = nn.Flatten()
    built("adv_reg", have, **OPTIONS).network(network)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_loss_of_the_classifier_is_its_cross_entropy():
    a, b = torch.randn(5), torch.randn(5)
    expected = F.binary_cross_entropy_with_logits(torch.cat([a, b]), torch.tensor([1.0] * 5 + [0.0] * 5))
    torch.testing.assert_close(membership_loss(a, b), expected)


def test_the_classifier_reads_outputs_and_labels():
    torch.manual_seed(0)
    found = Membership(3, 16)
    p = torch.tensor([[0.2, 0.3, 0.5]] * 3)
    assert len(set(found(p, torch.arange(3)).tolist())) == 3
    assert found(p, torch.arange(3)).shape == (3,)


def test_a_larger_weight_makes_members_harder_to_tell(tmp_path):
    """They are fitted less: see `test_the_leak_falls` for what it is worth."""
    trained = Trained(tmp_path, range(1))
    found = {}
    for weight in (0.01, 4.0):
        training = trained.new(
            trained.config(epochs=30, checkpoints=[30], model={"name": "mlp", "hidden": [5]}),
            mechanisms=[{"name": "adv_reg", "weight": weight, "steps": 1, "lr": 0.01, "width": 16}],
        ).run()
        found[weight] = members_loss(training)
    assert found[4.0] > 1.5 * found[0.01]


def test_the_leak_falls(tmp_path):
    """Of nets that overfit: at a strength that shows, and with a classifier that learns as fast as they do."""
    plain, _ = leak_and_accuracy(tmp_path / "plain")
    defended, accuracy = leak_and_accuracy(tmp_path / "defended", "adv_reg", weight=2.0, lr=0.01, steps=3, width=32)
    assert defended < plain - 0.02 and accuracy > 0.5
