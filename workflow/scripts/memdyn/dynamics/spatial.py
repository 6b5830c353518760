"""How samples spread over the vulnerability plane: entropy on a grid, and clustering of nearest neighbours.

Counted states lie on a lattice: on them both figures measure the number of models. So they are computed on SMOOTH
states, labelled parametric: each sample's FPR and TPR as the chance that a further model's score exceeds the threshold,
under a Student law with the mean and the shrunken variance of the sample's scores. (The state that d' alone gives,
(Phi(-d'/2), Phi(d'/2)), lies on a line, and d' that is shrunken to one point under the null has no distances.) They
still carry the noise of M models and of the number of samples, so both figures mean something only as the difference to
the sham part's, at equal M and on blocks of equally many samples.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import stdtr

from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior

FIGURES = ("entropy", "clark_evans")


@dataclass(frozen=True)
class SpatialSamples:
    """Which samples the figures are of, and how.

    Attributes:
        blocks: for each of K sets, blocks of equally many samples (rows of points); figures are means over blocks.
        grid: G; the plane is cut into G x G squares.
        base: of the logarithm of the entropy.
    """

    blocks: tuple[tuple[np.ndarray, ...], ...]
    grid: int
    base: float

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.blocks), len(FIGURES)


NO_SAMPLES = SpatialSamples((), 1, 2.0)


def spatial_samples(
    scored: list[np.ndarray], sham: list[np.ndarray], grid: int, base: float, most_blocks: int, smallest: int, seed: int
) -> dict[str, SpatialSamples]:
    """Blocks of one size for both parts.

    Args:
        scored, sham: the samples (rows) of each of the K sets in either part.
        most_blocks: of a set.
        smallest: sets whose blocks would be smaller have no figures.
        seed: of the samples' assignment to blocks.
    """
    rng = np.random.default_rng(seed)
    blocks: dict[str, list[tuple[np.ndarray, ...]]] = {"scored": [], "sham": []}
    for rows_of in zip(scored, sham, strict=True):
        size = min(map(len, rows_of))
        for part, rows in zip(blocks, rows_of, strict=True):
            count = min(most_blocks, len(rows) // size) if size >= max(smallest, 2) else 0
            shuffled = rng.permutation(rows)
            blocks[part].append(tuple(shuffled[b * size : (b + 1) * size] for b in range(count)))
    return {part: SpatialSamples(tuple(sets), grid, base) for part, sets in blocks.items()}


def smooth_points(excess_in: np.ndarray, excess_out: np.ndarray) -> np.ndarray:
    """Smooth states (FPR_i, TPR_i), [n, 2].

    Args:
        excess_in, excess_out: [P, n], cross-fitted scores minus the threshold of each pair's IN and OUT model.
    """
    return np.stack([_chance_above(excess_out), _chance_above(excess_in)], axis=1)


def _chance_above(excess: np.ndarray) -> np.ndarray:
    """P(a further value > 0) [n] under the Student predictive law of `memdyn.attacks.lira`."""
    n_pairs, dof = len(excess), len(excess) - 1
    mean = excess.mean(axis=0)
    squares = np.maximum(np.einsum("pn,pn->n", excess, excess) - n_pairs * mean**2, dof * MIN_VARIANCE)
    prior = fit_prior(squares[None], dof)
    nu, total = prior.nu[0], prior.nu[0] + dof
    scale = np.sqrt((1 + 1 / n_pairs) * (nu * prior.variance[0] + squares) / total)
    return stdtr(total, mean / scale)


def spatial_figures(points: np.ndarray, samples: SpatialSamples) -> np.ndarray:
    """The `FIGURES` [K, 2] of each set of points [n, 2], means over its blocks; NaN for a set without blocks."""
    figures = np.full(samples.shape, np.nan)
    for k, blocks in enumerate(samples.blocks):
        if blocks:
            each = (points[rows] for rows in blocks)
            figures[k] = np.mean(
                [[entropy(block, samples.grid, samples.base), clark_evans(block)] for block in each], 0
            )
    return figures


def entropy(points: np.ndarray, grid: int, base: float) -> float:
    """H = -sum_g p_g log p_g over the squares of a G x G grid on [0, 1]^2 (1 belongs to the last); 0 to log G^2."""
    cells = np.minimum((points * grid).astype(int), grid - 1)
    shares = np.bincount(cells[:, 0] * grid + cells[:, 1]) / len(points)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum() / np.log(base))


def clark_evans(points: np.ndarray) -> float:
    """Mean distance to the nearest neighbour over that of points spread at random, 1 / (2 sqrt(n)), on the unit square.

    Below 1: clustered. Clark & Evans 1954, "Distance to nearest neighbor as a measure of spatial relationships";
    without their edge correction, which cancels in differences at equal n.
    """
    distances = cKDTree(points).query(points, k=2)[0][:, 1]
    return float(2 * np.sqrt(len(points)) * distances.mean())
