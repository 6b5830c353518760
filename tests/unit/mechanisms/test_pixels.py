"""Pixels in [0, 1] and normalised inputs, there and back."""

import numpy as np
import pytest
import torch

from memdyn.compute.samples import Samples
from memdyn.mechanisms.pixels import inputs_of, pixels_of
from small_trainings import make_pool


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back(channels, layout):
    images = np.random.default_rng(0).integers(0, 256, (50, channels, 8, 6), dtype=np.uint8)
    pool = make_pool(images)
    pool.mean[:], pool.std[:] = np.linspace(0.1, 0.6, channels), np.linspace(0.05, 0.4, channels)
    samples = Samples.of_pool(pool, slice(0, 40), torch.device("cpu"))
    inputs = samples.normalise(samples.samples, layout)
    pixels = pixels_of(inputs, samples)
    np.testing.assert_allclose(pixels, images[:40] / 255, atol=1e-6)
    assert torch.equal(pixels.mul(255).round().to(torch.uint8), samples.samples)
    back = inputs_of(pixels, samples)
    torch.testing.assert_close(back, inputs, rtol=1e-5, atol=1e-5)
    assert back.is_contiguous(memory_format=layout)
