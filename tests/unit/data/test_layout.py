"""Which axis of stored images is which: one explicit rule, and what fits two layouts is refused."""

import re

import numpy as np
import pytest

from memdyn.data.layout import as_images, pixel_problem
from memdyn.data.raw import raw_data

LAST = (0, 2, 3, 1)


def images(channels, height, width, n=4):
    return np.random.default_rng(0).integers(0, 256, (n, channels, height, width), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 5, 4), (1, 7, 9), (3, 100, 20)])
def test_layouts_without_shape(shape):
    expected = images(*shape)
    np.testing.assert_array_equal(as_images(expected, None, "x"), expected)
    np.testing.assert_array_equal(as_images(expected.transpose(LAST), None, "x"), expected)
    if shape[0] == 1:
        np.testing.assert_array_equal(as_images(expected[:, 0], None, "x"), expected)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 5, 4), (4, 6, 5), (2, 4, 3), (1, 2, 3), (3, 1, 8)])
def test_layouts_with_shape(shape):
    channels = shape[0]
    expected = images(*shape)
    last = expected.transpose(LAST)
    stored = {
        "first": expected,
        "last": last,
        "flat": expected.reshape(4, -1),
        "rows of channels": expected.reshape(4, channels, -1),
        "rows of pixels": last.reshape(4, -1, channels),
    }
    if channels == 1:
        stored["grey"] = expected[:, 0]
    for how, values in stored.items():
        np.testing.assert_array_equal(as_images(values, shape, "x"), expected, err_msg=how)


UNCLEAR = {
    "rows of channels": ((4, 3, 1024), ["[3, 32, 32]"]),
    "rows of pixels": ((4, 1024, 3), ["[3, 32, 32]"]),
    "rows of one channel": ((4, 1, 784), ["[1, 28, 28]"]),
    "rows of grey pixels": ((4, 784, 1), ["[1, 28, 28]"]),
    "rows of four channels": ((4, 4, 1024), ["[4, 32, 32]"]),
    "rows of pixels of four channels": ((4, 1024, 4), ["[4, 32, 32]"]),
    "narrow grey images": ((4, 2, 50), ["[1, 2, 50]"]),
    "flat colours": ((4, 3072), ["[3, 32, 32]"]),
    "flat grey": ((4, 784), ["[1, 28, 28]"]),
    "flat of no square": ((4, 60), ["[channels, height, width]"]),
    "channels twice": ((4, 3, 20, 1), ["[3, 20, 1]", "[1, 3, 20]"]),
    "three by three": ((4, 3, 9, 3), ["[3, 9, 3]", "[3, 3, 9]"]),
    "four channels": ((4, 32, 32, 4), ["[32, 32, 4]", "[4, 32, 32]"]),
    "no channels": ((4, 6, 7, 8), ["[6, 7, 8]", "[8, 6, 7]"]),
    "flat behind an axis": ((4, 1, 1, 784), ["`shape"]),
    "colours flat behind an axis": ((4, 3, 1, 1024), ["`shape"]),
    "five axes": ((4, 1, 3, 8, 8), ["`shape"]),
    "one axis": ((4,), ["`shape"]),
}


@pytest.mark.parametrize("shape, hints", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_unclear_layouts_are_refused_with_the_shape_to_give(shape, hints):
    with pytest.raises(ValueError, match=re.escape(f"f: x: cannot tell channels in shape {shape}; give ")) as caught:
        as_images(np.zeros(shape, np.uint8), None, "f: x")
    assert all(hint in str(caught.value) for hint in hints)


WRONG = {
    "other size": ((4, 3, 32, 32), (3, 32, 31), "3072 values an image, but shape [3, 32, 31] needs 2976"),
    "width first": ((4, 4, 5, 3), (3, 5, 4), "images of shape (4, 5, 3) are not [3, 5, 4] with channels first or last"),
    "height last": ((4, 32, 3, 16), (3, 32, 16), "images of shape (32, 3, 16) are not [3, 32, 16]"),
    "two images in one": ((4, 6, 16), (3, 8, 4), "images of shape (6, 16) are not [3, 8, 4]"),
}


@pytest.mark.parametrize("stored, shape, message", WRONG.values(), ids=WRONG.keys())
def test_shape_that_does_not_fit_is_refused(stored, shape, message):
    """Values are never only counted: an image of other axes would come out scrambled."""
    with pytest.raises(ValueError, match=re.escape(f"f: x: {message}")):
        as_images(np.zeros(stored, np.uint8), shape, "f: x")


@pytest.mark.parametrize(
    "kind, mend",
    [
        (np.float32, "of values 0 to 1 make (255 * x)"),
        (np.float64, "of values 0 to 255 x.round()"),
        (np.int64, "x.astype(np.uint8)"),
        (np.uint16, "(x / 257)"),
        (bool, "* 255"),
        (complex, "allowed: uint8"),
        ("U3", "allowed: uint8"),
    ],
)
def test_pixels_that_are_no_bytes_are_refused_with_the_mend(kind, mend):
    values = np.zeros((4, 3, 8, 8), kind)
    assert f"images are {values.dtype}; allowed: uint8, 0 to 255" in pixel_problem(values.dtype)
    with pytest.raises(ValueError, match=re.escape(mend)):
        raw_data(values, [0, 1, 0, 1], source="own.py:load")


def test_own_images_with_channels_last_are_refused():
    with pytest.raises(ValueError, match=r"own\.py:load: images of shape \(4, 8, 9, 3\) look like \[n, height, width"):
        raw_data(images(3, 8, 9).transpose(LAST), [0, 1, 0, 1], source="own.py:load")
    assert raw_data(images(6, 8, 9), [0, 1, 0, 1], source="own").images.shape == (4, 6, 8, 9)
