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


def exchange_bound(fpr: ArrayLike, epsilon: ArrayLike, delta: ArrayLike) -> NDArray[np.float64]:
    """The same where the pairs hold for one member more or less, and a member is exchanged for another.

    So it is with halves of a fixed size: a model that a sample is a member of has learned from S and the sample, one
    that it is not from S and another one, whatever S; S is one step from either. Let b be `tpr_bound`. An attack that
    says "member" with probability p after learning from S alone does so with b(p) at most of those with the sample,
    and p <= b(FPR). So TPR <= b(b(FPR)): group privacy (Dong et al. 2022, theorem 2.14), also in the mean over S and
    over samples, since b grows and is concave. Where the pairs are few, it is larger than it had to be.
    """
    return tpr_bound(tpr_bound(fpr, epsilon, delta), epsilon, delta)
