"""Arrays of an .npz file: what its headers say, and their values."""

import math
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memdyn.data.labels import shape_problem
from memdyn.data.layout import pixel_problem
from memdyn.data.reading import reading, require_once

Header = tuple[tuple[int, ...], np.dtype]


def count_samples(options: Mapping[str, Any], path: str) -> int:
    """Number of samples, from headers alone; keys, shapes and types are checked on the way.

    Raises:
        ValueError: naming the file, the key, and what is allowed.
    """
    key, labels = options["images"] or options["features"], options["labels"]
    headers = array_headers(path, (key, labels))
    for name, (shape, dtype) in headers.items():
        if dtype.hasobject:
            raise ValueError(f"{path}: {name} holds Python objects (unsafe to read); save plain numbers or strings")
        if not shape:
            raise ValueError(f"{path}: {name} is a single number; allowed: an array with a row a sample")
    (shape, dtype), (label_shape, _) = headers[key], headers[labels]
    wrong = pixel_problem(dtype) if options["images"] else _table_problem(shape, dtype)
    if wrong:
        raise ValueError(f"{path}: {key}: {wrong}")
    wrong = shape_problem(label_shape, shape[0])
    if wrong:
        raise ValueError(f"{path}: {labels}: {wrong}")
    return shape[0]


def read(path: str, key: str) -> NDArray:
    """One array.

    Raises:
        ValueError: naming the file and the key.
    """
    with reading(f"{path}: {key}"), np.load(path, allow_pickle=False) as archive:
        return archive[key]


def shape_of(options: Mapping[str, Any], path: str) -> tuple[int, ...]:
    """Shape of the images or the table as stored. Raises as `count_samples`."""
    key = options["images"] or options["features"]
    return array_headers(path, (key,))[key][0]


def size(options: Mapping[str, Any], path: str) -> int:
    """Bytes of the arrays that are asked for, unpacked."""
    keys = (options["images"] or options["features"], options["labels"])
    return sum(_bytes(*header) for header in array_headers(path, keys).values())


def _table_problem(shape: tuple[int, ...], dtype: np.dtype) -> str | None:
    if len(shape) != 2:
        if dtype.names:
            return (
                "features are records; allowed: a table [n, columns], numpy.lib.recfunctions.structured_to_unstructured"
            )
        mend = {1: "; of one column make x[:, None]", 3: "; for images use `images`", 4: "; for images use `images`"}
        return f"features of shape {shape}; allowed: a table [n, columns]{mend.get(len(shape), '')}"
    return None if dtype.kind in "fiub" else f"features are {dtype}; allowed: real numbers"


def array_headers(path: str, wanted: Sequence[str] | None = None) -> dict[str, Header]:
    """Shape and type of each wanted array, or of all, without reading it.

    Raises:
        ValueError: for a file that is no .npz, and for arrays that are not there, or there twice.
    """
    with reading(path), open(path, "rb") as stream:
        is_npy = stream.read(6) == np.lib.format.MAGIC_PREFIX
    if is_npy:
        raise ValueError(f"{path}: a single array (.npy); save it together with its labels, with np.savez")
    with reading(path):
        archive = zipfile.ZipFile(path)
    with archive:
        present = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        wanted = list(dict.fromkeys(present)) if wanted is None else wanted
        require_once(path, "key", wanted, present)
        return {key: _header(archive, path, key) for key in wanted}


def _header(archive: zipfile.ZipFile, path: str, key: str) -> Header:
    with reading(f"{path}: {key}"), archive.open(f"{key}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        one = version == (1, 0)
        read_header = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        stored = archive.getinfo(f"{key}.npy").file_size - stream.tell()
    needed = _bytes(shape, dtype)
    if stored != needed and not dtype.hasobject:
        raise ValueError(f"{path}: {key}: truncated or corrupt: {stored} bytes of values, {needed} expected")
    return shape, dtype


def _bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return math.prod(shape) * dtype.itemsize
