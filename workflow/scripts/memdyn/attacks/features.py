"""What is known of samples without any model: the principal components of their pixels, or of a table's columns."""

import numpy as np

COMPONENTS = 32
LEAST = 1e-6  # of the first component's variance: what varies less among the reference samples is left out
ROWS = 1 << 12  # at a time


def principal_features(samples: np.ndarray, reference: slice) -> np.ndarray:
    """The first principal components of the reference samples, each scaled to their variance.

    No membership has a part in it: no model trains on the reference samples.

    Args:
        samples: [n, ...], pixels or columns of a table.
        reference: rows of the pool's population part.

    Returns:
        float64 [n, d], d <= `COMPONENTS`; mean 0 and variance 1 over the reference samples.

    Raises:
        ValueError: for fewer than 2 reference samples, or such as are all alike.
    """
    from sklearn.decomposition import PCA  # takes a second, which attacks that read no features need not wait

    given = samples[reference]
    flat = given.reshape(len(given), -1).astype(np.float64)
    if len(flat) < 2 or not flat.std(axis=0).any():
        raise ValueError(
            f"features of {len(flat)} population samples, which must be at least 2 and not all alike; the attacks that "
            "read features need a larger pool.parts.population"
        )
    fitted = PCA(min(COMPONENTS, len(flat) - 1, flat.shape[1]), random_state=0).fit(flat)
    variance = fitted.explained_variance_
    kept = variance > LEAST * variance[0]
    axes = fitted.components_[kept] / np.sqrt(variance[kept, None])
    found = np.empty((len(samples), len(axes)))
    for left in range(0, len(samples), ROWS):
        rows = samples[left : left + ROWS]
        found[left : left + ROWS] = (rows.reshape(len(rows), -1).astype(np.float64) - fitted.mean_) @ axes.T
    return found
