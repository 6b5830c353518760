"""The most vulnerable by themselves where models lie in folds: by hand, on noise, and where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from designs import DESIGNS, coins, cross_validations, folded, folded_world, half_of_the_models
from memdyn.attacks.base import build
from memdyn.attacks.most_vulnerable import SHARES, moderated_t
from memdyn.attacks.most_vulnerable_folds import UNDECIDED, MostVulnerableInFolds, count_in_halves
from memdyn.design.references import n_references
from memdyn.stats.roc import auc

LOSS = build({"name": "loss"})
LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})
FPRS = (0.01, 0.1)


def by_hand(given, count, scores, share, fpr, without=None):
    """AUC, TPR and FPR at the pooled threshold, TPR at their own, with loops over models and samples."""
    models = [model for model in range(len(given.mask)) if given.fold[model] != without]
    n = given.mask.shape[1]
    risk = np.full((2, n), -np.inf)
    for side in (0, 1):
        chosen = {}
        for i in range(n):
            there = [m for m in given.order[i] if m in models and given.fold[m] % 2 == side]
            kinds = [[m for m in there if given.mask[m, i] == kind][:count] for kind in (True, False)]
            if min(map(len, kinds)) == count:
                chosen[i] = [given.margins[kind, i] for kind in kinds]
        risk[side, list(chosen)] = moderated_t(
            *(np.array([each[kind] for each in chosen.values()]).T for kind in (0, 1))
        )
    inside, outside, everyone = [], [], []
    for row, model in enumerate(models):
        top = sorted(range(n), key=lambda i: -risk[1 - given.fold[model] % 2, i])[: max(1, round(share * n))]
        everyone += [scores[row, i] for i in range(n) if not given.mask[model, i] and not np.isnan(scores[row, i])]
        for i in top:
            if not np.isnan(scores[row, i]):
                (inside if given.mask[model, i] else outside).append(scores[row, i])
    inside, outside = np.array(inside), np.array(outside)

    def cut(values):
        return np.sort(values)[::-1][int(round(fpr * len(values), 9))]

    pooled, own = cut(everyone), cut(outside)
    of_own = (inside > own).mean() if fpr * len(outside) >= 1 else np.nan
    return auc(inside, outside), (inside > pooled).mean(), (outside > pooled).mean(), of_own


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("without", [None, 3])
def test_by_hand(design, without):
    given = folded_world(0, design, 32, 60, 1.0)
    count = count_in_halves(given)[without is not None]
    assert count >= 2
    scores = given.score(LIRA, n_references(given.mask, given.fold) - 1, without)
    mask = given.mask[given.fold != without]
    found = MostVulnerableInFolds.of(given, count, without).measure(scores, mask, FPRS)
    for k, share in enumerate(SHARES):
        wanted = by_hand(given, count, scores, share, 0.1, without)
        assert [found[k, 0, 0], *found[k, 2]] == pytest.approx([*wanted], nan_ok=True)


@pytest.mark.parametrize("design", DESIGNS)
def test_on_noise_nobody_is_vulnerable(design):
    values = []
    for seed in range(25):
        given = folded_world(seed, design, 32, 400, 0.0)
        scores = given.score(LIRA, n_references(given.mask, given.fold))
        few = MostVulnerableInFolds.of(given, count_in_halves(given)[0])
        values.append(few.measure(scores, given.mask, FPRS)[:, 0, 0])
    assert np.mean(values, axis=0)[1:] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("design", [half_of_the_models, cross_validations])
def test_the_few_are_found(design):
    """Samples of equal means, of which the first twentieth leaks: the loss attack's AUC on them is known."""
    rng, effect = np.random.default_rng(2), np.where(np.arange(400) < 20, 3.0, 0.0)
    values = []
    for _ in range(4):
        mask = design(rng, 32, 400)
        arrays = {"margin": rng.normal(size=mask.shape) + effect * mask}
        world = folded_world(0, design, 32, 400, 0.0)
        given = folded(replace(world.arrays, arrays=arrays), world.population, mask, world.fold)
        few = MostVulnerableInFolds.of(given, count_in_halves(given)[0])
        values.append(few.measure(given.score(LOSS, 2), mask, FPRS)[0, 0, 0])
    assert np.mean(values) == pytest.approx(norm.cdf(3 / np.sqrt(2)), abs=0.025)


def test_halves_that_cannot_tell():
    given = folded_world(0, half_of_the_models, 8, 60, 1.0)
    assert count_in_halves(given) == (0, 0)
    assert count_in_halves(folded_world(0, half_of_the_models, 16, 400, 1.0)) == (2, 0), "an estimate without limits"
    assert np.isnan(MostVulnerableInFolds.of(given, 0).measure(given.score(LOSS, 1), given.mask, FPRS)).all()
    given = folded_world(0, coins, 32, 200, 1.0)
    few = MostVulnerableInFolds.of(given, count_in_halves(given)[0])
    assert 0 < np.isinf(few.risk).mean() <= UNDECIDED, "some have too few models in a half, and are not looked at"
    assert not np.isinf(few.risk[1 - few.half][few.attacked(0.1)]).any()
