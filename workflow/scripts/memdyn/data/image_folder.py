"""Folders of image files, one folder a class; CINIC-10 is such a folder a split."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from memdyn.data.raw import RawData, raw_data

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
MODES = {1: "L", 3: "RGB"}
EIGHT_BITS = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, channels, size, size]; ids are places in the sorted listing.

    Args:
        options: `size` in pixels and `channels`, 1 or 3.
        files: one or more folders with the same class folders; their samples follow each other.

    Raises:
        ValueError: no or empty class folders, or a file that is not an image, by its name.
    """
    size, channels = options["size"], options["channels"]
    listings = [list_images(folder) for folder in files]
    classes = list(listings[0])
    for folder, listing in zip(files, listings, strict=True):
        if list(listing) != classes:
            raise ValueError(f"{folder}: other class folders than in {files[0]}")
    paths = [(path, label) for listing in listings for label, name in enumerate(classes) for path in listing[name]]
    images = np.empty((len(paths), channels, size, size), dtype=np.uint8)
    for row, (path, _) in enumerate(paths):
        images[row] = read_image(path, size, channels)
    return raw_data(images, [label for _, label in paths], source=files[0], class_names=classes)


def load_cinic10(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """CINIC-10 (Darlow et al. 2018): images uint8 [n, 3, 32, 32]. Errors as `load`."""
    return load({"size": 32, "channels": 3}, files)


def list_images(folder: str) -> dict[str, list[str]]:
    """Class name -> its image files, both sorted; hidden files are passed over.

    Raises:
        ValueError: fewer than two class folders, an empty one, or a file without the suffix of an image.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"{folder}: not a folder")
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    if len(classes) < 2:
        raise ValueError(f"{folder}: {len(classes)} class folders; expected one folder a class, two at least")
    return {name: _files_of_class(os.path.join(folder, name)) for name in classes}


def _files_of_class(folder: str) -> list[str]:
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.join(place, name) for name in names if not name.startswith(".")]
    for path in found:
        if Path(path).suffix.lower() not in SUFFIXES:
            raise ValueError(f"{path}: not an image file; allowed: {', '.join(sorted(SUFFIXES))}")
    if not found:
        raise ValueError(f"{folder}: this class has no images")
    return sorted(found)


def read_image(path: str, size: int, channels: int) -> NDArray[np.uint8]:
    """One image as uint8 [channels, size, size]: shorter side resized to `size` (bilinear), centre cropped."""
    try:
        with Image.open(path) as image:
            if image.mode not in EIGHT_BITS:
                raise ValueError(f"{path}: pixels of mode {image.mode}; allowed: 8 bits a channel")
            pixels = image.convert(MODES[channels])
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{path}: cannot be read as an image ({error})") from error
    scale = size / min(pixels.size)
    if scale != 1:
        width, height = (max(size, round(side * scale)) for side in pixels.size)
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    left, top = ((side - size) // 2 for side in pixels.size)
    cropped = np.asarray(pixels.crop((left, top, left + size, top + size)))
    return cropped.reshape(size, size, channels).transpose(2, 0, 1)
