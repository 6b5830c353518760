"""Empirical Bayes for effect sizes with a prior of any shape: skewed, with a spike, with few far away.

The law of many true effects is estimated from their noisy estimates (deconvolution), and each effect's posterior
follows by Bayes' rule. The estimate is "smoothing by roughening" (Laird & Louis 1991): the normal prior of Efron &
Morris, moved by a fixed number of EM steps towards the nonparametric maximum of the likelihood (Kiefer & Wolfowitz
1956). That maximum itself has a few atoms, which do for posterior means but leave credible limits too narrow; after few
steps the prior is still smooth, and where no step is needed it stays normal. Where few samples speak, a last smoothing
keeps the samples far out from being their own prior.

Estimates are t statistics: t = (effect + noise Z) / sqrt(chi2_dof / dof), a noncentral t up to its scale. Its
likelihood ratios are monotone, so posterior means and limits grow with t whatever the prior (Karlin & Rubin 1956), and
all that is asked of n samples is a function of t, computed at nodes and read off between them.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

NODE, CELL = 0.125, 0.25  # distances of nodes (of t) and of the prior's support, in standard errors
FAR = 4  # standard deviations of a normal error: what lies beyond is left out
STEPS = 20  # EM: sees a spike and a far tail, and leaves a normal law as it is
ENOUGH = 10  # samples within a standard error: fewer are spread over more than it
TINY = np.finfo(float).tiny
MOST_DOF = 300  # of the axis: with more, nodes of far outliers would be too many, and nothing needs them


@dataclass(frozen=True)
class Posterior:
    """Posteriors of n effects on one grid.

    Attributes:
        values: [K] of the effect, increasing.
        edges: [K + 1] of the cells that they stand for.
        prior: [K], the estimated law of the effects.
        weights: [B, K], the posterior at each node of t.
        left, right, fraction: [n], the nodes that each sample lies between, and how far on the way to the right one.
    """

    values: np.ndarray
    edges: np.ndarray
    prior: np.ndarray
    weights: np.ndarray
    left: np.ndarray
    right: np.ndarray
    fraction: np.ndarray

    def at_samples(self, table: np.ndarray) -> np.ndarray:
        """[n], from a value at each node [B]."""
        return table[self.left] * (1 - self.fraction) + table[self.right] * self.fraction

    def expect(self, function: np.ndarray) -> np.ndarray:
        """Posterior means [n] of a function of the effect, given as its `values` [K]."""
        return self.at_samples(self.weights @ function)

    def average(self) -> np.ndarray:
        """[K], the mean of the samples' posteriors: the law of the effects over these samples."""
        counts = np.bincount(self.left, 1 - self.fraction, len(self.weights))
        return (counts + np.bincount(self.right, self.fraction, len(self.weights))) / len(self.left) @ self.weights

    def deviation(self) -> np.ndarray:
        """Posterior standard deviations [n]."""
        mean = self.weights @ self.values
        squares = ((self.values - mean[:, None]) ** 2 * self.weights).sum(axis=1)
        return np.sqrt(self.at_samples(squares))

    def quantile(self, probability: float) -> np.ndarray:
        """Posterior quantiles [n]; inside a cell the law is uniform."""
        cumulative = self.weights.cumsum(axis=1)
        cell = np.minimum((cumulative < probability).sum(axis=1), len(self.values) - 1)
        rows = np.arange(len(cell))
        inside = self.weights[rows, cell]
        share = (probability - cumulative[rows, cell] + inside) / np.maximum(inside, TINY)
        return self.at_samples(self.edges[cell] + np.clip(share, 0, 1) * np.diff(self.edges)[cell])

    def widened(self, deviation: float) -> "Posterior":
        """With a further normal error of the effect, the same for all samples; the grid grows by what it reaches."""
        if deviation == 0:
            return self
        first, last = self.edges[1] - self.edges[0], self.edges[-1] - self.edges[-2]
        below, above = (1 + np.arange(int(np.ceil(FAR * deviation / width))) for width in (first, last))
        edges = np.concatenate([self.edges[0] - first * below[::-1], self.edges, self.edges[-1] + last * above])
        values = np.concatenate(
            [self.edges[0] - first * (below[::-1] - 0.5), self.values, self.edges[-1] + last * (above - 0.5)]
        )
        kernel = np.diff(ndtr((edges - self.values[:, None]) / deviation), axis=1)
        return replace(self, values=values, edges=edges, prior=self.prior @ kernel, weights=self.weights @ kernel)


def deconvolve(t: np.ndarray, dof: float, noise: float, centre: float, variance: float) -> Posterior:
    """The prior of the effects behind t [n], and their posteriors.

    Args:
        t: statistics, (effect + noise Z) / sqrt(chi2_dof / dof).
        dof: degrees of freedom, > 2.
        noise: standard error of an effect, > 0, where its scale is known.
        centre, variance: of the normal prior to start from; variance 0: all effects are one.
    """
    bend = noise * np.sqrt(2 * min(dof, MOST_DOF))  # t / noise has sd sqrt(1 + (t / bend)^2): asinh makes it 1
    length = bend / noise
    place = length * np.arcsinh(t / bend)
    low, high = np.floor(place.min()) - 1, np.ceil(place.max()) + 1
    whole = np.floor(place / NODE).astype(int)
    nodes, rows = np.unique(np.concatenate([whole, whole + 1]), return_inverse=True)  # few lie far out, one by one
    left, right, fraction = rows[: len(t)], rows[len(t) :], place / NODE - whole
    counts = np.bincount(left, 1 - fraction, len(nodes)) + np.bincount(right, fraction, len(nodes))

    middle = length * np.arcsinh(centre / bend)
    cells = np.arange(np.floor((low - middle) / CELL), np.ceil((high - middle) / CELL) + 1)
    support = middle + CELL * cells
    values = bend * np.sinh(support / length)
    edges = bend * np.sinh((support[0] + CELL * (np.arange(len(cells) + 1) - 0.5)) / length)
    values[cells == 0] = centre

    likelihood = np.exp(log_likelihood(bend * np.sinh(NODE * nodes / length), values, dof, noise))
    start = np.diff(ndtr((edges - centre) / np.sqrt(variance))) if variance > 0 else (cells == 0).astype(float)
    prior = start / start.sum() + 1 / (len(t) * len(cells))  # one sample's worth anywhere: EM cannot leave 0
    prior /= prior.sum()
    for _ in range(STEPS):
        prior = prior * (counts / np.maximum(likelihood @ prior, TINY) @ likelihood)
        prior /= prior.sum()
    prior = _smoothed(prior, likelihood, counts, support, values, noise)
    weights = likelihood * prior
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), TINY)
    return Posterior(values, edges, prior, weights, left, right, fraction)


def _smoothed(
    prior: np.ndarray,
    likelihood: np.ndarray,
    counts: np.ndarray,
    support: np.ndarray,
    values: np.ndarray,
    noise: float,
) -> np.ndarray:
    """The prior with a normal kernel of its own around each value, wide where few samples are near.

    With N samples within a standard error (each counted with its posterior's share), its variance is `ENOUGH` / N, at
    most `ENOUGH`, of a typical posterior's.
    """
    near = (counts / np.maximum(likelihood @ prior, TINY)) @ likelihood * prior
    distance = support[:, None] - support
    near = np.exp(-(distance**2) / 2) @ near
    spread = prior @ (values - prior @ values) ** 2
    width = np.sqrt(spread / (spread + noise**2) / np.maximum(near, 1) * ENOUGH)[:, None]
    upper, lower = ((CELL / 2 - distance) / width), ((-CELL / 2 - distance) / width)
    kernel = ndtr(upper) - ndtr(lower)
    return prior @ (kernel / kernel.sum(axis=1, keepdims=True))


def log_likelihood(t: np.ndarray, effect: np.ndarray, dof: float, noise: float) -> np.ndarray:
    """Log density [B, K] of t [B] under effects [K], up to a constant for each t; its largest is 0.

    The scale is integrated out by Laplace's method, exact but for a slope of at most 1 / (12 dof).
    """
    x = (t / np.sqrt(dof + (t / noise) ** 2))[:, None] * (effect / noise**2)
    # The integral of u^dof exp(-u^2 / 2 + u x) over u > 0 has its mode where u^2 = u x + dof.
    root = np.sqrt(x * x + 4 * dof)
    mode = np.where(x > 0, (x + root) / 2, 2 * dof / (root + np.abs(x)))
    logs = dof * np.log(mode) + x * mode / 2 - np.log1p(dof / mode**2) / 2 - (effect / noise) ** 2 / 2
    return logs - logs.max(axis=1, keepdims=True)
