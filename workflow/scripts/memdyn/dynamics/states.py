"""The state of every scored sample at every checkpoint, counted in one place: the table `samples`.

A state is the point (FPR_i, TPR_i) of the vulnerability plane, counted over all pairs. Two rules say in which zone of
it a sample is: `zone_counted` is that of the state as it is, and what all shares of zones count; `zone_tracked` is left
only by a state that is more than one standard error outside it, so that counting noise moves fewer samples to and fro.
"""

import numpy as np
import pandas as pd

from memdyn.attacks.base import FOLDS
from memdyn.dynamics.design_effect import QUANTITIES
from memdyn.dynamics.observations import Observations
from memdyn.dynamics.plane import rate_interval
from memdyn.dynamics.speed import slopes, speeds
from memdyn.dynamics.zones import ZoneBounds, counted_zones, tracked_zones
from memdyn.stats.intervals import paired_advantage
from memdyn.terms import ZONES

_D_PRIME = ("d_prime", "d_prime_low", "d_prime_high", "d_prime_sd")


def samples_table(
    observations: Observations, labels: np.ndarray, sample_ids: np.ndarray, bounds: ZoneBounds, level: float
) -> pd.DataFrame:
    """The state of every scored sample at every checkpoint, and which way it goes.

    Args:
        observations: from `memdyn.dynamics.observations.observe`.
        labels, sample_ids: int [n], class and source row of the scored samples.
        bounds: of the zones.
        level: of the limits.

    Returns:
        threshold, folds, epoch, sample_id, label, n_in, n_out; tpr, fpr and advantage with _low and _high, which allow
        for design_effect_tpr, design_effect_fpr and design_effect_advantage (no limits, and NaN, of too few models);
        d_prime with _low, _high and _sd; speed, advantage_slope, d_prime_slope (to the next checkpoint, per epoch; NaN
        at the last); zone_counted, zone_tracked.
    """
    thresholds, epochs, n_samples = observations.thresholds, observations.epochs, len(sample_ids)
    found = [_of_threshold(observations, threshold, bounds, level) for threshold in thresholds]
    rows, n_pairs = len(epochs) * len(thresholds), int(observations.design.pairs[0])
    keys = {
        "threshold": np.tile(np.repeat(np.array(thresholds, dtype=object), n_samples), len(epochs)),
        "folds": FOLDS["halves"],
        "epoch": np.repeat(epochs, len(thresholds) * n_samples),
        "sample_id": np.tile(sample_ids, rows),
        "label": np.tile(labels, rows),
        "n_in": n_pairs,
        "n_out": n_pairs,
    }
    values = {name: np.stack([one[name] for one in found], axis=1).ravel() for name in found[0]}
    zones = {name: pd.Categorical.from_codes(values[name], ZONES) for name in values if name.startswith("zone_")}
    return pd.DataFrame(keys | values | zones)


def _of_threshold(
    observations: Observations, threshold: str, bounds: ZoneBounds, level: float
) -> dict[str, np.ndarray]:
    """The columns of one threshold, [T, n] each; zones as places in `ZONES`."""
    counts, epochs = observations.counts["scored", threshold], observations.epochs
    n_pairs = float(counts.pairs[0])
    tpr, fpr = counts.d_in[0] / n_pairs, counts.d_out[0] / n_pairs
    values = {"tpr": tpr, "fpr": fpr, "advantage": tpr - fpr}
    limits = state_limits(observations, threshold, level)
    columns = {}
    for name, value in values.items():
        columns |= {name: value, f"{name}_low": limits[f"{name}_low"], f"{name}_high": limits[f"{name}_high"]}
    effects = observations.design_effect["scored", threshold]
    columns |= {f"design_effect_{name}": effect for name, effect in zip(QUANTITIES, effects, strict=True)}
    columns |= {name: getattr(observations, name)["scored"] for name in _D_PRIME}
    rates = counts.rates(0)
    return columns | {
        "speed": _to_next(speeds(*rates, epochs)),
        "advantage_slope": _to_next(slopes(rates[1] - rates[0], epochs)),
        "d_prime_slope": _to_next(slopes(columns["d_prime"].astype(np.float32), epochs)),
        **state_zones(observations, threshold, bounds),
    }


def state_zones(observations: Observations, threshold: str, bounds: ZoneBounds) -> dict[str, np.ndarray]:
    """The zones of the scored samples by both rules, zone_counted and zone_tracked: places in `ZONES`, [T, n] each."""
    states = observations.states("scored", threshold, 0, bounds.test_level)
    return {"zone_counted": counted_zones(states, bounds), "zone_tracked": tracked_zones(states, bounds)}


def state_limits(observations: Observations, threshold: str, level: float) -> dict[str, np.ndarray]:
    """Limits of the scored samples' tpr, fpr and advantage (paired): <name>_low and <name>_high, [T, n] each."""
    counts = observations.counts["scored", threshold]
    d_in, d_out, n_pairs = counts.d_in[0], counts.d_out[0], int(counts.pairs[0])
    of_tpr, of_fpr, of_advantage = observations.design_effect["scored", threshold]
    limits = {
        "tpr": rate_interval(d_in, n_pairs, level, of_tpr),
        "fpr": rate_interval(d_out, n_pairs, level, of_fpr),
        "advantage": paired_advantage(d_in, d_out, counts.d_both[0], n_pairs, level, of_advantage),
    }
    return {
        f"{name}_{end}": side for name, pair in limits.items() for end, side in zip(("low", "high"), pair, strict=True)
    }


def _to_next(values: np.ndarray) -> np.ndarray:
    """[T, n] from what is between checkpoints [T - 1, n]: it stands at the first of the two."""
    return np.concatenate([values, np.full((1, values.shape[1]), np.nan, np.float32)])
