"""Folders of image files, one folder a class; CINIC-10 is such a folder a split."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memdyn.data.image_file import read_image
from memdyn.data.raw import RawData, raw_data
from memdyn.data.reading import listed
from memdyn.store.folders import list_below

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
STRAY = "not an image file"
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing"})
SMALL = 2**24  # bytes of image files that may be decoded to check them before any job


@dataclass(frozen=True)
class Listed:
    """A folder of class folders.

    Attributes:
        classes: class name -> its image files, both sorted.
        faults: every file or folder that cannot be used, as far as names and sizes tell, with the reason.
        notes: a line on what was passed over.
    """

    classes: dict[str, list[str]]
    faults: list[str]
    notes: list[str]


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, channels, size, size]; ids are places in the sorted listing, files paths below the folder
    (of several folders: below the one that holds them all).

    Args:
        options: `size` in pixels, `channels`, 1 or 3, and `background`, the grey level behind transparent pixels.
        files: one or more folders with the same class folders; their samples follow each other.

    Raises:
        ValueError: no class folders; or naming every file and folder that cannot be used.
    """
    folders = [list_images(folder) for folder in files]
    names = list(folders[0].classes)
    for folder, found in zip(files, folders, strict=True):
        if list(found.classes) != names:
            raise ValueError(f"{folder}: other class folders than in {files[0]}")
    paths = [(path, label) for found in folders for label, name in enumerate(names) for path in found.classes[name]]
    images, faults, remarks = _read_all([path for path, _ in paths], options)
    _refuse([fault for found in folders for fault in found.faults] + faults)
    notes = [note for found in folders for note in found.notes] + remarks
    return raw_data(
        images,
        [label for _, label in paths],
        source=files[0],
        class_names=names,
        files=paths_below(os.path.commonpath(files), [path for path, _ in paths]),
        notes=notes,
    )


def paths_below(folder: str, paths: Sequence[str]) -> list[str]:
    """Paths relative to a folder, with slashes; bytes that are no letters in the file system's coding escaped."""
    relative = (Path(path).relative_to(folder).as_posix() for path in paths)
    return [os.fsencode(path).decode(errors="backslashreplace") for path in relative]


def load_cinic10(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """CINIC-10 (Darlow et al. 2018): images uint8 [n, 3, 32, 32]. Errors as `load`."""
    return load({"size": 32, "channels": 3, "background": 255}, files)


def look(options: Mapping[str, Any], folder: str) -> int:
    """Number of images, by their names; a small folder is read as the loader does it.

    Raises:
        ValueError: as `load`.
    """
    found = list_images(folder)
    paths = [path for files in found.classes.values() for path in files]
    if sum(map(os.path.getsize, paths)) <= SMALL:
        load(options, [folder])
    _refuse(found.faults)
    return len(paths)


def list_images(folder: str) -> Listed:
    """The class folders and their images.

    Raises:
        ValueError: fewer than two class folders, or splits instead.
    """
    if not Path(folder).is_dir():
        raise ValueError(f"{folder}: not a folder")
    below = list_below(folder)
    depth = len(Path(folder).parts)
    classes: dict[str, list[str]] = {
        Path(path).name: [] for path in sorted(below.folders) if len(Path(path).parts) == depth + 1
    }
    if len(classes) < 2:
        _refuse(below.faults)
        raise ValueError(f"{folder}: {len(classes)} class folders; expected one folder a class, two at least")
    beside, faults = [], list(below.faults)
    if _are_splits(classes, below.files, depth):
        raise ValueError(
            f"{folder}: {listed(list(classes), ', ')} look like splits with the class folders in them; allowed: one of "
            f"these ({os.path.join(folder, next(iter(classes)))}), or a folder with the classes of all"
        )
    for path in sorted(below.files):
        name, *inside = Path(path).parts[depth:]
        fault = _fault(path)
        if not inside:
            beside.append(path)
        elif fault:
            faults.append(f"{path}: {fault}")
        else:
            classes[name].append(path)
    faults += [
        f"{os.path.join(folder, name)}: this class has no images" for name, paths in classes.items() if not paths
    ]
    return Listed(classes, faults, _passed_over(below.passed_over + beside))


def _are_splits(classes: Mapping[str, Any], files: Sequence[str], depth: int) -> bool:
    """Whether class folders are called as splits are, and have their images in folders of their own."""
    return {name.lower() for name in classes} <= SPLITS and all(len(Path(path).parts) != depth + 2 for path in files)


def _fault(path: str) -> str | None:
    """Why a file is no image, without opening it."""
    if Path(path).suffix.lower() not in SUFFIXES:
        return STRAY
    return None if os.path.getsize(path) else "an empty file"


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        strays = any(fault.endswith(STRAY) for fault in faults)
        raise ValueError(listed(faults) + f" (allowed: {', '.join(sorted(SUFFIXES))})" * strays)


def _passed_over(paths: Sequence[str]) -> list[str]:
    """A line that counts what is no image by its name."""
    names = Counter(Path(path).name for path in paths)
    counts = [f"{name!r}{f' ({n} times)' if n > 1 else ''}" for name, n in sorted(names.items())]
    return [f"passed over: {listed(counts, ', ')}"] * bool(paths)


def _read_all(paths: Sequence[str], options: Mapping[str, Any]) -> tuple[NDArray[np.uint8], list[str], list[str]]:
    """Pixels of all files, the files that cannot be used, and a line on each thing that was found beside pixels."""
    size, channels = options["size"], options["channels"]
    images = np.empty((len(paths), channels, size, size), dtype=np.uint8)
    having: dict[str, list[str]] = {}
    faults = []
    for row, path in enumerate(paths):
        try:
            picture = read_image(path, size, channels, options["background"])
        except ValueError as error:
            faults.append(str(error))
            continue
        images[row] = picture.pixels
        for remark in picture.remarks:
            having.setdefault(remark, []).append(path)
    return images, faults, [f"{len(files)} images have {what}, first {files[0]}" for what, files in having.items()]
