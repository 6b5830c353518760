"""Mixup: the share's distribution, and each sample written out."""

import numpy as np
import pytest
import torch
from scipy import stats

from every_mechanism import batch_of, pool_with_spare, with_given
from memdyn.mechanisms.mixup import Mixup, share_of


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 8.0, 256.0])
def test_the_share_is_beta_distributed(alpha):
    draw = torch.Generator().manual_seed(int(10 * alpha))
    shares = [share_of(alpha, draw) for _ in range(4000)]
    assert stats.kstest(shares, stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    assert min(shares) >= 0 and max(shares) <= 1


def test_infinity_is_a_half_and_the_limit():
    draw = torch.Generator().manual_seed(0)
    assert {share_of("inf", draw) for _ in range(5)} == {0.5}
    assert abs(share_of(1e8, draw) - 0.5) < 1e-3


def test_all_alphas_draw_alike():
    """So that runs of a grid share their partners, and their shares have one order."""
    draws = [torch.Generator().manual_seed(4) for _ in range(3)]
    shares = [[share_of(alpha, draw) for _ in range(50)] for alpha, draw in zip((0.2, 4.0, "inf"), draws, strict=True)]
    assert len({tuple(torch.randperm(9, generator=draw).tolist()) for draw in draws}) == 1
    assert np.array_equal(np.argsort(shares[0]), np.argsort(shares[1]))


@pytest.mark.parametrize("alpha", [0.3, "inf"])
def test_one_sample_after_the_other(alpha):
    pool = pool_with_spare()
    batch = batch_of(pool)
    found = with_given(Mixup(alpha), pool).batch(batch, 1, torch.Generator().manual_seed(7))
    draw = torch.Generator().manual_seed(7)
    share = share_of(alpha, draw)
    partners = torch.randperm(8, generator=draw).tolist()
    for index, partner in enumerate(partners):
        expected = share * batch.inputs[index] + (1 - share) * batch.inputs[partner]
        torch.testing.assert_close(found.inputs[index], expected)
        target = [0.0] * 3
        target[batch.labels[index]] += share
        target[batch.labels[partner]] += 1 - share
        assert found.targets[index].tolist() == pytest.approx(target, abs=1e-6)
    assert torch.equal(found.labels, batch.labels) and torch.equal(found.rows, batch.rows)


def test_a_batch_of_one_is_its_own_partner():
    pool = pool_with_spare()
    batch = batch_of(pool, 1)
    found = with_given(Mixup(1.0), pool).batch(batch, 1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.inputs, batch.inputs)
    assert found.targets.sum().item() == pytest.approx(1)
