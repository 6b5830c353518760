"""Cutout: one black square in each image, clipped at the borders."""

import pytest
import torch

from every_mechanism import batch_of, pool_with_spare, with_given
from memdyn.mechanisms.cutout import Cutout, cut
from memdyn.mechanisms.pixels import pixels_of


@pytest.mark.parametrize("size", [1, 4, 5, 8, 20])
def test_one_pixel_after_the_other(size):
    found = cut(torch.Size([6, 3, 8, 10]), size, torch.Generator().manual_seed(2))
    draw = torch.Generator().manual_seed(2)
    rows, columns = torch.randint(8, (6, 1), generator=draw), torch.randint(10, (6, 1), generator=draw)
    assert found.shape == (6, 1, 8, 10)
    for image in range(6):
        top, left = rows[image].item() - size // 2, columns[image].item() - size // 2
        for row in range(8):
            for column in range(10):
                is_cut = top <= row < top + size and left <= column < left + size
                assert bool(found[image, 0, row, column]) is is_cut


def test_every_pixel_may_be_the_centre():
    found = cut(torch.Size([4000, 1, 4, 5]), 1, torch.Generator().manual_seed(0)).float().mean(0)[0]
    assert found.sum().item() == pytest.approx(1) and (found - 1 / 20).abs().max() < 0.02


def test_the_square_is_black_and_the_rest_stays():
    pool = pool_with_spare()
    mechanism, batch = with_given(Cutout(3), pool), batch_of(pool)
    found = mechanism.batch(batch, 1, torch.Generator().manual_seed(1))
    gone = cut(batch.inputs.shape, 3, torch.Generator().manual_seed(1))
    pixels = pixels_of(found.inputs, mechanism.given.inputs)
    assert pixels[gone].abs().max() < 1e-6 and 8 * 4 <= gone.sum() <= 8 * 9
    assert torch.equal(found.inputs[~gone], batch.inputs[~gone]) and found.targets is None
