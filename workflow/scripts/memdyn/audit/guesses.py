"""Guesses of memberships: all that an attack is told comes from reference models, and target models are guessed once.

The score is a log likelihood ratio as LiRA's: the margins of a sample in the reference models that trained on it and
in those that did not, as Student's t with a variance that is shrunken over samples, the same for both sides, for of a
sample in few models two variances are hardly known.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memdyn.audit.bounds import log_odds_bound
from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior

_SIZES = 32  # of guess sets that are tried, on either side
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Laws:
    """The predictive laws of each sample's margin; [n] each.

    Attributes:
        inside, outside: centres of the margin as a member and as none.
        scale_in, scale_out: scales of Student's t.
        known: whether a reference model has trained on the sample, and another one has not.
        dof: degrees of freedom.
    """

    inside: Floats
    outside: Floats
    scale_in: Floats
    scale_out: Floats
    known: Mask
    dof: float

    @classmethod
    def of(cls, margins: Floats, mask: Mask) -> "Laws":
        """Of reference models: margins and mask [R, n], R >= 4."""
        n_in, n_out = mask.sum(axis=0), (~mask).sum(axis=0)
        known = (n_in > 0) & (n_out > 0)
        inside = np.where(mask, margins, 0).sum(axis=0) / np.maximum(n_in, 1)
        outside = np.where(mask, 0, margins).sum(axis=0) / np.maximum(n_out, 1)
        squares = ((margins - np.where(mask, inside, outside)) ** 2).sum(axis=0)
        freedom = len(margins) - 2
        squares = np.maximum(squares, freedom * MIN_VARIANCE)
        prior = fit_prior(squares[None, known], freedom)
        dof = float(prior.nu[0]) + freedom
        variance = (prior.nu[0] * prior.variance[0] + squares) / dof
        scales = (np.sqrt(variance * (1 + 1 / np.maximum(n, 1))) for n in (n_in, n_out))
        return cls(inside, outside, *scales, known, dof)

    def log_ratio(self, margins: Floats) -> Floats:
        """log p(margin | member) - log p(margin | none) of margins [..., n]; 0 where a law is not known."""
        z_in, z_out = (margins - self.inside) / self.scale_in, (margins - self.outside) / self.scale_out
        ratio = (self.dof + 1) / 2 * (np.log1p(z_out**2 / self.dof) - np.log1p(z_in**2 / self.dof))
        return np.where(self.known, ratio + np.log(self.scale_out / self.scale_in), 0.0)

    def clearest(self) -> int:
        """The sample that is told apart best."""
        return int(np.argmax(np.where(self.known, np.abs(self.inside - self.outside) / self.scale_out, -1)))


@dataclass(frozen=True)
class Rule:
    """How targets are guessed, fixed on the references.

    Attributes:
        n_in, n_out: the so many highest scores of a model are guessed to be members, the so many lowest to be none.
        canary: the sample of the one decision a model: a member, where its score is above 0.
    """

    laws: Laws
    n_in: int
    n_out: int
    canary: int

    @classmethod
    def of(cls, margins: Floats, mask: Mask, targets: int, confidence: float) -> "Rule":
        """With the guess set that would give the largest bound, had so many targets the references' right guesses.

        Args:
            margins, mask: [R, n] of the reference models. Each is scored by the laws of the others: memberships are
                independent, so that these tell nothing of its own.
        """
        every = np.arange(len(margins))
        scores = np.stack([Laws.of(margins[every != k], mask[every != k]).log_ratio(margins[k]) for k in every])
        laws = Laws.of(margins, mask)
        return cls(laws, *_sizes(scores, mask, targets, confidence), laws.clearest())

    @property
    def guesses(self) -> int:
        """Of one model."""
        return self.n_in + self.n_out

    def correct(self, margins: Floats, mask: Mask) -> NDArray[np.int64]:
        """Right guesses of each target, [T]; of a model whose margins are not all finite (it failed) none is.

        Args:
            margins, mask: [T, n].
        """
        member = _by_score(self.laws.log_ratio(margins), mask)
        none = ~member[:, member.shape[1] - self.n_out :]
        right = member[:, : self.n_in].sum(axis=1) + none.sum(axis=1)
        return np.where(np.isfinite(margins).all(axis=1), right, 0)

    def decisions(self, margins: Floats) -> Mask:
        """Whether each target is said to have trained on the canary, [T]; one that failed is not."""
        return np.isfinite(margins).all(axis=1) & (self.laws.log_ratio(margins)[:, self.canary] > 0)


def _by_score(scores: Floats, mask: Mask) -> Mask:
    """Memberships of each model's samples from the highest score to the lowest."""
    return np.take_along_axis(mask, np.argsort(-scores, axis=1, kind="stable"), axis=1)


def _sizes(scores: Floats, mask: Mask, targets: int, confidence: float) -> tuple[int, int]:
    """The numbers of guesses IN and OUT with the largest bound (without delta).

    At a confidence that allows for how many are tried: else, where little leaks, a few guesses that were right by luck
    would win.
    """
    member, n = _by_score(scores, mask), scores.shape[1]
    tried = np.unique(np.round(np.geomspace(1, n // 2, _SIZES)).astype(int))
    hits, rejections = member.mean(axis=0).cumsum(), (~member).mean(axis=0)[::-1].cumsum()
    sizes = np.concatenate([[0], tried])
    right_in, right_out = (np.concatenate([[0.0], found[tried - 1]]) for found in (hits, rejections))
    right, guesses = targets * np.add.outer(right_in, right_out), targets * np.add.outer(sizes, sizes)
    bounds = log_odds_bound(np.floor(right), guesses, 1 - (1 - confidence) / (right.size - 1))
    bounds[0, 0] = -np.inf  # no guess at all
    best = np.unravel_index(np.argmax(bounds), bounds.shape)
    return int(sizes[best[0]]), int(sizes[best[1]])
