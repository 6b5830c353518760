"""The embedded 10,000 training images of Fashion-MNIST."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from memdyn.data.fashion_mnist import CLASSES
from memdyn.data.raw import RawData, raw_data
from memdyn.data.reading import reading


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [10000, 1, 28, 28]; ids are rows of Fashion-MNIST's 60,000 training images.

    Raises:
        ValueError: when the file is not the one that is shipped.
    """
    (path,) = files
    with reading(path, "damaged or missing; check it out again from the repository"):
        table = pq.read_table(path, columns=["image", "label", "source_index"]).combine_chunks()
    images = np.frombuffer(b"".join(table["image"].to_pylist()), dtype=np.uint8).reshape(-1, 1, 28, 28)
    labels, rows = (table[column].to_numpy() for column in ("label", "source_index"))
    return raw_data(images, labels, source=path, ids=rows, class_names=CLASSES)
