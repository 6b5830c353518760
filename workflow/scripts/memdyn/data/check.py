"""Is the data there, whole, and enough of it? Asked before any job.

Of large data only headers, listings and labels are looked at; small data are read as the job will read them.
"""

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


def sample_shape(dataset: Mapping[str, Any], files: Sequence[str]) -> tuple[int, ...] | None:
    """(C, H, W) of images, from a header; None where there is none that tells it.

    Raises:
        ValueError, OSError: for data of which `problem` says what is wrong.
    """
    if dataset["name"] != "arrays" or dataset["images"] is None:
        return None
    from memdyn.data import arrays

    return arrays.image_shape(dataset, files[0])


def _hint(name: str) -> str:
    from memdyn.data.download import PLACES

    return f" ({PLACES[name]})" if name in PLACES else ""


def _count(dataset: Mapping[str, Any], files: Sequence[str]) -> int | None:
    """Number of samples; None where it is not known from a header or a listing."""
    if dataset["name"] == "arrays":
        from memdyn.data import arrays

        return arrays.look(dataset, files[0])
    if dataset["name"] == "image_folder":
        from memdyn.data import image_folder

        return image_folder.look(dataset, files[0])
    if dataset["name"] == "custom":
        path = dataset["target"].rpartition(":")[0]
        if not Path(path).is_file():
            raise ValueError(f"target: no such file: {path}")
    return None
