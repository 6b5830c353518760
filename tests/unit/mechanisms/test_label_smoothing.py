"""Label smoothing against its definition, and with mixup."""

import pytest
import torch
from torch.nn import functional as F

from every_mechanism import batch_of, pool_with_spare, with_given
from memdyn.mechanisms.label_smoothing import LabelSmoothing, smooth
from memdyn.mechanisms.mixup import Mixup


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.995, 1.0])
def test_targets_and_loss_are_as_defined(alpha):
    pool = pool_with_spare()
    batch = with_given(LabelSmoothing(alpha), pool).batch(batch_of(pool), 1, torch.Generator())
    for label, row in zip(batch.labels.tolist(), batch.targets.tolist(), strict=True):
        expected = [(1 - alpha) * (label == k) + alpha / 3 for k in range(3)]
        assert row == pytest.approx(expected, abs=1e-7)
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    slow = sum(
        -sum(q * (z - sum(other.exp() for other in row).log()) for q, z in zip(target, row, strict=True))
        for target, row in zip(batch.targets, logits, strict=True)
    )
    torch.testing.assert_close(F.cross_entropy(logits, batch.targets), slow / 8)
    torch.testing.assert_close(slow / 8, F.cross_entropy(logits, batch.labels, label_smoothing=alpha))


def test_smoothing_and_mixing_may_be_exchanged():
    pool = pool_with_spare()
    found = []
    for order in ((LabelSmoothing(0.3), Mixup(1.0)), (Mixup(1.0), LabelSmoothing(0.3))):
        batch, draw = batch_of(pool), torch.Generator().manual_seed(3)
        for mechanism in order:
            batch = with_given(mechanism, pool).batch(batch, 1, draw)
        found.append(batch)
    torch.testing.assert_close(found[0].targets, found[1].targets)
    assert torch.equal(found[0].inputs, found[1].inputs)
    assert not torch.allclose(found[0].targets, smooth(F.one_hot(found[0].labels, 3).float(), 0.3))
