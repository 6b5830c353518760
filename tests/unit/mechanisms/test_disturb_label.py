"""DisturbLabel: chances against the formula, and each draw written out."""

import pytest
import torch
from torch.nn import functional as F

from every_mechanism import batch_of, pool_with_spare, with_given
from memdyn.mechanisms.disturb_label import DisturbLabel, disturb


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.8, 1.0])
def test_chances_are_those_of_the_formula(alpha, n_classes):
    count = 40_000
    labels = torch.arange(count) % n_classes
    drawn = disturb(F.one_hot(labels, n_classes).float(), alpha, torch.Generator().manual_seed(1))
    assert torch.equal(drawn.sum(1), torch.ones(count)) and torch.equal(drawn.max(1).values, torch.ones(count))
    distance = (drawn.argmax(1) - labels) % n_classes  # 0: as it was; else which of the others
    shares = torch.bincount(distance, minlength=n_classes) / count
    expected = torch.full((n_classes,), alpha / n_classes)
    expected[0] = 1 - alpha * (n_classes - 1) / n_classes
    deviation = (expected * (1 - expected) / count).sqrt()
    assert ((shares - expected).abs() <= 4.5 * deviation).all()


def test_one_sample_after_the_other():
    targets = torch.tensor([[0.7, 0.3, 0.0]]).repeat(50, 1)  # of mixed samples, say
    found = disturb(targets, 0.4, torch.Generator().manual_seed(2))
    draw = torch.Generator().manual_seed(2)
    chances, classes = torch.rand(50, 1, generator=draw), torch.randint(3, (50,), generator=draw)
    for row, chance, label in zip(found.tolist(), chances.flatten().tolist(), classes.tolist(), strict=True):
        expected = [float(k == label) for k in range(3)] if chance < 0.4 else [0.7, 0.3, 0.0]
        assert row == pytest.approx(expected)


def test_the_labels_of_the_log_stay():
    pool = pool_with_spare()
    batch = batch_of(pool)
    found = with_given(DisturbLabel(1.0), pool).batch(batch, 1, torch.Generator().manual_seed(0))
    assert found.labels is batch.labels and not torch.equal(found.targets.argmax(1), batch.labels)
