"""How many samples lie in each zone: counted, beside the sham part's, and without the noise of few models.

The counted share of the highly vulnerable depends on the number of models M: of few, 90 % is "all of them", and noise
carries samples across the bounds. So it compares at equal M only. Beside it stands the share that many models would
show, parametric: the expected share of samples whose margins some threshold separates into the zone,

    d'_i >= Phi^-1(hv_tpr) - Phi^-1(hv_fpr)

which is a likelihood-ratio test's, of normal margins with one standard deviation, at its best threshold.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from memdyn.attacks.evaluate import Settings
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.dprime import effect_sizes
from memdyn.dynamics.observations import Observations
from memdyn.dynamics.zones import ZoneBounds, counted_zones
from memdyn.stats import jackknife
from memdyn.terms import ZONES

_NEEDED = "highly_vulnerable"


def zone_table(observations: Observations, smooth: pd.DataFrame, bounds: ZoneBounds, level: float) -> pd.DataFrame:
    """Shares of the zones, of states as they are; all zones listed.

    Args:
        observations: from `memdyn.dynamics.observations.observe`.
        smooth: from `smooth_shares`, of the same run.
        level: of the intervals.

    Returns:
        threshold, epoch, zone, share, low, high (of the scored part, jackknife over pairs), null (the sham part's
        share; NaN without one), and for the highly vulnerable smooth, smooth_low, smooth_high.
    """
    tables = []
    for threshold in observations.thresholds:
        scored, *others = (_shares(observations, part, threshold, bounds) for part in observations.parts)
        null = others[0][0] if others else np.full(scored[0].shape, np.nan)
        low, high = np.clip(jackknife.interval(scored[0], scored[1:], observations.design.sizes, level), 0, 1)
        numbers = {"share": scored[0], "low": low, "high": high, "null": null}
        keys = {
            "threshold": threshold,
            "epoch": np.repeat(observations.epochs, len(ZONES)),
            "zone": pd.Categorical(np.tile(ZONES, len(observations.epochs)), ZONES),
        }
        tables.append(pd.DataFrame(keys | {name: values.ravel() for name, values in numbers.items()}))
    table = pd.concat(tables, ignore_index=True)
    return table.merge(smooth.assign(zone=pd.Categorical([_NEEDED] * len(smooth), ZONES)), "left", ["epoch", "zone"])


def _shares(observations: Observations, part: str, threshold: str, bounds: ZoneBounds) -> np.ndarray:
    """[1 + G, T, Z]: of all pairs, and of the jackknife's worlds."""
    worlds = range(observations.design.n_jackknife if part == "scored" else 1)
    codes = [counted_zones(observations.states(part, threshold, w, bounds.test_level), bounds) for w in worlds]
    return np.stack([[np.mean(code == zone, axis=1) for zone in range(len(ZONES))] for code in codes]).swapaxes(1, 2)


def smooth_shares(scores: ShadowScores, bounds: ZoneBounds, settings: Settings) -> pd.DataFrame:
    """The parametric share of the highly vulnerable at every checkpoint, d' fitted anew without each group of pairs.

    Returns:
        epoch, smooth, smooth_low, smooth_high.
    """
    bound, group = bounds.hv_d_prime, scores.pairs.groups(settings.groups)
    groups, sizes = np.unique(group, return_counts=True)
    if len(group) - sizes.max() < 2:
        groups, sizes = groups[:0], sizes[:0]  # too few pairs to leave any out: no interval
    load, rows = scores.loader("scored"), []
    for epoch in scores.epochs:
        signals = load(epoch)
        inside, outside = signals.split(signals.margins)
        value = expected_share(inside, outside, bound)
        deleted = np.array([expected_share(inside[group != g], outside[group != g], bound) for g in groups])
        low, high = np.clip(jackknife.interval(value, deleted, sizes, settings.level), 0, 1)
        rows.append([epoch, value, low, high])
    return pd.DataFrame(rows, columns=["epoch", "smooth", "smooth_low", "smooth_high"])


def expected_share(inside: np.ndarray, outside: np.ndarray, bound: float) -> float:
    """Expected share of the samples with d' above a bound, from margins [P, n] of IN and OUT models; normal posteriors.

    The share of estimates above it would be too large: their noise widens the law of d'.
    """
    effects = effect_sizes(inside, outside)
    with np.errstate(divide="ignore"):  # no posterior width: above the bound or not
        return float(ndtr((effects.mean - bound) / effects.sd).mean())
