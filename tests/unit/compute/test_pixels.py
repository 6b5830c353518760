"""Augmentation in batches against one sample at a time."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from memdyn.compute.pixels import apply, augment, draw
from memdyn.config.recipe import AugmentConfig

SHAPES = [(1, 28, 28), (3, 32, 32), (2, 5, 9)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one_by_one(images: Tensor, draws: Tensor, crop: int) -> Tensor:
    """The slow reference: cut each image out of a frame of zeros, then mirror it."""
    result = torch.empty_like(images)
    _, channels, height, width = images.shape
    for image, out, (top, left, mirrored) in zip(images, result, draws.tolist(), strict=True):
        frame = torch.zeros(channels, height + 2 * crop, width + 2 * crop, dtype=images.dtype)
        frame[:, crop : crop + height, crop : crop + width] = image
        cut = frame[:, top : top + height, left : left + width]
        out.copy_(cut.flip(2) if mirrored else cut)
    return result


def random_images(shape: tuple[int, ...], dtype: torch.dtype, n: int = 64) -> Tensor:
    return torch.randint(1, 255, (n, *shape), generator=generator(9)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("crop", "flip"), [(0, True), (1, False), (4, True), (12, True)])
def test_equals_the_slow_reference(shape, crop, flip, dtype):
    images = random_images(shape, dtype)
    result = augment(images, crop, flip, generator())
    assert torch.equal(result, one_by_one(images, draw(len(images), crop, flip, generator()), crop))
    assert result.dtype == dtype and result.is_contiguous()


def test_channels_last_images_give_the_same():
    images = random_images((3, 32, 32), torch.float32)
    strided = images.to(memory_format=torch.channels_last)
    assert torch.equal(augment(strided, 4, True, generator()), augment(images, 4, True, generator()))


def test_nothing_to_do_returns_the_images_and_draws_nothing():
    images, source = random_images((1, 4, 4), torch.uint8), generator()
    before = source.get_state()
    assert augment(images, 0, False, source) is images
    assert torch.equal(source.get_state(), before)


def test_the_given_images_are_not_changed():
    images = random_images((1, 8, 8), torch.uint8)
    kept = images.clone()
    augment(images, 2, True, generator())
    assert torch.equal(images, kept)


def test_centre_without_mirror_is_the_identity():
    images = random_images((3, 8, 8), torch.uint8)
    assert torch.equal(apply(images, torch.tensor([[2, 2, 0]]).expand(len(images), -1), 2), images)


def test_an_epoch_drawn_at_once_serves_its_batches():
    images, draws = random_images((1, 8, 8), torch.uint8), draw(64, 2, True, generator())
    parts = [apply(images[rows], draws[rows], 2) for rows in (slice(0, 40), slice(40, 64))]
    assert torch.equal(torch.cat(parts), apply(images, draws, 2))


def test_draws_are_uniform():
    draws = draw(90_000, 1, True, generator())
    for column in (0, 1):
        assert (torch.bincount(draws[:, column], minlength=3) / 30_000 - 1).abs().max() < 0.02
    assert draws[:, 2].double().mean() == pytest.approx(0.5, abs=0.01)
    places = torch.bincount(draws[:, 0] * 3 + draws[:, 1], minlength=9)
    assert (places / 10_000 - 1).abs().max() < 0.05, "rows and columns are not independent"


def test_crops_do_not_depend_on_flip():
    assert torch.equal(draw(50, 4, True, generator())[:, :2], draw(50, 4, False, generator())[:, :2])
    assert not draw(50, 4, False, generator())[:, 2].any()


def test_each_seed_has_its_own_draws():
    assert torch.equal(draw(50, 4, True, generator(1)), draw(50, 4, True, generator(1)))
    assert not torch.equal(draw(50, 4, True, generator(1)), draw(50, 4, True, generator(2)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_images():
    images = random_images((3, 32, 32), torch.uint8)
    assert torch.equal(augment(images.cuda(), 4, True, generator()).cpu(), augment(images, 4, True, generator()))


@pytest.mark.parametrize("section", [{"crop": -1}, {"crop": 1.5}, {"flip": 1}, {"cutout": 3}])
def test_bad_sections_are_refused(section):
    with pytest.raises(ValidationError, match=next(iter(section))):
        AugmentConfig.model_validate(section)
