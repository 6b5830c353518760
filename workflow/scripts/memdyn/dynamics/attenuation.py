"""Correlations without the noise of few models (Spearman 1904): what was observed, over what noise lets one observe.

Difficulty and vulnerability are each measured on half of the models, so their correlation cannot be expected above the
ATTAINABLE one, the root of the product of their reliabilities (half against half, so the sizes match). The ratio is the
correlation of the true values, whatever the number of models: exact for Pearson, near for ranks.

The ratio of two noisy numbers has no standard error where the lower may be 0. So its limits are Fieller's (1954), from
the variances of both numbers over models and over samples; and it is left out where a reliability may be 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from memdyn.stats import jackknife
from memdyn.stats.inversion import ratio_limits

_MOMENTS = ("variance_observed", "variance_attainable", "covariance")


@dataclass(frozen=True)
class Replicates:
    """Correlations of D difficulties with G targets, and how reliable each is, from all and without each group.

    Attributes:
        observed: [1 + groups, D, G].
        reliable: [1 + groups, D + G], half against half.
        sizes: [groups], of pairs or of samples.
    """

    observed: np.ndarray
    reliable: np.ndarray
    sizes: np.ndarray

    @property
    def attainable(self) -> np.ndarray:
        """[1 + groups, D, G]; 0 where a reliability is below."""
        root = np.sqrt(np.maximum(self.reliable, 0))
        n_hard = self.observed.shape[1]
        return root[:, :n_hard, None] * root[:, None, n_hard:]

    def moments(self) -> dict[str, np.ndarray]:
        """Variances and covariance [D, G] of the errors of observed and attainable correlations, by the jackknife."""
        first, second = self.observed, self.attainable
        if len(first) < 2:
            return dict.fromkeys(_MOMENTS, np.full(first.shape[1:], np.nan))
        errors = (
            jackknife.standard_error(values[0], values[1:], self.sizes)
            for values in (first, second, first + second, first - second)
        )
        of_first, of_second, of_sum, of_difference = (error**2 for error in errors)
        return dict(zip(_MOMENTS, (of_first, of_second, (of_sum - of_difference) / 4), strict=True))


def attenuation_table(by_pairs: Replicates, by_samples: Replicates, vague: np.ndarray, level: float) -> pd.DataFrame:
    """The correlations without noise, a row a difficulty and target, the targets fastest.

    Args:
        by_pairs, by_samples: without each group of pairs, or of samples.
        vague: bool [D + G], the values whose reliability may be 0.
        level: of the limits.

    Returns:
        observed, attainable; reliability_difficulty, reliability (of the target); variance_observed,
        variance_attainable, covariance: of their errors over models and samples together; vague: one of the two
        reliabilities may be 0; groups, level; estimate, low, high: without noise, the limits within -1 and 1, NaN where
        vague or of too few models.
    """
    _, n_hard, n_goals = by_pairs.observed.shape
    places = np.repeat(np.arange(n_hard), n_goals), np.tile(np.arange(n_goals), n_hard) + n_hard
    of_models, of_samples = by_pairs.moments(), by_samples.moments()
    table = pd.DataFrame(
        {
            "observed": by_pairs.observed[0].ravel(),
            "attainable": by_pairs.attainable[0].ravel(),
            "reliability_difficulty": by_pairs.reliable[0][places[0]],
            "reliability": by_pairs.reliable[0][places[1]],
            "vague": vague[places[0]] | vague[places[1]],
            "groups": len(by_pairs.sizes),
            "level": level,
            **{name: (of_models[name] + of_samples[name]).ravel() for name in _MOMENTS},
        }
    )
    limits = np.array([attenuation_limits(row, level) for row in table.to_dict("records")]).reshape(-1, 2)
    known = table["attainable"].mask(table["vague"])
    return table.assign(estimate=table["observed"] / known, low=limits[:, 0], high=limits[:, 1])


def attenuation_limits(row: Mapping[str, float], level: float) -> tuple[float, float]:
    """Fieller's limits from a row of the table; NaN where there are none."""
    if row["vague"] or row["groups"] < 2:
        return np.nan, np.nan
    covariance = np.array(
        [[row["variance_observed"], row["covariance"]], [row["covariance"], row["variance_attainable"]]]
    )
    quantile = stdtrit(row["groups"] - 1, (1 + level) / 2)
    return ratio_limits(row["observed"], row["attainable"], covariance, quantile, (-1.0, 1.0))
