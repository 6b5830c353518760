"""Each sample's way through the vulnerability plane: advantage, severity, speed, stabilisation, onset and zone.

Definitions are in the functions' docstrings; the states are those of `memdyn.dynamics.plane`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.dynamics.design_effect import QUANTITIES
from memdyn.dynamics.observations import Counts, Observations
from memdyn.dynamics.onset import at_epochs, crossings, first_lasting, onsets
from memdyn.dynamics.plane import rate_interval
from memdyn.dynamics.speed import slopes, speeds
from memdyn.dynamics.zones import ZoneBounds, raw_zones, tracked_zones
from memdyn.stats.intervals import paired_advantage
from memdyn.terms import ZONES

_INTERVALS = ["clopper-pearson (approximate)", "none: too few models"]


@dataclass(frozen=True)
class SampleOptions:
    """What is asked of each sample.

    Attributes:
        level: of the intervals.
        onset_level: of the onset's one-sided bounds and of its false discovery rate.
        d_prime_bound: the first checkpoint with d' above it is reported beside the onset.
        stable_distance: eps of the stabilisation, in the plane.
    """

    level: float
    onset_level: float
    d_prime_bound: float
    stable_distance: float


def stabilisation(fpr: np.ndarray, tpr: np.ndarray, distance: float) -> np.ndarray:
    """int [n]: the first checkpoint from which on a state [T, n] stays nearer than `distance` to its last one."""
    return first_lasting(np.hypot(fpr - fpr[-1], tpr - tpr[-1]) < distance)


def crossfit_sup(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """sup_t A_i(t) [n] of advantages [T, n] in two halves: each half's value where the other has its largest.

    The plain sup of noisy values lies above the true one, the more the more checkpoints; this one never does on
    average, and lies below it where halves disagree on the checkpoint.
    """
    samples = np.arange(first.shape[1])
    return (first[second.argmax(axis=0), samples] + second[first.argmax(axis=0), samples]) / 2


def sample_tables(
    observations: Observations, first_row: int, bounds: ZoneBounds, options: SampleOptions
) -> dict[str, pd.DataFrame]:
    """The states of every scored sample at every checkpoint, and what becomes of each.

    Args:
        observations: from `memdyn.dynamics.observations.observe`.
        first_row: the pool's row of the first scored sample.
        bounds: of the zones.

    Returns:
        states: threshold, epoch, sample (row in the pool), n_in, n_out, tpr, tpr_low, tpr_high, fpr, fpr_low, fpr_high,
            advantage, advantage_low, advantage_high, design_effect_tpr, design_effect_fpr, design_effect_advantage
            (which the limits allow for), interval (how the rates' limits were made; the advantage's are paired),
            d_prime, d_prime_sd, d_prime_low, d_prime_high, speed, advantage_slope, d_prime_slope (to the next
            checkpoint, per epoch; NaN at the last), zone (of the state as it is), zone_tracked (left when more than
            one standard error outside it).
        summary: threshold, sample, severity, severity_low, severity_high (advantage at the last checkpoint),
            severity_sup (largest, biased upwards), severity_sup_epoch, severity_sup_crossfit (from halves),
            d_prime, d_prime_low, d_prime_high (at the last checkpoint), onset (epoch; NaN: censored), onset_after (the
            checkpoint before it), censored, d_prime_above, d_prime_above_earliest, d_prime_above_latest (first epoch
            with d' above the bound, of its estimate and limits), stabilised (epoch), zone, zone_tracked (last).
    """
    epochs = observations.epochs
    d_prime = observations.d_prime["scored"]
    shared = _shared_summary(observations, options)
    states, summaries = [], []
    for threshold in observations.thresholds:
        counts = observations.counts["scored", threshold]
        world = observations.states("scored", threshold, 0, bounds.test_level)
        codes = {"zone": raw_zones(world, bounds), "zone_tracked": tracked_zones(world, bounds)}
        fpr, tpr = counts.rates(0)
        moving = {
            "d_prime": d_prime,
            "d_prime_sd": observations.d_prime_sd["scored"],
            "d_prime_low": observations.d_prime_low["scored"],
            "d_prime_high": observations.d_prime_high["scored"],
            "speed": _to_next(speeds(fpr, tpr, epochs)),
            "advantage_slope": _to_next(slopes(tpr - fpr, epochs)),
            "d_prime_slope": _to_next(slopes(d_prime, epochs)),
        }
        effects = observations.design_effect["scored", threshold]
        limits = _limits(counts, effects, options.level)
        spread = {f"design_effect_{name}": effect for name, effect in zip(QUANTITIES, effects, strict=True)}
        n_samples = fpr.shape[1]
        samples = first_row + np.arange(n_samples)
        states.append(
            pd.DataFrame(
                {
                    "threshold": pd.Categorical.from_codes(np.zeros(fpr.size, np.int8), [threshold]),
                    "epoch": np.repeat(epochs, n_samples),
                    "sample": np.tile(samples, len(epochs)),
                    "n_in": counts.pairs[0],
                    "n_out": counts.pairs[0],
                    **{name: values.ravel() for name, values in (limits | spread).items()},
                    "interval": pd.Categorical.from_codes(np.isnan(effects[0]).ravel().astype(np.int8), _INTERVALS),
                    **{name: values.ravel() for name, values in moving.items()},
                    **{name: pd.Categorical.from_codes(zone.ravel(), ZONES) for name, zone in codes.items()},
                }
            )
        )
        summaries.append(
            pd.DataFrame(
                {
                    "threshold": threshold,
                    "sample": samples,
                    **_severity(observations, threshold, limits),
                    **shared,
                    "stabilised": at_epochs(stabilisation(fpr, tpr, options.stable_distance), epochs),
                    **{name: pd.Categorical.from_codes(zone[-1], ZONES) for name, zone in codes.items()},
                }
            )
        )
    table = pd.concat(states, ignore_index=True)
    table["threshold"] = pd.Categorical(table["threshold"], observations.thresholds)
    return {"states": table, "summary": pd.concat(summaries, ignore_index=True)}


def _limits(counts: Counts, effects: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Rates and advantage of all pairs with their limits, float32 [T, n] each.

    Args:
        effects: design effects [3, T, n].
    """
    d_in, d_out, n_pairs = counts.d_in[0], counts.d_out[0], int(counts.pairs[0])
    fpr, tpr = counts.rates(0)
    values = {"tpr": tpr, "fpr": fpr, "advantage": tpr - fpr}
    tpr_effect, fpr_effect, advantage_effect = effects
    low_high = {
        "tpr": rate_interval(d_in, n_pairs, level, tpr_effect),
        "fpr": rate_interval(d_out, n_pairs, level, fpr_effect),
        "advantage": paired_advantage(d_in, d_out, counts.d_both[0], n_pairs, level, advantage_effect),
    }
    result = {}
    for name, value in values.items():
        low, high = low_high[name]
        result |= {name: value, f"{name}_low": low.astype(np.float32), f"{name}_high": high.astype(np.float32)}
    return result


def _severity(observations: Observations, threshold: str, limits: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    advantage = limits["advantage"]
    splits = observations.design.splits
    counts = observations.counts["scored", threshold]
    crossfit = [crossfit_sup(*(np.subtract(*counts.rates(world)[::-1]) for world in pair)) for pair in splits]
    return {
        "severity": advantage[-1],
        "severity_low": limits["advantage_low"][-1],
        "severity_high": limits["advantage_high"][-1],
        "severity_sup": advantage.max(axis=0),
        "severity_sup_epoch": observations.epochs[advantage.argmax(axis=0)],
        "severity_sup_crossfit": np.mean(crossfit, axis=0) if crossfit else np.full(advantage.shape[1], np.nan),
    }


def _shared_summary(observations: Observations, options: SampleOptions) -> dict[str, np.ndarray]:
    """What does not depend on the threshold: it is read off the margins."""
    epochs, t = observations.epochs, observations.t["scored"][0]
    d_prime, low, high = (getattr(observations, name)["scored"] for name in ("d_prime", "d_prime_low", "d_prime_high"))
    onset = onsets(t, int(observations.design.pairs[0]), options.onset_level)
    above = crossings(d_prime, low, high, options.d_prime_bound)
    return {
        "d_prime": d_prime[-1],
        "d_prime_low": low[-1],
        "d_prime_high": high[-1],
        "onset": at_epochs(onset, epochs),
        "onset_after": at_epochs(np.where(onset > 0, onset - 1, -1), epochs),
        "censored": onset < 0,
        "d_prime_above": at_epochs(above.estimate, epochs),
        "d_prime_above_earliest": at_epochs(above.earliest, epochs),
        "d_prime_above_latest": at_epochs(above.latest, epochs),
    }


def _to_next(values: np.ndarray) -> np.ndarray:
    """[T, n] from what is between checkpoints [T - 1, n]: it stands at the first of the two."""
    return np.concatenate([values, np.full((1, values.shape[1]), np.nan, np.float32)])
