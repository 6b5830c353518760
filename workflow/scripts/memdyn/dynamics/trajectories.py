"""What becomes of each sample in the vulnerability plane: severity, stabilisation, onset and zone.

Definitions are in the functions' docstrings; the states are those of `memdyn.dynamics.states`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.dynamics.observations import Observations
from memdyn.dynamics.onset import at_epochs, crossings, first_lasting, onsets
from memdyn.dynamics.states import state_limits, state_zones
from memdyn.dynamics.zones import ZoneBounds
from memdyn.terms import ZONES


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


def summary_table(
    observations: Observations, first_row: int, bounds: ZoneBounds, options: SampleOptions
) -> pd.DataFrame:
    """What becomes of every scored sample.

    Args:
        observations: from `memdyn.dynamics.observations.observe`.
        first_row: the pool's row of the first scored sample.
        bounds: of the zones.

    Returns:
        threshold, sample (row in the pool), severity, severity_low, severity_high (advantage at the last checkpoint),
        severity_sup (largest, biased upwards), severity_sup_epoch, severity_sup_crossfit (from halves),
        d_prime, d_prime_low, d_prime_high (at the last checkpoint), onset (epoch; NaN: censored), onset_after (the
        checkpoint before it), censored, d_prime_above, d_prime_above_earliest, d_prime_above_latest (first epoch
        with d' above the bound, of its estimate and limits), stabilised (epoch), zone_counted, zone_tracked (of
        `memdyn.dynamics.states.state_zones` at the last checkpoint).
    """
    shared = _shared_summary(observations, options)
    tables = []
    for threshold in observations.thresholds:
        fpr, tpr = observations.counts["scored", threshold].rates(0)
        zones = state_zones(observations, threshold, bounds)
        tables.append(
            pd.DataFrame(
                {
                    "threshold": threshold,
                    "sample": first_row + np.arange(fpr.shape[1]),
                    **_severity(observations, threshold, options.level),
                    **shared,
                    "stabilised": at_epochs(stabilisation(fpr, tpr, options.stable_distance), observations.epochs),
                    **{name: pd.Categorical.from_codes(zone[-1], ZONES) for name, zone in zones.items()},
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _severity(observations: Observations, threshold: str, level: float) -> dict[str, np.ndarray]:
    counts, limits = observations.counts["scored", threshold], state_limits(observations, threshold, level)
    fpr, tpr = counts.rates(0)
    advantage, splits = tpr - fpr, observations.design.splits
    crossfit = [crossfit_sup(*(np.subtract(*counts.rates(world)[::-1]) for world in pair)) for pair in splits]
    return {
        "severity": advantage[-1],
        "severity_low": limits["advantage_low"][-1].astype(np.float32),
        "severity_high": limits["advantage_high"][-1].astype(np.float32),
        "severity_sup": advantage.max(axis=0),
        "severity_sup_epoch": observations.epochs[advantage.argmax(axis=0)],
        "severity_sup_crossfit": np.mean(crossfit, axis=0) if crossfit else np.full(advantage.shape[1], np.nan),
    }


def _shared_summary(observations: Observations, options: SampleOptions) -> dict[str, np.ndarray]:
    """What does not depend on the threshold: it is read off the margins."""
    epochs, t = observations.epochs, observations.t["scored"][0]
    names = ("d_prime", "d_prime_low", "d_prime_high")
    d_prime, low, high = (getattr(observations, name)["scored"].astype(np.float32) for name in names)
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
