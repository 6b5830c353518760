"""What differential privacy says of attacks, as lines over the FPR."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from memdyn.stats.privacy import tpr_bound

# longer dashes than those of any run's own line, and no marks
LINE = {"linestyle": (0, (8, 3)), "linewidth": 1.1, "marker": "", "gid": "bound"}
_TOLD = (
    "Long dashes, of runs of DP-SGD: no attack's rates on a member that is added or removed lie above, by the "
    "accountant's (ε, δ) at the last checkpoint; rates that are counted over few models scatter beyond it."
)


def curves(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Run -> its pairs of epsilon and delta at its last checkpoint; of runs with noise."""
    if "dp" not in tables:
        return {}
    dp = tables["dp"]
    noisy = dp[(dp["noise"] > 0) & (dp["epoch"] == dp.groupby("run")["epoch"].transform("max"))]
    return dict(iter(noisy.groupby("run", sort=False)))


def bound(curve: pd.DataFrame, fpr: NDArray) -> NDArray[np.float64]:
    """The largest TPR at each FPR, by the pairs of `curves`."""
    return tpr_bound(fpr, curve["epsilon"], curve["delta"])


def told(runs: Mapping[str, object]) -> str:
    """What a caption says of the lines; nothing where there is none."""
    return _TOLD if runs else ""
