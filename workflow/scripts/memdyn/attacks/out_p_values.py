"""How seldom a sample's score is among models that did not train on it: its own p-value, whatever the attack.

Pooled, samples are ranked by scores whose distributions differ from sample to sample, so that one threshold has one
FPR on one sample and another on the next. The p-value of a score under its own sample's OUT scores takes that out
(after arXiv 2605.25819). Of few OUT models it cannot be counted: (1 + how many are as large) / (n + 1) of 7 models is
1/8 at least, and no list of a thousand samples can be made of that. It can be extrapolated by a law, which scores do
not keep: of 500 samples that leak nothing under 16 models, Student's t of LiRA's scores lists "members" at a false
discovery rate of 10 % for 82 to 99 % of the targets instead of 10 %, also where margins are normal.

So the law only says how far out a score lies (`surprise`), and how often a score lies so far out is counted over all
samples at once, in OUT models that were held out in the same way (`p_values`). Targets are exchangeable with those, so
that over samples the p-values of OUT models are uniform whatever the law is. What that does not give: a single
sample's p-value is right on average over samples only, and one whose scores have heavier tails than the others' has
false alarms more often; models that go together make a target's false alarms come together.
"""

import numpy as np

from memdyn.stats.shrinkage import MIN_VARIANCE, fit_prior
from memdyn.stats.student import log_survival

FEWEST_REFERENCES = 2  # no variance of one score


def surprise(scores: np.ndarray, references: np.ndarray) -> np.ndarray:
    """-log P(an OUT score of the sample is larger) by a Student-t law, [R, n]; larger: further out.

    The predictive law of one more score after n references, their variance shrunken towards the samples' common prior
    (empirical Bayes, `memdyn.stats.shrinkage`): nu0 + n - 1 degrees of freedom, scale^2 = (1 + 1/n) (nu0 s0^2 + SS) /
    (nu0 + n - 1). It does not change where all scores are multiplied or moved. Infinite scores count as the largest
    (smallest) finite one.

    Args:
        scores: [R, n], of any models.
        references: [n_references, n], scores of models that did not train on the sample; two at least.
    """
    count = len(references)
    lowest, highest = _range(scores, references)
    scores, references = (np.clip(values, lowest, highest) for values in (scores, references))
    mean = references.mean(axis=0)
    deviation = references - mean
    squares = np.einsum("pn,pn->n", deviation, deviation)
    smallest = MIN_VARIANCE * (references.var() or 1.0)  # in the scores' own units
    squares = np.maximum(squares, (count - 1) * smallest)
    prior = fit_prior(squares[None], count - 1)
    dof = prior.nu[0] + count - 1
    scale = np.sqrt((1 + 1 / count) * (prior.nu[0] * prior.variance[0] + squares) / dof)
    return -log_survival((scores - mean) / scale, np.full((1, 1), dof))


def _range(*several: np.ndarray) -> tuple[float, float]:
    """The smallest and the largest finite value; 0 where there is none."""
    finite = [values[np.isfinite(values)] for values in several]
    return min((float(each.min()) for each in finite if each.size), default=0.0), max(
        (float(each.max()) for each in finite if each.size), default=0.0
    )


def p_values(surprises: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(1 + how many of the others are as large) / (1 + how many there are), of the same shape.

    Args:
        surprises: of targets, any shape.
        others: of OUT models held out in the same way, sorted [N].
    """
    flat = surprises.ravel()
    order = np.argsort(flat)  # in order they are looked up five times as fast
    as_large = np.empty(len(flat), dtype=np.int64)
    as_large[order] = len(others) - np.searchsorted(others, flat[order], side="left")
    return ((1 + as_large) / (1 + len(others))).reshape(surprises.shape)
