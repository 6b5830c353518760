"""Turned images against a plain bilinear interpolation, and where the answer is known."""

import math

import pytest
import torch

from memdyn.compute.rotations import turned


def images(height=6, width=6, n=3, channels=2):
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, height, width), generator=draw, dtype=torch.uint8)


def slowly(image, degrees):
    """One channel [H, W]: each pixel looks where it came from, zeros beyond the edge."""
    height, width = image.shape
    angle, result = math.radians(degrees), torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            x, y = column - (width - 1) / 2, row - (height - 1) / 2  # y points down
            from_x = math.cos(angle) * x - math.sin(angle) * y + (width - 1) / 2
            from_y = math.sin(angle) * x + math.cos(angle) * y + (height - 1) / 2
            for i in (math.floor(from_y), math.floor(from_y) + 1):
                for j in (math.floor(from_x), math.floor(from_x) + 1):
                    weight = (1 - abs(from_y - i)) * (1 - abs(from_x - j))
                    if 0 <= i < height and 0 <= j < width:
                        result[row, column] += weight * image[i, j]
    return result


@pytest.mark.parametrize("degrees", [7.5, -30, 121])
@pytest.mark.parametrize("shape", [(6, 6), (5, 8)])
def test_it_is_bilinear_interpolation(degrees, shape):
    given = images(*shape)
    found = turned(given, degrees)
    assert found.dtype == torch.uint8 and found.shape == given.shape
    expected = torch.stack([torch.stack([slowly(c.float(), degrees) for c in image]) for image in given])
    assert (found.float() - expected).abs().max() <= 0.51, "rounded"


def test_right_angles_are_exact():
    given = images()
    assert torch.equal(turned(given, 90), given.rot90(1, (2, 3))), "to the left"
    assert torch.equal(turned(given, -90), given.rot90(-1, (2, 3)))
    assert torch.equal(turned(given, 180), given.rot90(2, (2, 3)))


def test_nothing_is_done_at_zero_and_black_comes_in_at_the_corners():
    given = images()
    assert turned(given, 0) is given
    white = turned(torch.full((1, 1, 9, 9), 255, dtype=torch.uint8), 45)[0, 0]
    assert white[2:7, 2:7].eq(255).all() and not white[[0, 0, -1, -1], [0, -1, 0, -1]].any()
