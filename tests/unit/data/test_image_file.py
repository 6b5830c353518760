"""One image file becomes the pixels that a viewer shows, or is refused by name."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from memdyn.data.image_file import read_image
from tiny_data import RNG

PICTURE = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)


def saved(folder, image, suffix="png", **options):
    path = str(folder / f"x.{suffix}")
    image.save(path, **options)
    return path


def pixels(path, size=8, channels=3, **options):
    return read_image(path, size, channels, **options).pixels


def test_image_of_the_right_size_is_taken_as_it_is(tmp_path):
    picture = read_image(saved(tmp_path, Image.fromarray(PICTURE)), 8, 3)
    np.testing.assert_array_equal(picture.pixels, PICTURE.transpose(2, 0, 1))
    assert picture.remarks == ()


@pytest.mark.parametrize("size", [(8, 20), (20, 8), (16, 40), (5, 11), (400, 401)])
def test_image_is_resized_at_the_shorter_side_and_cropped_in_the_centre(tmp_path, size):
    width, height = size
    shown = np.zeros((height, width), dtype=np.uint8)
    shown[height // 4 : height - height // 4, width // 4 : width - width // 4] = 255
    image = pixels(saved(tmp_path, Image.fromarray(shown)), channels=1)
    assert image.shape == (1, 8, 8) and image[0, 4, 4] == 255
    assert abs(image.astype(int) - image[:, ::-1, ::-1]).max() <= 64  # the centre stays in the centre


# -- orientation -------------------------------------------------------------------------------------------------

# what a viewer does with the stored [height, width] (EXIF 2.32, tag 274)
TURNS = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x[::-1].swapaxes(0, 1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: x[:, ::-1].swapaxes(0, 1),
}


KINDS = [("png", {}), ("tif", {}), ("tif", {"compression": "tiff_lzw"}), ("webp", {"lossless": True}), ("jpg", {})]


@pytest.mark.parametrize("suffix, options", KINDS)
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("tag", TURNS)
def test_orientation_is_applied_once(tmp_path, tag, mode, suffix, options):
    stored = np.kron([[250, 100], [20, 180]], np.ones((16, 8))).astype(np.uint8)  # [32, 16], a grey level a quarter
    image = Image.fromarray(stored).convert(mode)
    exif = image.getexif()
    exif[274] = tag
    picture = read_image(saved(tmp_path, image, suffix, exif=exif, **options), 16, 1)
    shown = TURNS[tag](stored)
    top, left = ((side - 16) // 2 for side in shown.shape)
    np.testing.assert_allclose(picture.pixels[0], shown[top : top + 16, left : left + 16], atol=3 * (suffix == "jpg"))
    assert any("orientation" in remark for remark in picture.remarks) == (tag != 1)


@pytest.mark.parametrize("tag", [0, 9, 77])
def test_orientation_that_does_not_exist_is_none(tmp_path, tag):
    image = Image.fromarray(PICTURE)
    exif = image.getexif()
    exif[274] = tag
    np.testing.assert_array_equal(pixels(saved(tmp_path, image, exif=exif)), PICTURE.transpose(2, 0, 1))


DAMAGED = {"garbage": b"Exif\0\0garbage!!", "cut": b"Exif\0\0II*\0", "no EXIF": b"hello"}


@pytest.mark.parametrize("exif", DAMAGED.values(), ids=DAMAGED.keys())
@pytest.mark.parametrize("suffix, options", [("png", {}), ("webp", {"lossless": True})])
def test_damaged_exif_data_are_ignored_and_named(tmp_path, suffix, options, exif):
    picture = read_image(saved(tmp_path, Image.fromarray(PICTURE), suffix, exif=exif, **options), 8, 3)
    np.testing.assert_array_equal(picture.pixels, PICTURE.transpose(2, 0, 1))
    assert picture.remarks == ("damaged EXIF data, ignored",)


# -- transparency ------------------------------------------------------------------------------------------------

COLOUR, ALPHA = np.array([40, 200, 90]), 64


def palette_with_a_clear_colour():
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, *COLOUR])
    return image


def of_alpha(mode):
    return Image.new("RGBA", (8, 8), (*COLOUR, ALPHA)).convert(mode)


CLEAR = {
    "grey colour key": (Image.new("L", (8, 8), 7), "png", {"transparency": 7}),
    "RGB colour key": (Image.new("RGB", (8, 8), (7, 8, 9)), "png", {"transparency": (7, 8, 9)}),
    "one bit": (Image.new("1", (8, 8)), "png", {"transparency": 0}),
    "palette png": (palette_with_a_clear_colour(), "png", {"transparency": 1}),
    "palette gif": (palette_with_a_clear_colour(), "gif", {"transparency": 1}),
    "alpha": (Image.new("RGBA", (8, 8), (*COLOUR, 0)), "png", {}),
    "alpha webp": (Image.new("RGBA", (8, 8), (*COLOUR, 0)), "webp", {"lossless": True}),
    "alpha tif": (Image.new("RGBA", (8, 8), (*COLOUR, 0)), "tif", {}),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("background", [255, 0, 100])
@pytest.mark.parametrize("image, suffix, options", CLEAR.values(), ids=CLEAR.keys())
def test_clear_pixels_show_the_background(tmp_path, image, suffix, options, background, channels):
    picture = read_image(saved(tmp_path, image, suffix, **options), 8, channels, background)
    assert (picture.pixels == background).all()
    assert any("transparency" in remark for remark in picture.remarks)


def test_background_is_white_by_default(tmp_path):
    assert (pixels(saved(tmp_path, Image.new("RGBA", (8, 8)))) == 255).all()


@pytest.mark.parametrize("mode, suffix", [("RGBA", "png"), ("LA", "png"), ("RGBA", "webp"), ("PA", "png")])
def test_half_clear_pixels_are_mixed(tmp_path, mode, suffix):
    if mode == "PA":  # no format stores it, but a palette with opacities
        path = saved(tmp_path, palette_with_a_clear_colour(), transparency=bytes([255, ALPHA]))
    else:
        path = saved(tmp_path, of_alpha(mode), suffix, **({"lossless": True} if suffix == "webp" else {}))
    grey = np.array(Image.new("RGB", (1, 1), tuple(COLOUR)).convert("L"))[0, 0]
    colour = np.full(3, grey) if mode == "LA" else COLOUR
    expected = 255 + (colour - 255.0) * ALPHA / 255
    np.testing.assert_allclose(pixels(path)[:, 3, 3], expected, atol=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "La", "RGBa"])
def test_opaque_pixels_stay(mode):
    from memdyn.data.image_file import _flat

    image = Image.fromarray(PICTURE).convert("RGBA").convert("LA" if mode == "La" else "RGBA").convert(mode)
    plain = Image.fromarray(PICTURE).convert("L") if mode in ("LA", "La") else Image.fromarray(PICTURE)
    np.testing.assert_array_equal(np.asarray(_flat(image, "RGB", 0)), np.asarray(plain.convert("RGB")))


# -- colours and depth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode, suffix", [("1", "png"), ("L", "png"), ("P", "png"), ("CMYK", "jpg"), ("CMYK", "tif")])
def test_eight_bits_of_any_kind_become_rgb_and_grey(tmp_path, mode, suffix):
    image = Image.fromarray(PICTURE).convert(mode)
    path = saved(tmp_path, image, suffix)
    with Image.open(path) as again:
        for channels, wanted in ((1, "L"), (3, "RGB")):
            expected = np.asarray(again.convert(wanted)).reshape(8, 8, channels).transpose(2, 0, 1)
            np.testing.assert_array_equal(pixels(path, channels=channels), expected)


def test_colour_profile_is_not_applied_and_named(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture = read_image(saved(tmp_path, Image.fromarray(PICTURE), icc_profile=profile), 8, 3)
    np.testing.assert_array_equal(picture.pixels, PICTURE.transpose(2, 0, 1))
    assert any("colour profile" in remark for remark in picture.remarks)


def png_of_16_bits(samples):
    """A PNG file of 16-bit samples [h, w, 1 to 4], which Pillow cannot write."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width, channels = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def saved_as(kind, image):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


DEEP = RNG.integers(0, 65536, (8, 8, 4), dtype=np.uint16)
TOO_DEEP = {
    "grey png": png_of_16_bits(DEEP[..., :1]),
    "grey png with alpha": png_of_16_bits(DEEP[..., :2]),
    "rgb png": png_of_16_bits(DEEP[..., :3]),
    "rgb png with alpha": png_of_16_bits(DEEP),
    "ppm": b"P6\n8 8\n65535\n" + DEEP[..., :3].astype(">u2").tobytes(),
    "pgm": b"P5\n8 8\n65535\n" + DEEP[..., 0].astype(">u2").tobytes(),
    "tif": saved_as("TIFF", Image.fromarray(DEEP[..., 0])),
    "tif of whole numbers": saved_as("TIFF", Image.fromarray(DEEP[..., 0].astype(np.int32))),
    "tif of floats": saved_as("TIFF", Image.fromarray(DEEP[..., 0].astype(np.float32))),
}


@pytest.mark.parametrize("content", TOO_DEEP.values(), ids=TOO_DEEP.keys())
def test_more_than_eight_bits_are_refused(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.png: pixels of mode .*; allowed: 8 bits a channel"):
        pixels(str(tmp_path / "x.png"))


# -- frames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["gif", "tif", "webp", "png"])
def test_several_frames_are_refused(tmp_path, suffix):
    frames = [Image.new("L", (8, 8), level) for level in (0, 255, 100)]
    path = saved(tmp_path, frames[0], suffix, save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=rf"x\.{suffix}: 3 frames; allowed: one"):
        pixels(path)


def test_of_a_jpeg_with_further_pictures_the_first_counts(tmp_path):
    """As phones write them, with a preview or a map of depths."""
    flat = [Image.new("RGB", (8, 8), (level,) * 3) for level in (50, 200)]
    flat[0].save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=flat[1:])
    picture = read_image(str(tmp_path / "x.jpg"), 8, 3)
    assert (picture.pixels == 50).all() and any("further pictures" in remark for remark in picture.remarks)


# -- what cannot be read -------------------------------------------------------------------------------------------


def cut(content):
    return content[: len(content) * 2 // 3]


NOISE = Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
UNREADABLE = {
    "nothing": b"",
    "text": b"hello",
    "a web page": b"<!DOCTYPE html><html>",
    "a vector graphic": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "only a header": saved_as("PNG", NOISE)[:33],
    "no palette": saved_as("PNG", NOISE.convert("P")).replace(b"PLTE", b"PLTX"),
    **{
        f"truncated {kind}": cut(saved_as(kind, NOISE)) for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
    },
    "too many pixels": saved_as("PNG", Image.new("1", (20_000, 20_000))),
}


@pytest.mark.filterwarnings("error")  # a reader's warning must not come without the file's name either
@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_whatever_a_reader_raises_the_file_is_named(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.png: cannot be read as an image \(\w+: .+\)"):
        pixels(str(tmp_path / "x.png"))


def test_missing_file_is_named():
    with pytest.raises(ValueError, match=r"no\.png: cannot be read as an image \(FileNotFoundError"):
        pixels("no.png")


@pytest.mark.filterwarnings("error")
def test_large_images_are_read_without_a_warning(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("L", (30, 30), 9))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)
    assert read_image(path, 8, 3).remarks == () and (pixels(path) == 9).all()


@pytest.mark.filterwarnings("error")
def test_what_a_reader_warns_of_is_a_remark(tmp_path, monkeypatch):
    import warnings

    opened = Image.open
    monkeypatch.setattr(Image, "open", lambda *a, **k: warnings.warn("odd", stacklevel=1) or opened(*a, **k))
    assert read_image(saved(tmp_path, Image.new("L", (8, 8))), 8, 3).remarks == ("a warning of their reader: odd",)
