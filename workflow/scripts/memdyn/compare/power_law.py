"""Vulnerability against samples per class: log10(TPR - FPR) at a fixed FPR = intercept + slope log10(S).

The form is that of Tobaben et al. (arXiv 2402.06674), who find slopes near -1/2 in transfer learning. S is the number
of training samples per class that one model sees. A point stands for a size, not for one model or one sample: the
variance of its logarithm is that over models (jackknife over groups of pairs) plus that over samples (jackknife over
groups of samples); both hold the noise of single (model, sample), so it errs on the wide side. Points are taken as
independent; pools of one seed are nested, which makes the slope's interval wider than need be. The fit weighs by these
variances; its interval holds if the law does, which the residuals' sum of squares tests. The variances are estimates,
of few groups where there are few models, and a point whose variance came out small is believed too much. So both the
interval and the test compare with fits to points that are drawn anew, each with a variance that is estimated anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.compare.series import welch_df
from memdyn.stats import jackknife

_DRAWS, _SEED = 9_999, 0  # of the bootstrap, the same for every fit


@dataclass(frozen=True)
class Line:
    """A weighted least-squares line.

    Attributes:
        slope, intercept: of the line.
        slope_se: standard error of the slope, as if the variances were known.
        chi2, p_fit: weighted sum of squared residuals, and the chance of one as large if the law holds (NaN for two
            points, which always fit).
        ratios: [B], |slope - truth| / slope_se of lines through points that are drawn anew.
    """

    slope: float
    intercept: float
    slope_se: float
    chi2: float
    p_fit: float
    ratios: np.ndarray

    def limits(self, level: float) -> tuple[float, float]:
        """Of the slope."""
        half = float(np.quantile(self.ratios, level, method="higher")) * self.slope_se
        return self.slope - half, self.slope + half


def fit_line(x: np.ndarray, y: np.ndarray, variances: np.ndarray, dofs: np.ndarray) -> Line:
    """A line through independent points with estimated variances.

    Interval and test are by parametric bootstrap (for means of unequal variance: Krishnamoorthy, Lu & Mathew 2007, "A
    parametric bootstrap approach for ANOVA with unequal variances"): normal points around a line, with the variances
    that were estimated, and each with a chi-square variance of its own. Tables of the normal, t or chi-square law take
    the weights as known; the slope's interval then covers .81 to .90 of nominal .95 with six points of 3 degrees of
    freedom.

    Args:
        x, y: [K], K >= 2 different x.
        variances: [K], of y.
        dofs: [K], degrees of freedom of the variances.

    Raises:
        ValueError: for fewer than two different x.
    """
    if len(np.unique(x)) < 2:
        raise ValueError(f"a slope needs at least two different sizes, got {sorted(set(x))}")
    slope, intercept, slope_se, chi2 = (float(value) for value in _weighted(x, y, variances))
    rng, shape = np.random.default_rng(_SEED), (_DRAWS, len(x))
    points, drawn = np.sqrt(variances) * rng.normal(size=shape), variances * rng.chisquare(dofs, shape) / dofs
    slopes, _, errors, misfits = _weighted(x, points, drawn)
    p_fit = (1 + np.count_nonzero(misfits >= chi2)) / (1 + _DRAWS) if len(x) > 2 else np.nan
    return Line(slope, intercept, slope_se, chi2, p_fit, np.abs(slopes) / errors)


def _weighted(x: np.ndarray, y: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, ...]:
    """Slope, intercept, the slope's standard error and the weighted sum of squares [...] of y, variances [..., K]."""
    weights = 1 / variances
    total = weights.sum(axis=-1)
    from_centre = x - ((weights * x).sum(axis=-1) / total)[..., None]
    information = (weights * from_centre**2).sum(axis=-1)
    slope, mean = (weights * from_centre * y).sum(axis=-1) / information, (weights * y).sum(axis=-1) / total
    residuals = y - mean[..., None] - slope[..., None] * from_centre
    intercept = mean - slope * (x - from_centre)[..., 0]
    return slope, intercept, 1 / np.sqrt(information), (weights * residuals**2).sum(axis=-1)


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
        points: <keys>, pool, samples_per_class, fpr, tpr, log_excess, se, df, used, status; a pool whose TPR - FPR is
            not above 0 in all replicates has no logarithm and is left out, which makes the rest look more vulnerable.
        fits: <keys>, slope, low, high, se, intercept, chi2, p_fit, pools, dropped, level, status (which says so
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
        rows.append(row | _point(row["tpr"] - row["fpr"], deleted, sizes[row["pool"]], row["se_samples"]))
    return pd.DataFrame(rows)


def _point(excess: float, deleted: np.ndarray, sizes: np.ndarray, se_samples: float) -> dict[str, object]:
    """log10 of TPR - FPR, its standard error and that one's degrees of freedom; or why there is none."""
    nothing = {"log_excess": np.nan, "se": np.nan, "df": np.nan, "used": False}
    if len(deleted) < 2:
        return nothing | {"status": "no jackknife: too few models"}
    if excess <= 0 or (deleted <= 0).any():
        return nothing | {"status": "left out: TPR is not above FPR"}
    of_models = jackknife.standard_error(np.log10(excess), np.log10(deleted), sizes[sizes > 0])
    variances = np.array([of_models, se_samples / (excess * np.log(10))]) ** 2
    if not variances.any():
        return nothing | {"status": "left out: TPR does not vary, so its error is unknown"}
    df = welch_df(variances, np.array([len(deleted), jackknife.SAMPLE_GROUPS]) - 1)
    se = float(np.sqrt(variances.sum()))
    return {"log_excess": np.log10(excess), "se": se, "df": float(df), "used": True, "status": "used"}


def _fit(points: pd.DataFrame, n_pools: int, level: float) -> dict[str, object]:
    kept = {"pools": len(points), "dropped": n_pools - len(points), "level": level}
    if points["samples_per_class"].nunique() < 2:
        names = ("slope", "low", "high", "se", "intercept", "chi2", "p_fit")
        return dict.fromkeys(names, np.nan) | kept | {"status": "no fit: fewer than two sizes"}
    x, y = np.log10(points["samples_per_class"].to_numpy(float)), points["log_excess"].to_numpy(float)
    line = fit_line(x, y, points["se"].to_numpy(float) ** 2, points["df"].to_numpy(float))
    low, high = line.limits(level)
    return {
        "slope": line.slope,
        "low": low,
        "high": high,
        "se": line.slope_se,
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
