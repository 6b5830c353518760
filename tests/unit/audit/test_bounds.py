"""Lower bounds of epsilon: against their definitions, and on mechanisms whose epsilon is known."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from memdyn.audit.bounds import guessing_bound, log_odds_bound, p_value, rates_bound


def rate_of(epsilon):
    """Right answers of randomised response."""
    return math.exp(epsilon) / (1 + math.exp(epsilon))


# -- against the definition ------------------------------------------------------------------------------------------


def slow_p_value(v, r, m, epsilon, delta):
    """Theorem 5.2 of Steinke, Nasr & Jagielski 2023, sum by sum in whole numbers."""
    q = Fraction(rate_of(epsilon))

    def chance(k):
        return math.comb(r, k) * q**k * (1 - q) ** (r - k)

    beta = sum(chance(k) for k in range(v, r + 1))
    alpha = max((2 * sum(chance(k) for k in range(v - i, v)) / i for i in range(1, v + 1)), default=0)
    return float(min(1, beta + alpha * m * Fraction(delta)))


@pytest.mark.parametrize(("v", "r", "m"), [(0, 5, 5), (3, 5, 9), (9, 9, 9), (20, 30, 50), (17, 30, 40), (1, 1, 1)])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("delta", [0.0, 1e-3, 0.2])
def test_the_p_value_is_the_theorems(v, r, m, epsilon, delta):
    assert p_value(v, r, m, epsilon, delta) == pytest.approx(slow_p_value(v, r, m, epsilon, delta), rel=1e-9)


@pytest.mark.parametrize(("v", "r", "m"), [(30, 20, 50), (5, 20, 10), (-1, 5, 5)])
def test_counts_that_cannot_be_are_refused(v, r, m):
    with pytest.raises(ValueError, match="guesses"):
        p_value(v, r, m, 1.0, 0.0)


def test_known_values():
    """All right: the rate's r-th power is 5 %. Half right, or nothing guessed: no bound."""
    assert guessing_bound(100, 100, 100, 0.0, 0.95) == pytest.approx(
        math.log(0.05 ** (1 / 100) / (1 - 0.05 ** (1 / 100)))
    )
    assert guessing_bound(50, 100, 100, 0.0, 0.95) == guessing_bound(0, 100, 100, 1e-5, 0.95) == 0
    assert guessing_bound(0, 0, 100, 1e-5, 0.95) == 0
    assert rates_bound(0, 0, 0, 0, 0.0, 0.95) == 0
    # 16 hits of 16, no alarm of 16: limits .025^(1/16) and 1 minus that
    low = 0.025 ** (1 / 16)
    assert rates_bound(16, 16, 0, 16, 0.0, 0.95) == pytest.approx(math.log(low / (1 - low)))
    assert rates_bound(16, 16, 0, 16, 0.1, 0.95) == pytest.approx(math.log((low - 0.1) / (1 - low)))
    assert rates_bound(8, 16, 8, 16, 0.0, 0.95) == 0


@pytest.mark.parametrize("delta", [0.0, 1e-5, 1e-3])
@pytest.mark.parametrize(("r", "m"), [(40, 200), (150, 150)])
def test_the_bound_is_the_first_epsilon_that_is_not_rejected(r, m, delta):
    """From a fine scan from 0 on; and more right guesses never give less."""
    found = []
    for v in range(r // 2, r + 1, r // 10):
        bound = guessing_bound(v, r, m, delta, 0.95)
        found.append(bound)
        scan = np.arange(0, bound + 0.05, 0.01)
        first = next(epsilon for epsilon in scan if p_value(v, r, m, epsilon, delta) > 0.05)
        assert first - 0.0101 <= bound <= first + 1e-9
    assert found == sorted(found) and found[-1] > 1


def test_a_larger_delta_or_confidence_gives_less():
    bounds = [guessing_bound(280, 300, 2000, delta, 0.95) for delta in (0, 1e-6, 1e-5, 1e-4, 1e-3)]
    assert bounds == sorted(bounds, reverse=True) and bounds[0] - bounds[1] < 0.01 < bounds[0] - bounds[-1]
    assert guessing_bound(280, 300, 2000, 1e-5, 0.99) < bounds[2]
    assert log_odds_bound(280, 300, 0.95) == pytest.approx(bounds[0])


# -- mechanisms of a known epsilon -------------------------------------------------------------------------------------


def rejected(r, m, epsilon, delta):
    """[r + 1]: whether so many right guesses put the bound above epsilon."""
    return np.array([p_value(v, r, m, epsilon, delta) <= 0.05 for v in range(r + 1)])


def test_what_is_rejected_is_what_the_bound_is_above():
    bounds = np.array([guessing_bound(v, 30, 50, 1e-3, 0.95) for v in range(31)])
    assert (rejected(30, 50, 1.0, 1e-3) == (bounds > 1.0)).all() and 0 < (bounds > 1.0).sum() < 8


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("r", [10, 100, 2000])
def test_randomised_response(r, epsilon):
    """Exactly: the bound is above epsilon in at most 5 % of audits, and close to it where guesses are many."""
    chances = binom.pmf(np.arange(r + 1), r, rate_of(epsilon))
    assert chances[rejected(r, r, epsilon, 0.0)].sum() <= 0.05
    if r == 2000 and epsilon:
        usual = guessing_bound(round(r * rate_of(epsilon)), r, r, 0.0, 0.95)
        assert epsilon - 0.3 < usual < epsilon


@pytest.mark.parametrize("delta", [0.002, 0.01, 0.04])
@pytest.mark.parametrize("r", [20, 200])
def test_randomised_response_that_may_tell_everything(r, delta):
    """With the chance delta all is told. A bound that takes delta for 0 is wrong too often."""
    epsilon = 1.0
    chances = (1 - delta) * binom.pmf(np.arange(r + 1), r, rate_of(epsilon)) + delta * (np.arange(r + 1) == r)
    assert chances[rejected(r, r, epsilon, delta)].sum() <= 0.05
    if delta == 0.04:
        assert chances[rejected(r, r, epsilon, 0.0)].sum() > 0.05


@pytest.mark.parametrize("delta", [0.01, 0.05])
def test_randomised_response_that_may_tell_any_one(delta):
    """Each bit is told with the chance delta by itself."""
    r, epsilon = 1000, 0.5
    chances = binom.pmf(np.arange(r + 1), r, delta + (1 - delta) * rate_of(epsilon))
    assert chances[rejected(r, r, epsilon, delta)].sum() <= 0.05
    assert chances[rejected(r, r, epsilon, 0.0)].sum() > 0.07


def test_several_models_are_one_mechanism():
    """Each of eight tells all its bits with the chance delta; counts are added up."""
    models, r, epsilon, delta, draws = 8, 40, 1.0, 0.01, 20_000
    rng = np.random.default_rng(0)
    right = np.where(rng.random((draws, models)) < delta, r, rng.binomial(r, rate_of(epsilon), (draws, models))).sum(1)
    wrong = rejected(models * r, models * r, epsilon, delta)[right].mean()
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)
    assert rejected(models * r, models * r, epsilon, 0.0)[right].mean() > 0.06


@pytest.mark.parametrize("epsilon", [0.05, 0.5, 5.0])
def test_guesses_that_are_right_or_wrong_together(epsilon):
    """All guesses are alike, by the noisy number of members (Laplace): private, and its guesses hang together."""
    r, draws = 400, 20_000
    rng = np.random.default_rng(1)
    members = rng.binomial(r, 0.5, draws)
    right = np.where(members + rng.laplace(0, 1 / epsilon, draws) > r / 2, members, r - members)
    assert rejected(r, r, epsilon, 0.0)[right].mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("models", [4, 16, 24])
def test_rates_of_one_decision_a_model(models, epsilon):
    """Exactly, over the numbers of members, hits and alarms."""
    q, wrong = rate_of(epsilon), 0.0
    for members in range(models + 1):
        others = models - members
        hits, alarms = (binom.pmf(np.arange(n + 1), n, rate) for n, rate in ((members, q), (others, 1 - q)))
        for (h, p_h), (a, p_a) in product(enumerate(hits), enumerate(alarms)):
            if p_h * p_a > 1e-9 and rates_bound(h, members, a, others, 0.0, 0.95) > epsilon + 1e-12:
                wrong += binom.pmf(members, models, 0.5) * p_h * p_a
    assert wrong <= 0.05
