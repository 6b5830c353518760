"""MNIST, Fashion-MNIST and KMNIST from their idx files, gzipped or not.

torchvision's own classes insist on torchvision's layout; Debian's package dataset-fashion-mnist, for one, is a flat
folder of recompressed files.
"""

import gzip
import hashlib
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memdyn.data.fashion_mnist import CLASSES
from memdyn.data.raw import RawData, raw_data

CLASS_NAMES: dict[str, Sequence[str]] = {
    "mnist": [str(digit) for digit in range(10)],
    "fashion_mnist": CLASSES,
    "kmnist": ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"],
}

SHAPES = {"train": (60_000, 28, 28), "test": (10_000, 28, 28)}

# All three sets use the same file names, so a folder may hold another set than the one asked for. Known contents:
# SHA-256 of all elements of a file, and how the labels begin (KMNIST's must begin otherwise).
SHA256 = {
    ("fashion_mnist", "train", "images"): "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
    ("fashion_mnist", "train", "labels"): "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    ("fashion_mnist", "test", "images"): "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
    ("fashion_mnist", "test", "labels"): "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
}
FIRST_LABELS = {
    ("mnist", "train"): [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
    ("mnist", "test"): [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
    ("fashion_mnist", "train"): [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
    ("fashion_mnist", "test"): [9, 2, 1, 1, 6, 1, 4, 6, 5, 7],
}

UBYTE = 8  # the only element type of these sets


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [n, 1, 28, 28]; ids are rows of the splits in the order of the files.

    Args:
        options: `name` (mnist, fashion_mnist or kmnist) and `split` (train, test or all).
        files: images, labels of each split in turn.

    Raises:
        ValueError: a corrupt file, or another data set than the one named.
    """
    name, split = options["name"], options["split"]
    images, labels = [], []
    splits = ["train", "test"] if split == "all" else [split]
    for part, image_file, label_file in zip(splits, files[::2], files[1::2], strict=True):
        images.append(read_idx(image_file, ndim=3))
        labels.append(read_idx(label_file, ndim=1))
        _check_published((name, part, "images"), images[-1], SHAPES[part], image_file)
        _check_published((name, part, "labels"), labels[-1], SHAPES[part][:1], label_file)
    pixels = np.concatenate(images)[:, None]
    return raw_data(pixels, np.concatenate(labels), source=str(Path(files[0]).parent), class_names=CLASS_NAMES[name])


def _check_published(what: tuple[str, str, str], content: NDArray[np.uint8], shape: tuple[int, ...], path: str) -> None:
    """Is this the published file? What is known of it decides, since the name of a set stands for its content."""
    name, split, kind = what
    if content.shape != shape:
        raise ValueError(f"{path}: {kind} of shape {content.shape}, but those of {name} ({split}) have {shape}")
    if what in SHA256 and hashlib.sha256(content.tobytes()).hexdigest() != SHA256[what]:
        raise ValueError(f"{path}: not the {kind} of {name} ({split}): check `data_dir` and the data set's name")
    if kind == "labels":
        expected = (name, split) if (name, split) in FIRST_LABELS else None
        first = content[:10].tolist()
        if next((key for key, known in FIRST_LABELS.items() if known == first), None) != expected:
            raise ValueError(f"{path}: not the labels of {name} ({split}): check `data_dir` and the data set's name")


def read_idx(path: str, ndim: int) -> NDArray[np.uint8]:
    """One idx file of bytes (http://yann.lecun.com/exdb/mnist): magic 0, 0, type, dimensions; sizes; elements.

    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    content = _content(path)
    header = 4 + 4 * ndim
    if len(content) < header or content[:4] != bytes((0, 0, UBYTE, ndim)):
        raise ValueError(
            f"{path}: not an idx file of bytes in {ndim} dimensions (it begins with {content[:4].hex()!r})"
        )
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, header, 4))
    if len(content) - header != math.prod(shape):
        raise ValueError(
            f"{path}: truncated or corrupt: {len(content) - header} bytes after the header, {math.prod(shape)} expected"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _content(path: str) -> bytes:
    raw = Path(path).read_bytes()
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: truncated or corrupt gzip file ({error})") from error
