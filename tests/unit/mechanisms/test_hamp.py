"""HAMP's training half: its soft labels, and its loss written out."""

import math

import pytest
import torch

from defended_trainings import batch_of, built
from memdyn.mechanisms.hamp import confidence

LABELS = [0, 1, 2, 3, 0]


def entropy(p):
    return -sum(each * math.log(each) for each in p if each)


@pytest.mark.parametrize("n_classes", [2, 3, 10, 100])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.6, 0.95, 0.999])
def test_the_soft_label_is_the_surest_of_enough_entropy(gamma, n_classes):
    top = confidence(gamma, n_classes)

    def of(p):
        return entropy([p] + [(1 - p) / (n_classes - 1)] * (n_classes - 1))

    assert 1 / n_classes <= top <= 1
    assert of(top) == pytest.approx(gamma * math.log(n_classes), abs=1e-9)
    assert top == 1.0 or of(min(1.0, top + 1e-4)) < gamma * math.log(n_classes)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(
    "options", [{"gamma": 0.6, "alpha": 0.0}, {"gamma": 0.9, "alpha": 0.05}, {"gamma": 0.0, "alpha": 1.0}]
)
def test_the_loss_is_the_divergence_less_the_entropy(options, soft):
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]] * 3)[:5] if soft else None
    found = built("hamp", **options).objective(logits, batch_of(LABELS, targets), 1)
    top, total = confidence(options["gamma"], 4), 0.0
    for row, label, target in zip(logits, LABELS, targets if soft else [None] * 5, strict=True):
        p = row.softmax(0).tolist()
        of_class = [[top if c == y else (1 - top) / 3 for c in range(4)] for y in range(4)]
        share = target.tolist() if soft else [float(y == label) for y in range(4)]
        q = [sum(share[y] * of_class[y][c] for y in range(4)) for c in range(4)]
        total += sum(a * math.log(a / b) for a, b in zip(q, p, strict=True) if a > 1e-12) - options["alpha"] * entropy(
            p
        )
    assert found.item() == pytest.approx(total / 5, abs=1e-6)
