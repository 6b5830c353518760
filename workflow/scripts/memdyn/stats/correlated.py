"""Covariances of many small samples of T numbers each, shrunken towards the correlation that they have in common.

Axes: models P (or folds F), numbers T, samples c last, so that a step of elimination is a pass over long rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import gammaln

from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior

WEIGHTS = 4.0 ** np.arange(8)  # of the common correlation, in observations: where its evidence is looked at
NUGGET = 1e-9  # of the common correlation: numbers that always move together leave each other this share
CHUNK = 1 << 19  # values at a time


@dataclass(frozen=True)
class Common:
    """What all samples have in common; F = 1 or one row a fold. Each number is seen given those before it.

    Attributes:
        correlation: [F, T, T] within samples, positive definite.
        pivots: [F, T], of its elimination: the share of each number's variance that those before it leave.
        variance: [F, T], mean over samples.
        weight: [F], how many observations the correlation counts as.
        nu, residual: [F, T], prior of a number's variance given those before it (`memdyn.stats.shrinkage.Prior`).
        effect, effects: [F, T], mean and variance over samples of what membership shifts a number by given those before
            it, in its standard deviations given them.
    """

    correlation: np.ndarray
    pivots: np.ndarray
    variance: np.ndarray
    weight: np.ndarray
    nu: np.ndarray
    residual: np.ndarray
    effect: np.ndarray
    effects: np.ndarray

    @classmethod
    def join(cls, parts: list["Common"], rows: np.ndarray) -> "Common":
        """A row a fold: of the part whose number stands in rows [F]."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts])[rows] for each in fields(cls)))

    def add_to(self, squares: np.ndarray, dof: int) -> tuple[np.ndarray, np.ndarray]:
        """Adds weight D R D to centred squares [F, T, T, c], D^2 = (own squares + variance) / (dof + 1).

        So a sample's own scale is its own, with one observation's worth of the others'.

        Returns:
            prior: [F, T, c], pivots of what was added: beneath them the pivots of the sum never are.
            least: [F, T, c], the same with the least squares that are real, dof MIN_VARIANCE: rounding is not below it.
        """
        return _add(squares, dof, self.correlation, self.pivots, self.variance, self.weight)


def _add(
    squares: np.ndarray,
    dof: int,
    correlation: np.ndarray,
    pivots: np.ndarray,
    variance: np.ndarray,
    weight: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    scale2 = (np.einsum("fttc->ftc", squares) + variance[..., None]) / (dof + 1)
    scale = np.sqrt(scale2)
    part = scale[:, :, None] * scale[:, None]
    part *= (weight[:, None, None] * correlation)[..., None]
    squares += part
    prior = scale2 * (weight[:, None] * pivots)[..., None]
    return prior, prior + dof * MIN_VARIANCE


def eliminate(matrix: np.ndarray, least: np.ndarray, *columns: np.ndarray) -> None:
    """Gaussian elimination of symmetric positive definite matrices, in place.

    Args:
        matrix: [F, T, T, c]; after it the pivots are on the diagonal.
        least: [F, T, c], what no pivot is below but by rounding.
        columns: [S, T, c] each, S = F or F = 1; after it what is left of each number by those before it.
    """
    for t in range(matrix.shape[1]):
        pivot = matrix[:, t, t]
        np.maximum(pivot, least[:, t], out=pivot)
        below = matrix[:, t + 1 :, t]
        factor = below / pivot[:, None]
        for row in range(factor.shape[1]):  # the lower triangle alone
            matrix[:, t + 1 + row, t + 1 : t + 2 + row] -= factor[:, row, None] * below[:, : row + 1]
        for column in columns:
            column[:, t + 1 :] -= factor * column[:, t, None]


def cross_moments_without_each(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means [P, T, c] and centred squares [P, T, T, c] of all other rows of values [P, T, c].

    Merged from those of the rows before and after (Chan, Golub & LeVeque 1979), as `Fold.moments` does: nothing is
    subtracted, so nothing cancels, and no row knows itself in its last bits.
    """
    n_rows, width, c = values.shape
    means, squares = np.zeros_like(values), np.zeros((n_rows, width, width, c))
    for k in range(n_rows - 1):
        step = values[k] - means[k]
        np.add(means[k], step / (k + 1), out=means[k + 1])
        np.add(squares[k], _outer(step, values[k] - means[k + 1]), out=squares[k + 1])
    mean, square = np.zeros_like(values[0]), np.zeros_like(squares[0])
    last = n_rows - 1
    for k in range(last, -1, -1):
        after = last - k
        apart = mean - means[k]
        means[k] += apart * (after / last)
        squares[k] += square
        squares[k] += _outer(apart, apart * (k * after / last))
        step = values[k] - mean
        mean = mean + step / (after + 1)
        square += _outer(step, values[k] - mean)
    return means, squares


def cross_moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means [1, T, c] and centred squares [1, T, T, c] of all rows of values [P, T, c]."""
    mean = values.mean(axis=0, keepdims=True)
    deviation = values - mean
    return mean, np.einsum("ptc,psc->tsc", deviation, deviation)[None]


def in_common(first: np.ndarray, second: np.ndarray) -> Common:
    """What samples have in common, from values [r, n, T] of two sets of r >= 2 models each.

    The correlation is that of the samples' squares, centred in each set, each sample scaled by its own standard
    deviations: one with large variances counts as the others do. Its weight maximises the evidence (the marginal
    likelihood over samples) of `WEIGHTS`, with a parabola through the best of them and its neighbours. Effects are
    estimated by moments: the mean, and the variance beyond what noise of r models explains.
    """
    n_samples, width = first.shape[1:]
    dof = 2 * (len(first) - 1)
    variance = (first.var(axis=0, ddof=1).mean(axis=0) + second.var(axis=0, ddof=1).mean(axis=0)) / 2
    variance = np.maximum(variance, MIN_VARIANCE)
    total = np.zeros((width, width))
    for _, _, squares in _chunks(first, second):
        scale = np.sqrt((np.einsum("fttc->ftc", squares) + variance[:, None]) / (dof + 1))
        total += (squares / (scale[:, :, None] * scale[:, None]))[0].sum(axis=2)
    total = total / (n_samples * dof) + NUGGET * np.eye(width)  # where nothing moved: uncorrelated
    deviation = np.sqrt(np.diag(total))
    correlation = (total / np.outer(deviation, deviation) + NUGGET * np.eye(width)) / (1 + NUGGET)
    correlation = correlation[None]
    eliminated = correlation[..., None].copy()
    eliminate(eliminated, np.full((1, width, 1), NUGGET / 2))
    fixed = correlation, np.einsum("fttc->ft", eliminated), variance[None]

    def seen(weight: float) -> "_Seen":
        return _Seen.of(first, second, dof, *fixed, np.full(1, weight))

    evidence = np.array([seen(weight).evidence for weight in WEIGHTS])
    weight = _peak(np.log(WEIGHTS), evidence)
    best = seen(weight)
    return Common(*fixed, np.full(1, weight), best.nu[None], best.residual[None], *best.effects())


@dataclass(frozen=True)
class _Seen:
    """What the squares of all samples say at one weight of the correlation.

    Attributes:
        evidence: log marginal likelihood a sample, but for what does not depend on the weight.
        nu, residual: [T].
        shift: [T, n], differences of the two sets, given the numbers before, in standard deviations.
        noise: [T, n], their variance over models.
        dof: [T], degrees of freedom of the standard deviations, > 2.
    """

    evidence: float
    nu: np.ndarray
    residual: np.ndarray
    shift: np.ndarray
    noise: np.ndarray
    dof: np.ndarray

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray, dof: int, *prior_of_all: np.ndarray) -> "_Seen":
        n_models, n_samples, width = first.shape
        rest, shift, noise = (np.empty((width, n_samples)) for _ in range(3))
        evidence, helped = 0.0, np.arange(width)[::-1, None]  # how many numbers each one helps to predict
        for columns, apart, squares in _chunks(first, second):
            prior, least = _add(squares, dof, *prior_of_all)
            eliminate(squares, least, apart)
            pivots = np.einsum("fttc->ftc", squares)
            evidence -= (helped * np.log(pivots / prior)[0]).sum() / (2 * n_samples)
            rest[:, columns] = np.maximum(pivots - prior, dof * MIN_VARIANCE)[0]
            shift[:, columns] = apart[0]
            noise[:, columns] = 2 / n_models + np.cumsum(apart**2 / pivots, axis=1)[0] - (apart**2 / pivots)[0]
        priors = [fit_prior(each[None], dof) for each in rest]
        nu, residual = np.array([[prior.nu[0], prior.variance[0]] for prior in priors]).T
        spread = (nu * residual)[:, None]
        both = (nu + dof) / 2
        evidence += (gammaln(both) - gammaln(nu / 2) - dof / 2 * np.log(spread[:, 0])).sum()
        evidence -= (both * np.log1p(rest / spread).mean(axis=1)).sum()
        shift /= np.sqrt((spread + rest) / (nu[:, None] + dof))
        return cls(evidence, nu, residual, shift, noise, nu + dof)

    def effects(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance over samples, [1, T] each, as they would be in known standard deviations."""
        deviation = np.sqrt(self.dof / 2) * np.exp(gammaln((self.dof - 1) / 2) - gammaln(self.dof / 2))
        mean = self.shift.mean(axis=1) / deviation
        square = (self.shift**2).mean(axis=1) * (self.dof - 2) / self.dof
        return mean[None], np.maximum(square - self.noise.mean(axis=1) - mean**2, 0)[None]


def _peak(places: np.ndarray, heights: np.ndarray) -> float:
    """exp of the place of the highest point of a curve that is given at equal steps."""
    best = int(heights.argmax())
    if not 0 < best < len(places) - 1:
        return float(np.exp(places[best]))
    left, middle, right = heights[best - 1 : best + 2]
    bend = left - 2 * middle + right
    shift = (left - right) / (2 * bend) if bend < 0 else 0.0
    return float(np.exp(places[best] + shift * (places[1] - places[0])))


def _chunks(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """(samples, differences of the sets' means [1, T, c], summed centred squares [1, T, T, c]), a chunk at a time."""
    width = max(1, CHUNK // (first.shape[2] * max(len(first), first.shape[2])))
    for left in range(0, first.shape[1], width):
        columns = slice(left, left + width)
        (mean, squares), (other, others) = (cross_moments(samples_last(each[:, columns])) for each in (first, second))
        yield columns, mean - other, squares + others


def samples_last(values: np.ndarray) -> np.ndarray:
    """[P, c, T] as [P, T, c], copied."""
    return np.ascontiguousarray(values.swapaxes(1, 2))


def _outer(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[T, T, c] of [T, c] each."""
    return first[:, None] * second[None]
