"""Defences by another loss: each against its formula, sample by sample, and what it does to the members' loss."""

import math

import numpy as np
import pytest
import torch

from defended_trainings import batch_of, built, logits_after, members_loss, section
from memdyn.store.logs import failed_models
from small_trainings import Training, optimizer, small_pool

K = 4
SOFT = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.0, 0.5, 0.5, 0.0], [0.1, 0.2, 0.3, 0.4]] * 3)[:7]


def logits_of(seed=1, scale=2.0):
    draw = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(7, K, generator=draw, dtype=torch.float64)).requires_grad_()


LABELS = [0, 1, 2, 3, 0, 1, 2]


def softmax(row):
    top = max(row)
    powers = [math.exp(value - top) for value in row]
    return [power / sum(powers) for power in powers]


def one_hot(label):
    return [float(index == label) for index in range(K)]


def cross_entropy(q, p):
    return -sum(a * math.log(b) for a, b in zip(q, p, strict=True) if a)


def numeric_gradient(compute, logits, step=1e-6):
    found = torch.zeros_like(logits)
    for place in np.ndindex(*logits.shape):
        for sign in (1, -1):
            moved = logits.detach().clone()
            moved[place] += sign * step
            found[place] += sign * compute(moved.tolist()) / (2 * step)
    return found


# -- each written out: rows of logits, rows of targets, epoch -> loss -------------------------------------------------


def confidence_penalty(rows, targets, epoch, beta):
    return -beta * sum(cross_entropy(p, p) for p in map(softmax, rows)) / len(rows)


def ccl(rows, targets, epoch, alpha, beta=1.0, concave="exponential"):
    terms = []
    for row, q in zip(rows, targets, strict=True):
        loss = cross_entropy(q, softmax(row))
        p = math.exp(-loss)
        g = math.exp(p) if concave == "exponential" else p + p * p / 2
        terms.append(alpha * loss - (1 - alpha) * g)
    return beta * sum(terms) / len(terms)


def relax_loss(rows, targets, epoch, alpha, upper=1.0):
    losses = [cross_entropy(q, softmax(row)) for row, q in zip(rows, targets, strict=True)]
    mean = sum(losses) / len(losses)
    if epoch % 2 == 0:
        return abs(mean - alpha)
    if mean > alpha:
        return mean
    total = 0.0
    for row, q, loss in zip(rows, targets, losses, strict=True):
        p, label = softmax(row), q.index(max(q))
        kept = min(p[label], upper)
        flat = [kept if index == label else (1 - kept) / (K - 1) for index in range(K)]
        total += (row.index(max(row)) != label) * cross_entropy(flat, p) - loss
    return total / len(rows)


CASES = [
    (confidence_penalty, {"beta": 0.3}, 1),
    (ccl, {"alpha": 0.5}, 1),
    (ccl, {"alpha": 0.2, "beta": 3.0, "concave": "quadratic"}, 2),
    (ccl, {"alpha": 1.0}, 1),
    (ccl, {"alpha": 0.0}, 1),
    (relax_loss, {"alpha": 0.5}, 1),  # above the target
    (relax_loss, {"alpha": 9.0}, 1),  # below it: flattened
    (relax_loss, {"alpha": 9.0, "upper": 0.4}, 3),
    (relax_loss, {"alpha": 9.0}, 2),  # ascent
    (relax_loss, {"alpha": 0.5}, 2),
]


@pytest.mark.parametrize("soft", [False, True], ids=["labels", "targets"])
@pytest.mark.parametrize(("slow", "options", "epoch"), CASES)
def test_loss_and_gradient_are_those_of_the_formula(slow, options, epoch, soft):
    """The gradient too, by differences: of RelaxLoss it goes through the flattened targets."""
    logits, mechanism = logits_of(), built(slow.__name__, **options)
    batch = batch_of(LABELS, SOFT.double() if soft else None)
    targets = SOFT.double().tolist() if soft else [one_hot(label) for label in LABELS]
    hook = mechanism.penalty if slow is confidence_penalty else mechanism.objective
    loss = hook(logits, batch, epoch)
    assert loss.item() == pytest.approx(slow(logits.tolist(), targets, epoch, **options), abs=1e-9)
    (gradient,) = torch.autograd.grad(loss, logits)
    expected = numeric_gradient(lambda rows: slow(rows, targets, epoch, **options), logits)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-7)


def test_the_flattened_targets_are_of_the_wrong_samples_alone():
    logits = torch.tensor([[9.0, 0, 0, 0], [0.0, 3, 0, 0]], dtype=torch.float64, requires_grad=True)
    loss = built("relax_loss", alpha=99.0).objective(logits, batch_of([0, 0]), 1)
    (gradient,) = torch.autograd.grad(loss, logits)
    p = logits.detach().softmax(1)
    # of a correct sample: ascent on its cross-entropy
    torch.testing.assert_close(gradient[0], -(p[0] - torch.tensor([1.0, 0, 0, 0])) / 2)


@pytest.mark.parametrize("name", ["confidence_penalty", "ccl", "relax_loss"])
def test_logits_that_overflow_a_softmax_have_a_loss(name):
    options = {"confidence_penalty": {"beta": 1.0}}.get(name, {"alpha": 0.5})
    mechanism = built(name, **options)
    logits = torch.tensor([[900.0, 0, 0, 0], [0.0, 900, 0, 0]], requires_grad=True)
    for epoch in (1, 2):
        hook = mechanism.penalty if name == "confidence_penalty" else mechanism.objective
        loss = hook(logits, batch_of([0, 0]), epoch)
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.isfinite() and gradient.isfinite().all()


# -- what it does -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    pool = small_pool()

    def make(*sections, **changes):
        how = {"epochs": 30, "checkpoints": [30], "optimizer": optimizer(lr=0.05)} | changes
        folder = tmp_path_factory.mktemp("training")
        return Training(folder, pool, range(1), mechanisms=list(sections), **how).run()

    return make


@pytest.fixture(scope="module")
def plain(training):
    return training()


def test_relax_loss_holds_the_members_loss_at_its_target(training, plain):
    assert members_loss(plain) < 0.1
    for alpha in (0.4, 0.8):
        assert members_loss(training(section("relax_loss", alpha=alpha))) == pytest.approx(alpha, abs=0.2)


def test_the_confidence_penalty_raises_the_entropy(training, plain):
    def entropy(found):
        p = logits_after(found)[0].softmax(1)
        return -(p * p.log()).sum(1).mean().item()

    weak, strong = (training(section("confidence_penalty", beta=beta)) for beta in (0.2, 0.6))
    assert entropy(plain) + 0.05 < entropy(weak) < entropy(strong) - 0.05
    assert members_loss(plain) < members_loss(strong)


@pytest.mark.parametrize("concave", ["exponential", "quadratic"])
def test_ccl_spreads_the_members_losses(training, plain, concave):
    """Its concave term weighs samples that are learned more, so that the others are left behind."""

    def spread(found):
        logits, labels = logits_after(found)
        members = torch.from_numpy(found.task.masks[0])
        losses = torch.nn.functional.cross_entropy(logits[members], labels[members], reduction="none")
        return losses.var().item()

    assert spread(training(section("ccl", alpha=0.2, concave=concave))) > 2 * spread(plain)


def test_relax_loss_at_a_wild_target_is_a_failed_model(training):
    how = {"epochs": 60, "checkpoints": [60], "optimizer": optimizer(lr=0.5), "on_divergence": "drop"}
    found = training(section("relax_loss", alpha=1e30), **how)
    assert list(failed_models(found.log())) == [0]
