"""What the samples of a run look like, before its pool is built: from the data set's name, or from headers of files."""

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from memdyn.data import image_folder, npz, parquet
from memdyn.data.check import sample_shape
from memdyn.data.pool import read_pool
from memdyn.plan.run import RunPlan
from memdyn.plan.study import StudyPlan

Shape = tuple[tuple[int, ...], int]


def shape_of(plan: StudyPlan, planned: RunPlan) -> Shape | None:
    """Of a sample, and the number of classes; None where only code of the user's knows, and the pool is not built."""
    dataset = planned.run.pool.dataset
    pool = Path(plan.results, planned.pool.product())
    with suppress(OSError, ValueError):  # who needs the data will say what is wrong with them
        if dataset.published_shape:
            return dataset.published_shape
        if pool.exists():
            found = read_pool(str(pool))
            return found.images.shape[1:], len(found.class_names)
        return _told(dataset.model_dump_json(), tuple(dataset.source_files(plan.study.config.data_dir)), type(dataset))
    return None


@cache
def _told(json: str, files: tuple[str, ...], kind: type[Any]) -> Shape | None:
    """By headers and labels of one's own arrays, by the class folders of images.

    Args:
        json, kind: of the data set's config section.
    """
    dataset = kind.model_validate_json(json)
    if dataset.name == "image_folder":
        return dataset.sample_shape, len(image_folder.list_images(files[0]).classes)
    if dataset.name != "arrays":
        return None
    options, path = dataset.model_dump(), files[0]
    packed = path.endswith(".npz")
    labels = npz.read(path, dataset.labels) if packed else parquet.read_labels(path, dataset.labels)
    if dataset.is_table:
        columns = npz.shape_of(options, path)[1:] if packed else (len(parquet.columns_of(options, path)[0]),)
        return columns, len(np.unique(labels))
    shape = dataset.sample_shape or sample_shape(options, files)
    return (shape, len(np.unique(labels))) if shape else None
