"""The bound of differential privacy on attacks: by hand, and of a mechanism whose best attack is known."""

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.stats.intervals import clopper_pearson
from memdyn.stats.privacy import exchange_bound, tpr_bound
from rate_bands import simultaneous_rates, surely_above


def test_by_hand():
    """e^eps FPR + delta at small FPRs, and the other side at large ones."""
    found = tpr_bound([0, 0.1, 0.5, 1], [np.log(2)], [0.05])
    assert found == pytest.approx([0.05, 0.25, 1 - 0.5 * (1 - 0.05 - 0.5), 1])


def test_each_pair_bounds_and_none_is_no_bound():
    both = tpr_bound([0.001, 0.3], [3.0, 0.5], [1e-6, 0.1])
    assert both == pytest.approx([np.exp(3) * 0.001 + 1e-6, min(1 - np.exp(-0.5) * 0.6, np.exp(0.5) * 0.3 + 0.1)])
    assert tpr_bound([0.0, 0.2], [np.inf], [1e-5]).tolist() == [1, 1] == tpr_bound([0.0, 0.2], [], []).tolist()
    assert tpr_bound([0.0, 0.2, 1], [0.0], [0.0]).tolist() == [0, 0.2, 1]
    assert tpr_bound([0.2], [1e6], [1e-5]).tolist() == [1]


def test_the_gaussian_mechanism_is_bounded_and_nearly_reached():
    """Its best attack has TPR = Phi(Phi^-1(FPR) + mu) (Dong et al. 2022); its curve of (epsilon, delta) is known."""
    mu, fpr = 1.3, np.geomspace(1e-4, 0.999, 50)
    best = norm.cdf(norm.ppf(fpr) + mu)
    for count, slack in ((3, 0.3), (200, 2e-3)):
        eps = np.linspace(0, 6, count)
        delta = norm.cdf(-eps / mu + mu / 2) - np.exp(eps) * norm.cdf(-eps / mu - mu / 2)
        bound = tpr_bound(fpr, eps, delta)
        assert (bound >= best - 1e-12).all() and (bound - best).max() < slack


def gaussian_curve(mu, eps):
    return norm.cdf(-eps / mu + mu / 2) - np.exp(eps) * norm.cdf(-eps / mu - mu / 2)


def test_an_exchange_is_two_steps():
    """Of the Gaussian mechanism it moves the mean twice as far, which the bound allows and nearly reaches."""
    mu, fpr, eps = 0.6, np.geomspace(1e-4, 0.999, 50), np.linspace(0, 8, 400)
    best = norm.cdf(norm.ppf(fpr) + 2 * mu)
    bound = exchange_bound(fpr, eps, gaussian_curve(mu, eps))
    assert (bound >= best - 1e-12).all() and (bound - best).max() < 2e-3
    assert (tpr_bound(fpr, eps, gaussian_curve(mu, eps)) < best - 0.01).any(), "one step would not do"


@pytest.mark.parametrize(("noise", "rate"), [(1.0, 0.5), (0.7, 0.1), (3.0, 1.0)])
def test_the_best_attack_on_an_exchange_in_a_drawn_lot(noise, rate):
    """One step with the sample's gradient 1, or another's -1, in the lot by chance: all likelihood ratio tests."""
    x = np.linspace(-1 - 12 * noise, 1 + 12 * noise, 8_001)
    step, nobody = x[1] - x[0], norm.pdf(x, 0, noise)
    member, other = ((1 - rate) * nobody + rate * norm.pdf(x, at, noise) for at in (1, -1))
    fpr, tpr = (np.cumsum((values * step)[::-1]) for values in (other, member))  # the ratio grows with x
    eps = np.linspace(0, 5, 400)
    told = [
        np.maximum(0, a[None] - np.exp(eps)[:, None] * b).sum(1) * step for a, b in ((member, nobody), (nobody, member))
    ]
    delta = np.maximum(*told)
    assert (exchange_bound(fpr, eps, delta) >= tpr - 1e-6).all() and (tpr_bound(fpr, eps, delta) < tpr - 0.02).any()


def test_an_exchange_without_bound_or_with_a_whole_one():
    assert exchange_bound([0.0, 0.2], [np.inf], [1e-5]).tolist() == [1, 1]
    assert exchange_bound([0.0, 0.2, 1], [0.0], [0.0]).tolist() == [0, 0.2, 1]
    fpr = np.linspace(0, 1, 11)
    assert (exchange_bound(fpr, [1.0], [0.01]) >= tpr_bound(fpr, [1.0], [0.01])).all()


# -- limits that a run's rates are judged by ---------------------------------------------------------------------------


def test_limits_at_one_threshold_are_clopper_and_pearsons():
    members, others = np.array([0.1, 0.4, 0.5, 0.9]), np.array([0.0, 0.2, 0.45])
    low, high = simultaneous_rates(members, others, 0.9)
    place = np.unique([-np.inf, *members, *others]).tolist().index(0.4)
    assert low[place] == pytest.approx(clopper_pearson(3, 4, 1 - 2 * 0.05 / 4)[0])
    assert high[place] == pytest.approx(clopper_pearson(1, 3, 1 - 2 * 0.05 / 3)[1])
    assert low[0] < 1 and high[0] == 1


@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "exponential", "rounded"])
def test_limits_hold_at_all_thresholds_at_once(draw):
    """Non-members and members of one law, whose bound is the FPR itself: passed more seldom than the error says."""
    rng, level, count = np.random.default_rng(5), 0.8, 200
    of = (lambda n: rng.normal(size=n).round()) if draw == "rounded" else lambda n: getattr(rng, draw)(size=n)
    passed = [surely_above(of(24), of(40), lambda fpr: fpr, level) > 0 for _ in range(count)]
    assert np.mean(passed) <= 0.2
    assert (
        surely_above(of(200) + 30, of(200), lambda fpr: np.minimum(1, 2 * fpr + 0.1), 0.99) > 0.3
        or draw == "standard_cauchy"
    )


def test_each_limit_is_passed_as_seldom_as_its_part_of_the_error():
    """Of uniform scores, whose rates beyond each threshold are known: at any threshold, and not never."""
    rng, level, wrong = np.random.default_rng(6), 0.8, []
    for _ in range(600):
        members, others = rng.random(24), rng.random(40)
        low, high = simultaneous_rates(members, others, level)
        beyond = 1 - np.maximum(np.unique(np.concatenate([members, others, [-np.inf]])), 0)
        wrong.append([(low > beyond).any(), (high < beyond).any()])
    assert np.mean(wrong, axis=0).min() > 0.002 and np.mean(wrong, axis=0).max() < 0.1 + 3 * np.sqrt(0.09 / 600)
