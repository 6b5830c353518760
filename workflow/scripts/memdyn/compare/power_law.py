"""Vulnerability against samples per class: log10(TPR - FPR) at a fixed FPR = intercept + slope log10(S).

The form is that of Tobaben et al. (arXiv 2402.06674), who find slopes near -1/2 in transfer learning. S is the number
of training samples per class that one model sees. A point stands for a size, not for one model or one sample: the
variance of its logarithm is that over models (jackknife over groups of pairs) plus that over samples (jackknife over
groups of samples); both hold the noise of single (model, sample), so it errs on the wide side. Points are taken as
independent; pools of one seed are nested, which makes the slope's interval wider than need be. The fit weighs by these
variances; its interval holds if the law does, which the chi-square of the residuals tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc, stdtrit

from memdyn.compare.factors import welch_df
from memdyn.stats import jackknife


@dataclass(frozen=True)
class Line:
    """A weighted least-squares line.

    Attributes:
        slope, intercept: of the line.
        slope_se, df: standard error of the slope, and degrees of freedom (Welch-Satterthwaite).
        chi2, p_fit: weighted sum of squared residuals, and its tail probability (NaN for two points, which always fit).
    """

    slope: float
    intercept: float
    slope_se: float
    df: float
    chi2: float
    p_fit: float

    def limits(self, level: float) -> tuple[float, float]:
        """Of the slope."""
        half = stdtrit(self.df, (1 + level) / 2) * self.slope_se
        return self.slope - half, self.slope + half


def fit_line(x: np.ndarray, y: np.ndarray, variances: np.ndarray, dofs: np.ndarray) -> Line:
    """A line through independent points with estimated variances.

    Args:
        x, y: [K], K >= 2 different x.
        variances: [K], of y.
        dofs: [K], degrees of freedom of the variances.

    Raises:
        ValueError: for fewer than two different x.
    """
    if len(np.unique(x)) < 2:
        raise ValueError(f"a slope needs at least two different sizes, got {sorted(set(x))}")
    weights = 1 / variances
    centre = np.average(x, weights=weights)
    slopes = weights * (x - centre) / (weights * (x - centre) ** 2).sum()  # slope = slopes @ y
    slope = float(slopes @ y)
    intercept = float(np.average(y, weights=weights) - slope * centre)
    parts = slopes**2 * variances
    chi2 = float((weights * (y - intercept - slope * x) ** 2).sum())
    p_fit = float(chdtrc(len(x) - 2, chi2)) if len(x) > 2 else np.nan
    return Line(slope, intercept, float(np.sqrt(parts.sum())), float(welch_df(parts, dofs)), chi2, p_fit)


def power_law_tables(
    estimates: pd.DataFrame,
    replicates: pd.DataFrame,
    keys: Sequence[str],
    sizes: Mapping[str, np.ndarray],
    level: float,
) -> dict[str, pd.DataFrame]:
    """A fit for each combination of keys (attack, fpr, ...), over pools.

    Args:
        estimates: <keys>, pool, samples_per_class, fpr, tpr, se_samples (standard error of tpr from the choice of
            samples): one run a pool.
        replicates: <keys>, pool, group, tpr: without a group of pairs.
        sizes: by pool, [G] pairs of its run in each group; 0 where models that failed took all of them.
        level: of intervals.

    Returns:
        points: <keys>, pool, samples_per_class, fpr, tpr, log_excess, se, used, status; a pool whose TPR - FPR is not
            above 0 in all replicates has no logarithm and is left out, which makes the rest look more vulnerable.
        fits: <keys>, slope, low, high, se, df, intercept, chi2, p_fit, pools, dropped, level, status (which says so
            where p_fit < 1 - level: the interval is then one of a law that does not hold).
    """
    points, fits = [], []
    for key, table in estimates.groupby(list(keys), sort=False):
        mine = replicates
        for name, value in zip(keys, key, strict=True):
            mine = mine[mine[name] == value]
        one = _points(table, mine, sizes)
        points.append(one)
        fits.append(dict(zip(keys, key, strict=True)) | _fit(one[one["used"]], len(one), level))
    return {"points": pd.concat(points, ignore_index=True), "fits": pd.DataFrame(fits)}


def _points(estimates: pd.DataFrame, replicates: pd.DataFrame, sizes: Mapping[str, np.ndarray]) -> pd.DataFrame:
    rows = []
    for row in estimates.to_dict("records"):
        deleted = replicates.loc[replicates["pool"] == row["pool"]].sort_values("group")["tpr"].to_numpy() - row["fpr"]
        excess = row["tpr"] - row["fpr"]
        found = {"log_excess": np.nan, "se": np.nan, "df": np.nan, "used": False}
        if len(deleted) < 2:
            status = "no jackknife: too few models"
        elif excess <= 0 or (deleted <= 0).any():
            status = "left out: TPR is not above FPR"
        else:
            left = sizes[row["pool"]]
            log_excess = np.log10(excess)
            of_models = float(jackknife.standard_error(log_excess, np.log10(deleted), left[left > 0]))
            se = float(np.hypot(of_models, row["se_samples"] / (excess * np.log(10))))
            found = {"log_excess": log_excess, "se": se, "df": len(deleted) - 1, "used": True}
            status = "used"
        rows.append(row | found | {"status": status})
    return pd.DataFrame(rows)


def _fit(points: pd.DataFrame, n_pools: int, level: float) -> dict[str, object]:
    kept = {"pools": len(points), "dropped": n_pools - len(points), "level": level}
    if points["samples_per_class"].nunique() < 2:
        names = ("slope", "low", "high", "se", "df", "intercept", "chi2", "p_fit")
        return dict.fromkeys(names, np.nan) | kept | {"status": "no fit: fewer than two sizes"}
    x, y = np.log10(points["samples_per_class"].to_numpy(float)), points["log_excess"].to_numpy(float)
    line = fit_line(x, y, points["se"].to_numpy(float) ** 2, points["df"].to_numpy(float))
    low, high = line.limits(level)
    return {
        "slope": line.slope,
        "low": low,
        "high": high,
        "se": line.slope_se,
        "df": line.df,
        "intercept": line.intercept,
        "chi2": line.chi2,
        "p_fit": line.p_fit,
        **kept,
        "status": _status(line.p_fit, level),
    }


def _status(p_fit: float, level: float) -> str:
    if np.isnan(p_fit):
        return "fitted through two sizes: the law is not tested"
    return "fitted, but the points bend away from a line" if p_fit < 1 - level else "fitted"
