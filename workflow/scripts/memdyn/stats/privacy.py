"""What differential privacy says of every attack: the largest TPR at each FPR."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def tpr_bound(fpr: ArrayLike, epsilon: ArrayLike, delta: ArrayLike) -> NDArray[np.float64]:
    """The largest true positive rate of any test of membership, by all pairs (epsilon, delta) that hold together.

    (epsilon, delta)-differential privacy bounds both kinds of error (Kairouz et al. 2015, arXiv 1311.0776, theorem
    2.1): TPR <= e^epsilon FPR + delta, and 1 - FPR <= e^epsilon (1 - TPR) + delta. Each pair of a mechanism's curve
    bounds by itself, so the least bound counts: large deltas at large FPRs, small ones at small FPRs.

    Args:
        fpr: [n] false positive rates.
        epsilon: [k], 0 or more; infinite: no bound.
        delta: [k], of each epsilon.

    Returns:
        [n], between the FPR and 1.
    """
    rate = np.asarray(fpr, dtype=float)[:, None]
    eps, delta = np.asarray(epsilon, dtype=float)[None, :], np.asarray(delta, dtype=float)[None, :]
    known = np.isfinite(eps).ravel()
    rate, eps, delta = rate, eps[:, known], delta[:, known]
    with np.errstate(over="ignore"):
        bounds = np.minimum(np.exp(eps) * rate + delta, 1 - np.exp(-eps) * (1 - delta - rate))
    return np.clip(bounds.min(axis=1, initial=1.0), rate[:, 0], 1.0)
