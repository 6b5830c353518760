"""Lower bounds of epsilon: from right guesses of memberships, and from the rates of one decision a model.

Both hold for any mechanism that is (epsilon, delta)-differentially private under adding or removing one sample,
audited with memberships that are independent fair coins (`memdyn.design.bernoulli`). A bound is exceeded by such a
mechanism's own epsilon with at least the stated confidence, whatever the attack: a weak one gives a small bound.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, expit, gammaln, log_expit, logit

from memdyn.stats.intervals import clopper_pearson

_GRID = 65  # epsilons among which the first that is not rejected is looked for, before it is narrowed down
_HALVINGS = 40


def p_value(correct: int, guesses: int, canaries: int, epsilon: float, delta: float) -> float:
    """The largest chance that so many guesses are right, of any (epsilon, delta)-private mechanism.

    Steinke, Nasr & Jagielski 2023 (arXiv 2305.08846), theorem 5.2, for guesses IN, OUT and none: with W binomial of
    `guesses` trials and the rate e^epsilon / (1 + e^epsilon), that of randomised response, it is at most

        P[W >= v] + 2 m delta max_{1 <= i <= v} P[v - i <= W < v] / i

    Several models are one mechanism: their members are drawn independently, one sample's membership in one of them
    reaches that model alone, and so all of them together are private under adding or removing a sample of one of
    them, at the same epsilon and delta. Canaries, guesses and right ones are then the sums over models.

    Args:
        correct: v, right guesses.
        guesses: r, the most that are made, fixed before the models are seen; fewer are as good as wrong ones.
        canaries: m, memberships that are fair coins, whether guessed or not.
        epsilon: 0 or more.
        delta: 0 to 1.
    """
    if not 0 <= correct <= guesses <= canaries:
        raise ValueError(f"{correct} right of {guesses} guesses of {canaries} canaries: each may be at most the next")
    if not correct:
        return 1.0
    beta = float(betainc(correct, guesses - correct + 1, expit(epsilon)))  # P[W >= v], of a binomial
    if not delta:
        return beta
    k = np.arange(correct - 1, -1, -1)
    ways = gammaln(guesses + 1) - gammaln(k + 1) - gammaln(guesses - k + 1)
    below = np.exp(ways + k * log_expit(epsilon) + (guesses - k) * log_expit(-epsilon))
    alpha = (np.cumsum(below) / np.arange(1, correct + 1)).max()
    return min(1.0, beta + 2 * canaries * delta * float(alpha))


def guessing_bound(correct: int, guesses: int, canaries: int, delta: float, confidence: float) -> float:
    """The smallest epsilon that so many right guesses do not reject; 0 where they reject none.

    A mechanism that is private at its epsilon is so at all larger ones. So where the smallest one that is not rejected
    lies above it, it is rejected itself, which happens with a chance of at most 1 - confidence: nothing need be
    monotone for that. (While 2 m delta <= 1 the p-value is monotone: of each i it is (1 - c/i) P[W >= v] + (c/i)
    P[W >= v - i] with c = 2 m delta, and both grow with epsilon.)

    Without delta it is the lower limit of Clopper & Pearson of the rate of right guesses, as log odds.

    Args:
        correct, guesses, canaries, delta: see `p_value`.
        confidence: that the bound does not exceed a true epsilon.
    """
    alpha = 1 - confidence
    most = float(log_odds_bound(correct, guesses, confidence))  # delta > 0 rejects fewer
    if most <= 0 or not delta:
        return max(0.0, most)

    def rejected(epsilon: float) -> bool:
        return p_value(correct, guesses, canaries, epsilon, delta) <= alpha

    low, high = 0.0, most
    for epsilon in np.linspace(0, most, _GRID):
        if not rejected(epsilon):
            high = float(epsilon)
            break
        low = float(epsilon)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle) else (low, middle)
    return low


def log_odds_bound(correct: ArrayLike, guesses: ArrayLike, confidence: float) -> NDArray[np.float64]:
    """`guessing_bound` without delta and without its floor at 0, of any shape; -inf where nothing is right."""
    right = np.asarray(correct, dtype=float)
    low = betaincinv(np.maximum(right, 1e-300), np.asarray(guesses) - right + 1, 1 - confidence)
    return logit(np.where(right > 0, low, 0.0))


def rates_bound(hits: int, members: int, alarms: int, others: int, delta: float, confidence: float) -> float:
    """From the true and the false positive rate of one decision a model, by Clopper & Pearson's limits.

    TPR <= e^epsilon FPR + delta, and the same of the rates of saying "no member" (Kairouz et al. 2015, arXiv 1311.0776,
    theorem 2.1). Each limit has half of what the confidence leaves. Valid where trials are independent: models are,
    samples of one model are not.

    Args:
        hits: members that were called members, of `members` models that trained on their canary.
        alarms: the same of the `others`, that did not.
    """
    low = float(clopper_pearson(hits, members, confidence)[0]) if members else 0.0
    high = float(clopper_pearson(alarms, others, confidence)[1]) if others else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(np.array([low - delta, 1 - high - delta]) / np.array([high, 1 - low]))
    return float(np.nanmax([0.0, *found]))
