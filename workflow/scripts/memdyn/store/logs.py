"""The log of a block's training: a row a (model, epoch).

A model failed where its loss became infinite or not a number: that epoch is the last of its rows, and the only one
whose loss is not finite.
"""

import numpy as np
import pandas as pd


def failed_models(log: pd.DataFrame) -> dict[int, int]:
    """Model -> the epoch in which it failed, from the columns model, epoch and loss."""
    rows = log[~np.isfinite(log["loss"])]
    return dict(zip(rows["model"].tolist(), rows["epoch"].tolist(), strict=True))
