"""One image file as pixels: as a viewer shows it, or refused.

- Turned as its orientation tag says.
- Transparent pixels are laid on a plain background.
- Grey, palette, CMYK and YCbCr become grey or RGB by Pillow's formulas; colour profiles (ICC) are not applied.
- Refused: more than one frame (of a JPEG with further pictures, MPO, the first counts), more than 8 bits a channel.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from memdyn.data.reading import reading

# by the content of the file, whatever its name; a JPEG may turn out to be an MPO
FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM")
MODES = {1: "L", 3: "RGB"}
EIGHT_BITS = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"})


@dataclass(frozen=True)
class Picture:
    """Pixels uint8 [channels, size, size], and in words what else was in the file."""

    pixels: NDArray[np.uint8]
    remarks: tuple[str, ...]


def read_image(path: str, size: int, channels: int, background: int = 255) -> Picture:
    """One image: shorter side resized to `size` (bilinear), centre cropped.

    Args:
        background: grey level behind transparent pixels.

    Raises:
        ValueError: naming the file, and why it is refused or cannot be read.
    """
    with (
        warnings.catch_warnings(record=True, action="always") as heard,
        reading(path, "cannot be read as an image"),
        # of a file that Pillow opens by its name it maps some kinds of TIFF, and scrambles those that are turned
        open(path, "rb") as stream,
        Image.open(stream, formats=FORMATS) as image,
    ):
        fault = _fault(image)
        shown, remarks = (image, []) if fault else _as_shown(image, MODES[channels], background)
    if fault:
        raise ValueError(f"{path}: {fault}")
    said = [
        f"a warning of their reader: {warning.message}"
        for warning in heard
        if warning.category is not Image.DecompressionBombWarning
    ]
    return Picture(_square(shown, size).reshape(size, size, channels).transpose(2, 0, 1), (*remarks, *said))


def _fault(image: Image.Image) -> str | None:
    """Why an image is refused before its pixels are decoded."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        return f"{frames} frames; allowed: one"
    if image.mode not in EIGHT_BITS or _bits(image) > 8:
        mode = image.mode if image.mode not in EIGHT_BITS else f"{image.mode} with {_bits(image)} bits"
        return f"pixels of mode {mode}; allowed: 8 bits a channel"
    return None


def _bits(image: Image.Image) -> int:
    """Bits a channel as stored: Pillow gives colours of 16 bits as if they had 8, without a word."""
    stored = [part for tile in image.tile for part in (tile.args if isinstance(tile.args, tuple) else (tile.args,))]
    sixteen = any(isinstance(part, str) and ";16" in part for part in stored)
    if image.format == "PPM":  # which says its largest value
        sixteen |= any(isinstance(part, int) and part > 255 for part in stored)
    return 16 if sixteen else 8


def _as_shown(image: Image.Image, mode: str, background: int) -> tuple[Image.Image, list[str]]:
    """The image turned and without transparency, and what was found in it."""
    if image.format != "TIFF":  # which Pillow turns as it loads it
        image.load()  # faults of the pixels are no faults of the EXIF data
    orientation = _orientation(image)
    remarks = _remarks(image, orientation)
    turned = image if orientation is None else ImageOps.exif_transpose(image)
    return _flat(turned, mode, background), remarks


def _orientation(image: Image.Image) -> int | None:
    """The tag, 1 where there is none; None where the EXIF data are damaged, which viewers do not mind."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return None


def _remarks(image: Image.Image, orientation: int | None) -> list[str]:
    said = {
        "transparency, laid on the background": image.has_transparency_data,
        "an orientation tag, turned by it": orientation in range(2, 9),
        "damaged EXIF data, ignored": orientation is None,
        "a colour profile, not applied": "icc_profile" in image.info,
        "further pictures, left out": image.format == "MPO",
    }
    return [what for what, there in said.items() if there]


def _flat(image: Image.Image, mode: str, background: int) -> Image.Image:
    """The image without transparency."""
    if not image.has_transparency_data:
        return image.convert(mode)
    ground = Image.new("RGBA", image.size, (background, background, background, 255))
    return Image.alpha_composite(ground, _with_alpha(image)).convert(mode)


def _with_alpha(image: Image.Image) -> Image.Image:
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)  # colours that were multiplied by their opacity
    return (image.convert(straight) if straight else image).convert("RGBA")


def _square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    scale = size / min(image.size)
    if scale != 1:
        width, height = (max(size, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = ((side - size) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + size, top + size)))
