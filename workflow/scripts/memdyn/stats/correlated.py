"""Covariances of many small samples of T numbers each, shrunken towards the correlation that they have in common.

Axes: models P (or folds F), numbers T, samples c last, so that a step of elimination is a pass over long rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior

WEIGHTS = 4.0 ** np.arange(7)  # of the pooled correlation, in models: where its evidence is looked at
NUGGET = 1e-9  # of the pooled correlation: numbers that always move together leave each other this share
CHUNK = 1 << 19  # values at a time


@dataclass(frozen=True)
class Pooled:
    """What all samples have in common; F = 1 or one row a fold.

    Attributes:
        correlation: [F, T, T], positive definite.
        pivots: [F, T], of its elimination: the share of each number's variance that those before it leave.
        variance: [F, T], mean over samples.
        weight: [F], how many models the correlation counts as.
    """

    correlation: np.ndarray
    pivots: np.ndarray
    variance: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, correlation: np.ndarray, variance: np.ndarray, weight: float) -> "Pooled":
        """One fold's, of [T, T] and [T]."""
        matrix = correlation[None, :, :, None].copy()
        eliminate(matrix, np.full((1, len(correlation), 1), NUGGET / 2))
        pivots = np.einsum("fttc->ft", matrix)
        return cls(correlation[None], pivots, variance[None], np.full(1, weight))

    @classmethod
    def join(cls, parts: list["Pooled"], rows: np.ndarray) -> "Pooled":
        """A row a fold: of the part whose number stands in rows [F]."""
        fields = ("correlation", "pivots", "variance", "weight")
        return cls(*(np.concatenate([getattr(part, name) for part in parts])[rows] for name in fields))

    def add_to(self, squares: np.ndarray, dof: int) -> tuple[np.ndarray, np.ndarray]:
        """Adds weight D R D to centred squares [F, T, T, c], D^2 = (own squares + variance) / (dof + 1).

        So a sample's own scale is its own, with one model's worth of the others'.

        Returns:
            prior: [F, T, c], pivots of what was added: beneath them the pivots of the sum never are.
            least: [F, T, c], the same with the least squares that are real, dof MIN_VARIANCE: rounding is not below it.
        """
        scale2 = (np.einsum("fttc->ftc", squares) + self.variance[..., None]) / (dof + 1)
        scale = np.sqrt(scale2)
        part = scale[:, :, None] * scale[:, None]
        part *= (self.weight[:, None, None] * self.correlation)[..., None]
        squares += part
        prior = scale2 * (self.weight[:, None] * self.pivots)[..., None]
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


def pool(values: np.ndarray) -> Pooled:
    """What samples have in common, from some models' values [r, n, T], r >= 2.

    The correlation is that of the samples' centred squares, each sample scaled by its own standard deviations: one with
    large variances counts as the others do. Its weight maximises the evidence (the marginal likelihood over samples) of
    `WEIGHTS`, with a parabola through the best of them and its neighbours.
    """
    n_models, n_samples, width = values.shape
    dof = n_models - 1
    variance = np.maximum(values.var(axis=0, ddof=1).mean(axis=0), MIN_VARIANCE)
    total = np.zeros((width, width))
    for _, squares in _squares(values):
        scale = np.sqrt((np.einsum("fttc->ftc", squares) + variance[:, None]) / n_models)
        total += (squares / (scale[:, :, None] * scale[:, None]))[0].sum(axis=2)
    total /= n_samples * dof
    total[np.diag_indices(width)] += NUGGET  # none of it moved: uncorrelated
    deviation = np.sqrt(np.diag(total))
    correlation = total / np.outer(deviation, deviation)
    correlation = (correlation + NUGGET * np.eye(width)) / (1 + NUGGET)
    if width == 1:
        return Pooled.of(correlation, variance, 1.0)
    evidence = [_evidence(values, Pooled.of(correlation, variance, weight), dof) for weight in WEIGHTS]
    return Pooled.of(correlation, variance, _peak(np.log(WEIGHTS), np.array(evidence)))


def _evidence(values: np.ndarray, pooled: Pooled, dof: int) -> float:
    """Log marginal likelihood a sample, but for what does not depend on the weight."""
    n_samples, width = values.shape[1:]
    rest, logs = np.empty((width, 1, n_samples)), 0.0
    regressions = np.arange(width)[::-1, None]  # how many numbers each one helps to predict
    for columns, squares in _squares(values):
        prior, least = pooled.add_to(squares, dof)
        eliminate(squares, least)
        pivots = np.einsum("fttc->ftc", squares)
        rest[..., columns] = (np.maximum(pivots - prior, dof * MIN_VARIANCE)).swapaxes(0, 1)
        logs -= (regressions * np.log(pivots / prior)[0]).sum() / 2
    return logs / n_samples + sum(_marginal(each, dof) for each in rest)


def _marginal(squares: np.ndarray, dof: int) -> float:
    """The best log likelihood a sample of data with residual squares [1, n] under a prior of their variance."""
    prior = fit_prior(squares, dof)
    nu, spread = float(prior.nu[0]), float(prior.nu[0] * prior.variance[0])
    both = (nu + dof) / 2
    return gammaln(both) - gammaln(nu / 2) - dof / 2 * np.log(spread) - both * float(np.log1p(squares / spread).mean())


def _peak(places: np.ndarray, heights: np.ndarray) -> float:
    """exp of the place of the highest point of a curve that is given at equal steps."""
    best = int(heights.argmax())
    if not 0 < best < len(places) - 1:
        return float(np.exp(places[best]))
    left, middle, right = heights[best - 1 : best + 2]
    bend = left - 2 * middle + right
    shift = (left - right) / (2 * bend) if bend < 0 else 0.0
    return float(np.exp(places[best] + shift * (places[1] - places[0])))


def _squares(values: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """(samples, their centred squares [1, T, T, c]) of values [r, n, T], a chunk at a time."""
    width = max(1, CHUNK // (values.shape[2] * max(len(values), values.shape[2])))
    for first in range(0, values.shape[1], width):
        columns = slice(first, first + width)
        yield columns, cross_moments(samples_last(values[:, columns]))[1]


def samples_last(values: np.ndarray) -> np.ndarray:
    """[P, c, T] as [P, T, c], copied."""
    return np.ascontiguousarray(values.swapaxes(1, 2))


def _outer(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """[T, T, c] of [T, c] each."""
    return first[:, None] * second[None]
