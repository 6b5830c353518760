"""Samples become network inputs: normalised as the pool says, in the layout that convolutions want."""

import numpy as np
import pytest
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.data.pool import Pool
from memdyn.models.layout import layout_of

ROWS = slice(2, 9)


def pool(images: np.ndarray, mean: list[float], std: list[float]) -> Pool:
    return Pool(
        images=images,
        labels=np.arange(len(images)) % 3,
        sample_ids=np.arange(len(images)),
        flipped=np.zeros(len(images), bool),
        parts={"scored": ROWS},
        class_names=["a", "b", "c"],
        mean=np.float32(mean),
        std=np.float32(std),
        n_duplicates=0,
    )


@pytest.fixture
def images():
    values = np.random.default_rng(0).integers(0, 256, (12, 3, 4, 5), dtype=np.uint8)
    values.setflags(write=False)  # a memory map is read-only
    return pool(values, [0.1, 0.5, 0.9], [0.2, 0.3, 0.4])


@pytest.fixture
def table():
    return pool(np.random.default_rng(1).normal(3, 2, (12, 2)).astype(np.float32), [3.0, 2.0], [2.0, 1.0])


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_images_are_kept_as_bytes_and_normalised_by_channel(images, layout):
    inputs = Samples.of_pool(images, ROWS, torch.device("cpu"))
    assert inputs.samples.dtype == torch.uint8 and len(inputs) == 7
    values = inputs.normalise(inputs.samples, layout)
    expected = (images.images[ROWS] / 255 - images.mean.reshape(3, 1, 1)) / images.std.reshape(3, 1, 1)
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-5, atol=1e-6)
    assert values.dtype == torch.float32
    assert values.is_contiguous(memory_format=layout)


def test_tables_are_normalised_by_column_and_kept(table):
    inputs = Samples.of_pool(table, ROWS, torch.device("cpu"))
    before = inputs.samples.clone()
    values = inputs.normalise(inputs.samples, torch.channels_last)
    np.testing.assert_allclose(values.numpy(), (table.images[ROWS] - table.mean) / table.std, rtol=1e-5, atol=1e-6)
    assert torch.equal(inputs.samples, before), "normalising must not change what is stored"


def test_samples_and_labels_are_taken_by_row(images):
    inputs = Samples.of_pool(images, ROWS, torch.device("cpu"))
    samples, labels = inputs.take(torch.tensor([6, 0, 0]))
    np.testing.assert_array_equal(samples.numpy(), images.images[[8, 2, 2]])
    np.testing.assert_array_equal(labels.numpy(), images.labels[[8, 2, 2]])


def test_only_nets_that_convolve_want_channels_last():
    assert layout_of(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))) == torch.channels_last
    assert layout_of(nn.Sequential(nn.Flatten(), nn.Linear(8, 2))) == torch.contiguous_format


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5), (3, 1, 1), (1, 1, 1), (2, 1, 6), (7,)], ids=str)
@pytest.mark.parametrize("rows", [[0], [3, 1, 3], list(range(7))], ids=len)
def test_ready_samples_are_the_same_to_the_bit_and_the_stride(shape, layout, rows):
    """A convolution's kernel, and so its last bits, is chosen by strides, also those of axes of length one."""
    rng = np.random.default_rng(2)
    values = rng.integers(0, 256, (12, *shape), dtype=np.uint8) if len(shape) == 3 else rng.normal(size=(12, *shape))
    channels = shape[0]
    stored = values if len(shape) == 3 else values.astype(np.float32)
    inputs = Samples.of_pool(pool(stored, [0.3] * channels, [0.2] * channels), ROWS, torch.device("cpu"))
    before = inputs.samples.clone()
    found, labels = inputs.ready(layout).take(torch.tensor(rows))
    samples, expected_labels = inputs.take(torch.tensor(rows))
    expected = inputs.normalise(samples, layout)
    assert torch.equal(found, expected) and torch.equal(labels, expected_labels)
    assert found.stride() == expected.stride() and torch.equal(inputs.samples, before)
