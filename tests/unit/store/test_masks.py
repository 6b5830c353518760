"""Masks come back from their files as they went in."""

import numpy as np
import pytest

from memdyn.design.membership import membership
from memdyn.store.masks import read_masks, write_masks


@pytest.fixture
def masks():
    """Of 12 models, in files of 4, over a number of samples that fills no whole bytes."""
    return np.random.default_rng(0).random((12, 101)) < 0.5


@pytest.fixture
def paths(tmp_path, masks):
    names = [tmp_path / f"models-{first:05d}-{first + 3:05d}.npz" for first in (0, 4, 8)]
    for number, path in enumerate(names):
        write_masks(path, masks[4 * number : 4 * number + 4])
    return names


@pytest.mark.parametrize("models", [range(0, 12), range(0, 4), range(2, 9), range(11, 12)])
def test_any_range_of_models(paths, masks, models):
    found = read_masks(paths, models)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, masks[models.start : models.stop])


def test_the_first_file_need_not_be_that_of_model_0(paths, masks):
    np.testing.assert_array_equal(read_masks(paths[1:], range(5, 10)), masks[5:10])


@pytest.mark.parametrize("models", [range(8, 13), range(3, 5)])
def test_models_that_the_files_lack_are_an_error(paths, models):
    with pytest.raises(ValueError, match="hold models 4 to 11, not"):
        read_masks(paths[1:], models)


def test_a_mask_takes_a_bit_a_sample(tmp_path):
    write_masks(tmp_path / "models-0-127.npz", membership(50_000, range(128), 0, "pool", "scored"))
    assert (tmp_path / "models-0-127.npz").stat().st_size < 128 * 50_000 / 8 * 1.01
