"""Is the data there, and enough of it? Asked before any job; headers and listings only, nothing is loaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def problem(dataset: Mapping[str, Any], files: Sequence[str], needed: int) -> str | None:
    """What is wrong with the data of a pool, in words for the user; None when nothing is seen.

    Args:
        dataset: plain options of the data set, with its `name`.
        files: its source files and folders.
        needed: samples that the pool's parts ask for.
    """
    missing = [path for path in files if not Path(path).exists()]
    if missing:
        return f"dataset {dataset['name']}: no such file or folder: {missing[0]}" + _hint(dataset["name"])
    try:
        found = _count(dataset, files)
    except (ValueError, OSError) as error:
        return f"dataset {dataset['name']}: {error}"
    if found is not None and needed > found:
        return (
            f"pool.parts: {needed} samples in all, but {', '.join(files)} has {found}: "
            f"make the parts smaller, {found} in all at most"
        )
    return None


def _hint(name: str) -> str:
    from memdyn.data.download import PLACES

    return f" ({PLACES[name]})" if name in PLACES else ""


def _count(dataset: Mapping[str, Any], files: Sequence[str]) -> int | None:
    """Number of samples; None where it is not known from a header or a listing."""
    if dataset["name"] == "arrays":
        from memdyn.data.arrays import count_samples

        return count_samples(dataset, files[0])
    if dataset["name"] == "image_folder":
        from memdyn.data.image_folder import list_images

        return sum(len(paths) for paths in list_images(files[0]).values())
    if dataset["name"] == "custom":
        path = dataset["target"].rpartition(":")[0]
        if not Path(path).is_file():
            raise ValueError(f"target: no such file: {path}")
    return None
