"""Zones of the vulnerability plane, in a fixed order of precedence.

    highly_vulnerable   TPR >= hv_tpr and FPR <= hv_fpr
    inverted            advantage < 0 and the test rejects
    chance              the test does not reject
    leaning             advantage below `vulnerable_advantage`
    vulnerable          the rest

The test is the paired t-test on the pair differences of the margin, Benjamini-Hochberg over samples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from memdyn.terms import ZONES


@dataclass(frozen=True)
class ZoneBounds:
    """Where the zones end; all in (0, 1)."""

    hv_tpr: float
    hv_fpr: float
    vulnerable_advantage: float
    test_level: float

    @classmethod
    def of_options(cls, dynamics: Mapping[str, Any]) -> "ZoneBounds":
        """From the config's section `dynamics`."""
        return cls(**{field.name: dynamics[field.name] for field in fields(cls)})

    @property
    def hv_d_prime(self) -> float:
        """The d' from which on some threshold puts a sample with normal margins among the highly vulnerable."""
        return float(ndtri(self.hv_tpr) - ndtri(self.hv_fpr))


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


@dataclass(frozen=True)
class States:
    """Samples on their way through the plane; all [T, n] but `critical` [T].

    Attributes:
        fpr, tpr: counted rates.
        fpr_se, tpr_se, advantage_se: their standard errors, and that of tpr - fpr.
        t: t statistic of the margin's pair differences.
        critical: |t| from which on the test rejects.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    fpr_se: np.ndarray
    tpr_se: np.ndarray
    advantage_se: np.ndarray
    t: np.ndarray
    critical: np.ndarray

    @classmethod
    def of_counts(
        cls,
        d_in: np.ndarray,
        d_out: np.ndarray,
        d_both: np.ndarray,
        n_pairs: int,
        t: np.ndarray,
        critical: np.ndarray,
        design_effect: np.ndarray,
    ) -> "States":
        """From counts [T, n] of n_pairs pairs; Wald's standard errors, the advantage's paired.

        Args:
            design_effect: [3, T, n] of TPR, FPR and advantage, see `memdyn.dynamics.design_effect`.
        """
        tpr, fpr = d_in / float(n_pairs), d_out / float(n_pairs)  # float64: zones end on the lattice of counts
        differing = tpr + fpr - 2 * d_both / float(n_pairs)
        variances = tpr * (1 - tpr), fpr * (1 - fpr), np.maximum(differing - (tpr - fpr) ** 2, 0)
        tpr_se, fpr_se, advantage_se = np.sqrt(np.stack(variances) * design_effect / n_pairs)
        return cls(fpr, tpr, fpr_se, tpr_se, advantage_se, t, critical)

    def at(self, step: int) -> "States":
        """One checkpoint: [n] each."""
        return States(*(getattr(self, field.name)[step] for field in fields(self)))


def counted_zones(states: States, bounds: ZoneBounds) -> np.ndarray:
    """The zones [T, n] of states as they are, indices of `ZONES`."""
    pairs = zip(states.fpr, states.tpr, np.abs(states.t), states.critical, strict=True)
    return np.array([zones(fpr, tpr, t >= critical, bounds).codes for fpr, tpr, t, critical in pairs])


def tracked_zones(states: States, bounds: ZoneBounds) -> np.ndarray:
    """The zones [T, n] of samples that leave a zone when they are more than one standard error outside it.

    The standard error of the test's t is 1. Where a sample leaves, it enters the zone that its state lies in. With too
    few models to know the rates' standard errors (NaN), a zone is left at once.
    """
    codes = counted_zones(states, bounds)
    everyone = np.arange(codes.shape[1])
    for step in range(1, len(codes)):
        stays = _nearly_in(states.at(step), bounds)[codes[step - 1], everyone]
        codes[step] = np.where(stays, codes[step - 1], codes[step])
    return codes


def _nearly_in(state: States, bounds: ZoneBounds) -> np.ndarray:
    """bool [zones, n]: at most one standard error outside each of `ZONES`, in their order."""
    advantage, se = state.tpr - state.fpr, state.advantage_se
    slack = 1e-12  # rounding
    t = np.abs(state.t)
    tested, untested = t >= state.critical - 1, t <= state.critical + 1
    hv = (state.tpr >= bounds.hv_tpr - state.tpr_se - slack) & (state.fpr <= bounds.hv_fpr + state.fpr_se + slack)
    # The other zones lie outside HV: a point well inside HV is well outside them.
    not_deep = (state.tpr < bounds.hv_tpr + state.tpr_se - slack) | (state.fpr > bounds.hv_fpr - state.fpr_se + slack)
    limit = bounds.vulnerable_advantage
    nearly = {
        "inverted": (advantage < se) & tested & not_deep,
        "chance": untested & not_deep,
        "leaning": (advantage >= -se - slack) & (advantage < limit + se - slack) & tested & not_deep,
        "vulnerable": (advantage >= limit - se - slack) & tested & not_deep,
        "highly_vulnerable": hv,
    }
    return np.stack([nearly[zone] for zone in ZONES])
