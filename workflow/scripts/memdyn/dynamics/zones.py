"""Zones of the vulnerability plane, in a fixed order of precedence.

    highly_vulnerable   TPR >= hv_tpr and FPR <= hv_fpr
    inverted            advantage < 0 and the test rejects
    chance              the test does not reject
    leaning             advantage below `vulnerable_advantage`
    vulnerable          the rest

The test is the paired t-test on the pair differences of the margin, Benjamini-Hochberg over samples.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

ZONES = ("inverted", "chance", "leaning", "vulnerable", "highly_vulnerable")


@dataclass(frozen=True)
class ZoneBounds:
    """Where the zones end; all in (0, 1)."""

    hv_tpr: float
    hv_fpr: float
    vulnerable_advantage: float
    test_level: float


def zones(fpr: np.ndarray, tpr: np.ndarray, rejected: np.ndarray, bounds: ZoneBounds) -> pd.Categorical:
    """The zone of each sample.

    Args:
        fpr, tpr: [n] counted rates at one checkpoint.
        rejected: [n] bool, "IN and OUT margins have one law" is rejected.

    Returns:
        A categorical [n] over `ZONES`.
    """
    advantage = np.round(tpr - fpr, 12)  # .7 - .2 must not fall below .5 on a lattice of counts
    conditions = [
        (tpr >= bounds.hv_tpr) & (fpr <= bounds.hv_fpr),
        (advantage < 0) & rejected,
        ~rejected,
        advantage < bounds.vulnerable_advantage,
    ]
    codes = [ZONES.index(zone) for zone in ("highly_vulnerable", "inverted", "chance", "leaning")]
    return pd.Categorical.from_codes(np.select(conditions, codes, ZONES.index("vulnerable")), ZONES)


def zone_shares(samples: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Share of the samples in each zone, all zones listed: columns keys + [zone, share]."""
    shares = samples.groupby(keys, observed=True)["zone"].value_counts(normalize=True, sort=False)
    table = shares.unstack("zone").reindex(columns=list(ZONES)).fillna(0.0)
    return table.stack().rename("share").reset_index()
