"""Gaussian noise on pixels: in [0, 1], each pixel with noise of its own."""

import pytest
import torch

from every_mechanism import batch_of, pool_with_spare, with_given
from memdyn.mechanisms.gaussian_noise import GaussianNoise, noisy


def test_one_pixel_after_the_other():
    pool = pool_with_spare()
    found = with_given(GaussianNoise(0.35), pool).batch(batch_of(pool), 1, torch.Generator().manual_seed(5)).inputs
    noise = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(5))
    for index in range(8):
        for row in range(8):
            for column in range(8):
                pixel = pool.images[index, 0, row, column] / 255 + 0.35 * noise[index, 0, row, column].item()
                expected = (min(1.0, max(0.0, pixel)) - 0.5) / 0.25  # the pool's mean and deviation
                assert found[index, 0, row, column].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("sigma", [0.01, 0.1])
def test_its_deviation_and_its_bounds(sigma):
    grey = noisy(torch.full((100, 1, 28, 28), 0.5), sigma, torch.Generator().manual_seed(0)) - 0.5
    assert grey.std().item() == pytest.approx(sigma, rel=0.02) and abs(grey.mean().item()) < sigma / 50
    assert abs(torch.corrcoef(grey.flatten(1)[:2])[0, 1]) < 0.2
    for value in (0.0, 1.0):
        found = noisy(torch.full((10, 3, 5, 5), value), 5.0, torch.Generator().manual_seed(0))
        assert found.min() == 0 and found.max() == 1


def test_no_noise_changes_nothing():
    pool = pool_with_spare()
    batch = batch_of(pool)
    found = with_given(GaussianNoise(0.0), pool).batch(batch, 1, torch.Generator())
    torch.testing.assert_close(found.inputs, batch.inputs, rtol=1e-5, atol=1e-5)
