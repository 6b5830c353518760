"""Tiny data sets in their real layouts, for the tests of the loaders."""

import gzip

import numpy as np
import pytest
from PIL import Image

from memdyn.data import REGISTRY, idx
from memdyn.data.check import problem
from memdyn.registry import resolve

RNG = np.random.default_rng(0)
LABELS = np.resize(np.arange(10), 30)
PIXELS = RNG.integers(0, 256, (30, 28, 28), dtype=np.uint8)
IMAGES = RNG.integers(0, 256, (12, 3, 5, 4), dtype=np.uint8)
CLASSES = np.resize([0, 1, 2], 12)


def idx_bytes(array):
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx(folder, images, labels, split="train", gz=True):
    folder.mkdir(parents=True, exist_ok=True)
    stem = "t10k" if split == "test" else split
    for name, array in ((f"{stem}-images-idx3-ubyte", images), (f"{stem}-labels-idx1-ubyte", labels)):
        content = idx_bytes(np.asarray(array))
        (folder / (f"{name}.gz" if gz else name)).write_bytes(gzip.compress(content) if gz else content)


def expect_tiny_idx(monkeypatch):
    """The loader expects the sizes of `PIXELS`, and nothing is known of the content."""
    monkeypatch.setattr(idx, "SHAPES", {"train": (30, 28, 28), "test": (20, 28, 28)})
    monkeypatch.setattr(idx, "SHA256", {})
    monkeypatch.setattr(idx, "FIRST_LABELS", {})


def write_images(folder, classes=("cat", "dog"), n=3, size=(9, 7), mode="RGB", suffix="png"):
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(n):
            pixels = RNG.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).convert(mode).save(folder / name / f"{i}.{suffix}")


def refuse(dataset, data_dir):
    """What the check says; if nothing, what the loader says."""
    files = dataset.source_files(str(data_dir))
    seen = problem(dataset.model_dump(), files, 2)
    if seen is not None:
        return f"check: {seen}"
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        resolve(REGISTRY, dataset.name)(dataset.model_dump(), files)
    return f"load: {caught.value}"


def load(dataset, data_dir=""):
    return resolve(REGISTRY, dataset.name)(dataset.model_dump(), dataset.source_files(str(data_dir)))
