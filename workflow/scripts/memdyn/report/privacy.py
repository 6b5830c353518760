"""What differential privacy says of attacks: pairs of epsilon and delta, and the rates that they bound."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memdyn.stats.privacy import exchange_bound


def curves(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Run -> its pairs of epsilon and delta at its last checkpoint; of runs with noise."""
    if "dp" not in tables:
        return {}
    dp = tables["dp"]
    noisy = dp[(dp["noise"] > 0) & (dp["epoch"] == dp.groupby("run")["epoch"].transform("max"))]
    return dict(iter(noisy.groupby("run", sort=False)))


def bound(curve: pd.DataFrame, fpr: NDArray) -> NDArray[np.float64]:
    """The largest TPR at each FPR, by the pairs of `curves`; of our models, whose members are exact halves."""
    return exchange_bound(fpr, curve["epsilon"], curve["delta"])
