"""Memberships of an audit: fair coins, each by itself."""

import numpy as np
from scipy.stats import chi2

from memdyn.design.bernoulli import bernoulli_membership
from memdyn.design.membership import membership


def draw(n, models, seed=0, pool="pool", part="scored"):
    return bernoulli_membership(n, models, seed, pool, part)


def test_coins_are_fair_and_independent():
    mask = draw(512, range(256))
    assert abs(mask.mean() - 0.5) < 4 * 0.5 / np.sqrt(mask.size)
    for counts, n in ((mask.sum(axis=1), 512), (mask.sum(axis=0), 256)):  # binomial, unlike halves
        statistic = ((counts - n / 2) ** 2 / (n / 4)).sum()
        assert 0.001 < chi2.cdf(statistic, len(counts)) < 0.999
    signs = 2.0 * mask - 1
    for products, n in ((signs @ signs.T, 512), (signs.T @ signs, 256)):  # of two models, of two samples
        apart = products[np.triu_indices(len(products), 1)] / np.sqrt(n)
        assert abs(apart.mean()) < 4 / np.sqrt(len(apart)) and abs(apart.var() - 1) < 0.05


def test_a_model_has_its_coins_whatever_the_others():
    assert (draw(100, range(5, 8)) == draw(100, range(8))[5:]).all()
    assert draw(70, range(3)).shape == (3, 70) and draw(0, range(2)).shape == (2, 0)


def test_another_seed_pool_or_part_has_other_coins():
    masks = [
        draw(200, range(2)),
        *(draw(200, range(2), **{key: value}) for key, value in (("seed", 1), ("pool", "other"), ("part", "sham"))),
    ]
    masks.append(membership(200, range(2), 0, "pool", "scored"))
    assert len({mask.tobytes() for mask in masks}) == 5


def test_the_first_coins_never_change():
    assert "".join(map(str, draw(24, range(1))[0].astype(int))) == "101001010001101011011010"
