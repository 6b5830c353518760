"""How many of the samples truly most at risk at the end were truly most at risk early: recall without noise.

What half of the models finds early of what the other half says at the end is little where d' is measured badly, and an
early d' is small, so it is measured worse than the final one: a study with more models finds more of a world that is
the same. So what is asked for is the LATENT share: of the samples in the top share by the true d' at the end, how many
are in the top share by the true d' at t; 0 at chance and below, 1 for all. It does not depend on the number of models.

1. The law of the true d' at a checkpoint: noise is what two halves disagree by, taken as normal and alike in all
   samples. The law starts as the Pearson III that has the mean, variance and skewness that are left when noise is taken
   away, and is moved by some steps of EM towards the one under which the observed d' is most likely (Laird 1978): what
   noise hides stays smooth. It says how likely half of the models puts a sample of each true rank in the top share.
2. With a copula of the true ranks at t and at the end, these chances give the recall to be expected. The latent share
   is that of the copula whose expected recall is the observed one.
3. Noise hides which copula it is, so there are two that lie far apart: GRADUAL (Gaussian: all samples keep their rank
   more or less) and WHOLE (a part of the samples keeps its rank exactly, the others get a new one). A world in between
   has a latent share between theirs; they agree where nothing or everything is determined, and with more models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtrit

from memdyn.dynamics.top_share import SampleJackknife, count
from memdyn.stats import jackknife
from memdyn.stats.inversion import accepted

COPULAS = ("gradual", "whole")
SHARES = np.linspace(0, 1, 21)
"""Latent shares at which expected recalls are taken."""
# In units of the noise of all models. Halves have sqrt(2) times as much: at the reach a sample's side is certain.
_REACH, _HALF = 7.0, np.sqrt(2)
_BINS, _ATOMS, _STEPS = 84, 57, 100
_MOST_SKEWED, _LEAST_VARIANCE = 3.0, 1e-3
_BELOW, _WITHIN, _NODES = 30, 20, 8  # cells of ranks below and within the top share; points a cell


@dataclass(frozen=True)
class LatentShare:
    """The latent share at one checkpoint.

    Attributes:
        shares: [R], midway between both copulas, a replicate; unlike the limits not held within 0 and 1.
        se_samples: standard error of the first from the choice of samples.
        profile: a row a copula and one of `SHARES`: copula, share, excess (observed recall minus the one to be
            expected), se (of models and samples; NaN without replicates), groups.
    """

    shares: np.ndarray
    se_samples: float
    profile: pd.DataFrame


class LatentShares:
    """The latent shares of one run.

    Args:
        final: d' [2S, n] of the halves at the last checkpoint, a replicate.
        by_samples: of the same.
        sizes: [G] pairs of each deleted group.
    """

    def __init__(self, final: Sequence[np.ndarray], by_samples: SampleJackknife, sizes: np.ndarray) -> None:
        self._by_samples, self._sizes = by_samples, sizes
        n_samples = final[0].shape[1]
        self._share = count(n_samples, by_samples.top) / n_samples
        self._final = self._chances(final)

    def at(self, effects: Sequence[np.ndarray], by_pairs: np.ndarray, by_samples: np.ndarray) -> LatentShare:
        """The latent share at one checkpoint.

        Args:
            effects: d' [2S, n] of the halves, a replicate.
            by_pairs: [R], recall in each replicate.
            by_samples: [G], recall without each group of samples.
        """
        n_replicates = len(effects)
        expected = expected_recalls(self._chances(effects), self._final, self._share)
        found = np.concatenate([by_pairs, by_samples])
        shares, excess = expected.shares(found).mean(axis=0), np.moveaxis(found - expected.recalls, -1, 0)
        of_samples = (np.concatenate([values[:1], values[n_replicates:]]) for values in (shares, excess))
        share_error, sample_error = (self._by_samples.standard_error(values) for values in of_samples)
        deleted = excess[1:n_replicates]
        pair_error = jackknife.standard_error(excess[0], deleted, self._sizes) if len(deleted) else np.nan
        profile = pd.DataFrame(list(product(COPULAS, SHARES)), columns=["copula", "share"])
        profile = profile.assign(
            excess=excess[0].ravel(), se=np.hypot(pair_error, sample_error).ravel(), groups=len(deleted)
        )
        return LatentShare(shares[:n_replicates], float(share_error), profile)

    def _chances(self, effects: Sequence[np.ndarray]) -> np.ndarray:
        return top_chances([*effects, *self._by_samples.each(effects[0])[1:]], self._share)


def latent_limits(profile: pd.DataFrame, level: float) -> tuple[float, float]:
    """The latent shares that are possible under one of the copulas; profile from `LatentShare`, of one checkpoint."""
    dof = profile["groups"].iloc[0] - 1
    quantile = stdtrit(dof, (1 + level) / 2) if dof >= 1 else np.nan
    limits = [
        accepted(*part[["share", "excess", "se"]].to_numpy(dtype=float).T, quantile)
        for _, part in profile.groupby("copula", sort=False)
    ]
    return min(low for low, _ in limits), max(high for _, high in limits)


@dataclass(frozen=True)
class Expected:
    """Recalls [C, J, R] to be expected under each of `COPULAS` with each of `SHARES`, a replicate."""

    recalls: np.ndarray

    def shares(self, recall: np.ndarray) -> np.ndarray:
        """Latent shares [C, R] of observed recalls [R]; outside 0 and 1 on the line of `whole`, NaN without signal."""
        chance, best = self.recalls[1, 0], self.recalls[1, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            whole = (recall - chance) / np.where(best > chance, best - chance, np.nan)
        gradual = [
            np.interp(one, curve, SHARES) if 0 < line < 1 else line
            for one, curve, line in zip(recall, self.recalls[0].T, whole, strict=True)
        ]
        return np.stack([np.array(gradual), whole])


def expected_recalls(early: np.ndarray, final: np.ndarray, share: float) -> Expected:
    """Recalls of the final top share of the other half by that of an early half.

    Args:
        early, final: [R, cells] from `top_chances`.
        share: of the samples that is at risk.
    """
    weights = np.diff(_edges(share))
    gradual = np.einsum("rc,jcd,rd->jr", final, _gaussian_copulas(share), early, optimize=True) / share
    kept = (weights * early * final).sum(axis=1) / share
    drawn = (weights * early).sum(axis=1) * (weights * final).sum(axis=1) / share
    whole = np.outer(SHARES, kept) + np.outer(1 - SHARES, drawn)
    gradual[-1] = kept
    return Expected(np.stack([gradual, whole]))


def top_chances(effects: Sequence[np.ndarray], share: float) -> np.ndarray:
    """How likely half of the models puts a sample of a true rank in the top share: [R, cells], cells of `_edges`.

    Args:
        effects: d' [2S, n] of the halves, a replicate.
        share: of the samples that is at risk.
    """
    weights = np.stack([_true_law(effect, share) for effect in effects])
    low, high = np.full(len(weights), -_REACH), np.full(len(weights), _REACH)
    for _ in range(40):  # the border of the top share of a half: just that share is above it
        middle = (low + high) / 2
        above = (weights * _above(middle)).sum(axis=1) > share
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    rank, found = (np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0))) for x in (weights, weights * _above(low)))
    edges = _edges(share)
    return np.stack([np.diff(np.interp(edges, *one)) for one in zip(rank, found, strict=True)]) / np.diff(edges)


def _above(border: np.ndarray) -> np.ndarray:
    """[R, atoms]: chance that a half's d' is above the border [R], where the true one is an atom."""
    return ndtr((_atoms() - border[:, None]) / _HALF)


def _true_law(effects: np.ndarray, share: float) -> np.ndarray:
    """Weights [atoms] of the true d' about the border of the top share, from d' [2S, n] of the halves."""
    every = effects.mean(axis=0, dtype=float)  # d' of all models
    noise = max(np.sqrt(np.mean((effects[0::2] - effects[1::2]) ** 2, dtype=float)) / 2, np.finfo(np.float32).tiny)
    values = np.clip((every - np.quantile(every, 1 - share)) / noise, -1e6, 1e6)
    places = np.clip((values / _REACH + 1) * (_BINS / 2), 0, _BINS - 1).astype(int)
    histogram = np.bincount(places, minlength=_BINS) / len(values)
    weights, kernel = _first_law(values), _kernel()
    for _ in range(_STEPS):
        weights = weights * (kernel @ (histogram / (weights @ kernel)))
    return weights / weights.sum()


def _first_law(values: np.ndarray) -> np.ndarray:
    """The Pearson III with the moments of the true d', where the values' noise has variance 1 and no skewness."""
    centred = values - values.mean()
    variance = max(np.mean(centred**2) - 1, _LEAST_VARIANCE)
    skewness = np.clip(np.mean(centred**3) / variance**1.5, -_MOST_SKEWED, _MOST_SKEWED)
    between = np.concatenate([[-np.inf], (_atoms()[1:] + _atoms()[:-1]) / 2, [np.inf]])
    mass = np.diff(stats.pearson3.cdf((between - values.mean()) / np.sqrt(variance), skewness))
    return np.maximum(mass, 1e-8)


@cache
def _atoms() -> np.ndarray:
    return np.linspace(-_REACH, _REACH, _ATOMS)


@cache
def _kernel() -> np.ndarray:
    """[atoms, bins]: chance of a bin, the outer ones open, of an atom with standard normal noise."""
    edges = np.linspace(-_REACH, _REACH, _BINS + 1)
    edges[[0, -1]] = -np.inf, np.inf
    return np.maximum(np.diff(ndtr(edges - _atoms()[:, None]), axis=1), 1e-300)


@cache
def _edges(share: float) -> np.ndarray:
    """Of cells of true ranks in [0, 1]; the top share begins at one."""
    return np.concatenate([np.linspace(0, 1 - share, _BELOW, endpoint=False), np.linspace(1 - share, 1, _WITHIN + 1)])


@cache
def _gaussian_copulas(share: float) -> np.ndarray:
    """[J, cells, cells]: mass of the Gaussian copulas that have latent shares `SHARES`."""
    edges = _edges(share)
    nodes = (edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(_NODES) + 0.5) / _NODES).ravel()
    border, scores = ndtri(edges), ndtri(nodes)
    top = scores[-_WITHIN * _NODES :]

    def beyond(rho: float, share_: float) -> float:
        found = ndtr((rho * top - ndtri(1 - share)) / np.sqrt(1 - rho**2)).mean()
        return (found - share) / (1 - share) - share_

    almost = 1 - 1e-9
    masses = []
    for wanted in SHARES:
        rho = brentq(beyond, 0, almost, args=(wanted,)) if 0 < wanted < 1 else wanted * almost
        below = ndtr((border[:, None] - rho * scores) / np.sqrt(1 - rho**2))
        given = np.diff(below, axis=0).reshape(len(edges) - 1, -1, _NODES).mean(axis=2)  # [early, final]
        masses.append((given * np.diff(edges)).T)
    return np.stack(masses)
