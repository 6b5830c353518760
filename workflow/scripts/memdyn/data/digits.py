"""scikit-learn's digits (UCI optical recognition of handwritten digits, test part)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memdyn.data.raw import RawData, raw_data


def load(options: Mapping[str, Any], files: Sequence[str]) -> RawData:
    """Images uint8 [1797, 1, 8, 8]; the 17 grey levels 0..16 are spread over 0..255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    return raw_data(images, digits.target, source="scikit-learn's digits")
