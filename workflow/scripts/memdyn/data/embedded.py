"""The embedded 10,000 training images of Fashion-MNIST."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from memdyn.data.fashion_mnist import CLASSES
from memdyn.data.raw import RawData, raw_data


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [10000, 1, 28, 28]; ids are rows of Fashion-MNIST's 60,000 training images.

    Raises:
        ValueError: when the file is not the one that is shipped.
    """
    (path,) = files
    try:
        table = pq.read_table(path, columns=["image", "label", "source_index"]).combine_chunks()
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        raise ValueError(f"{path}: damaged or missing; check it out again from the repository ({error})") from error
    images = np.frombuffer(b"".join(table["image"].to_pylist()), dtype=np.uint8).reshape(-1, 1, 28, 28)
    labels, rows = (table[column].to_numpy() for column in ("label", "source_index"))
    return raw_data(images, labels, source=path, ids=rows, class_names=CLASSES)
