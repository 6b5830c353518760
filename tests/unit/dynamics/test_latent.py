"""The latent share: expected recalls against simulation, worlds of known truth at any noise, limits, false verdicts."""

import itertools

import numpy as np
import pytest
from scipy import stats

from memdyn.compare.verdicts import CONTRADICTED, SUPPORTED, above
from memdyn.dynamics.latent import (
    COPULAS,
    SHARES,
    LatentShares,
    _edges,
    _gaussian_copulas,
    expected_recalls,
    latent_limits,
    top_chances,
)
from memdyn.dynamics.splits import Splits, opposite
from memdyn.dynamics.top_share import SampleJackknife, count, highest

TOP = 0.1
LAWS = {
    "gamma": lambda u: stats.gamma.ppf(u, 0.5, scale=1.4),
    "normal": stats.norm.ppf,
    "t": lambda u: stats.t.ppf(u, 3) / 1.7,
    "steps": lambda u: np.where(u > 0.9, 2.0, np.where(u > 0.7, 1.0, 0.0)),
}


def true_ranks(copula: str, strength: float, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Early and final ranks in (0, 1): Gaussian with a correlation, or a share that keeps its rank."""
    final = rng.random(n)
    if copula == "gradual":
        noise = np.sqrt(1 - strength**2) * rng.normal(size=n)
        return stats.norm.cdf(strength * stats.norm.ppf(final) + noise), final
    return np.where(rng.random(n) < strength, final, rng.random(n)), final


def latent(early: np.ndarray, final: np.ndarray) -> float:
    sets = [set(np.argsort(x)[-count(len(x), TOP) :].tolist()) for x in (early, final)]
    return (len(sets[0] & sets[1]) / len(sets[0]) - TOP) / (1 - TOP)


def halves(truth: np.ndarray, noise: float, splits: int, rng) -> np.ndarray:
    """d' [2S, n] of halves whose noise is that of one set of 64 models."""
    models = rng.normal(size=(64, len(truth)))
    rows = []
    for _ in range(splits):
        order = rng.permutation(64)
        rows += [truth + noise * models[mine].mean(axis=0) * np.sqrt(32) for mine in (order[:32], order[32:])]
    return np.stack(rows)


def recall(early: np.ndarray, final: np.ndarray) -> float:
    sizes = np.full(len(early), count(early.shape[1], TOP))
    return float((highest(early, sizes) * opposite(highest(final, sizes))).sum() / sizes.sum())


def test_copulas_have_their_latent_share_and_uniform_ranks():
    masses, width = _gaussian_copulas(TOP), np.diff(_edges(TOP))
    top = _edges(TOP)[:-1] > 1 - TOP - 1e-9
    found = (masses[:, top][:, :, top].sum(axis=(1, 2)) / TOP - TOP) / (1 - TOP)
    np.testing.assert_allclose(found, SHARES, atol=1e-3)
    for axis in (1, 2):
        np.testing.assert_allclose(masses.sum(axis=axis), np.tile(width, (len(SHARES), 1)), atol=3e-3)


@pytest.mark.parametrize("law", LAWS)
def test_chances_of_true_ranks_are_those_counted(law):
    """Of 20,000 samples: which share of those in a cell of true ranks do the halves put in their top share?

    Where noise is as wide as the steps of a law between few values, it hides that there are steps.
    """
    rng = np.random.default_rng(1)
    ranks = rng.random(20000)
    effects = halves(LAWS[law](ranks), 0.5, 2, rng)
    named = highest(effects, np.full(4, 2000)).mean(axis=0)
    coarse = np.array([0, 0.6, 0.8, 0.9, 1])
    counted = [named[(ranks >= a) & (ranks < b)].mean() for a, b in itertools.pairwise(coarse)]
    edges, chances = _edges(TOP), top_chances([effects], TOP)[0]
    sums = np.interp(coarse, edges, np.concatenate([[0], np.cumsum(chances * np.diff(edges))]))
    np.testing.assert_allclose(np.diff(sums) / np.diff(coarse), counted, atol=0.07 if law == "steps" else 0.04)


@pytest.mark.parametrize("copula", COPULAS)
@pytest.mark.parametrize(("early_law", "final_law"), [("normal", "normal"), ("gamma", "gamma"), ("normal", "gamma")])
def test_shares_are_the_truth_at_any_noise(copula, early_law, final_law):
    """What is estimated does not depend on the number of models, which only sets the noise."""
    strengths = {"gradual": (0.0, 0.5, 0.8, 1.0), "whole": (0.0, 0.3, 0.6, 1.0)}[copula]
    for strength in strengths:
        rng = np.random.default_rng(2)
        early, final = true_ranks(copula, strength, 20000, rng)
        for noise in (1.0, 0.5, 0.25):
            a, b = halves(0.5 * LAWS[early_law](early), noise, 2, rng), halves(LAWS[final_law](final), noise, 2, rng)
            expected = expected_recalls(top_chances([a], TOP), top_chances([b], TOP), TOP)
            found = expected.shares(np.array([recall(a, b)]))[COPULAS.index(copula), 0]
            assert found == pytest.approx(latent(early, final), abs=0.12), (strength, noise)


def test_noise_hides_the_copula_and_both_hold_the_truth_between_them():
    rng = np.random.default_rng(3)
    early, final = true_ranks("whole", 0.5, 20000, rng)
    a, b = (halves(LAWS["normal"](ranks), 0.7, 2, rng) for ranks in (early, final))
    expected = expected_recalls(top_chances([a], TOP), top_chances([b], TOP), TOP)
    gradual, whole = expected.shares(np.array([recall(a, b)]))[:, 0]
    assert gradual < 0.45 < whole < 0.55
    assert (np.diff(expected.recalls, axis=1) > 0).all()
    np.testing.assert_allclose(expected.recalls[:, 0, 0], TOP, rtol=0.02)
    assert expected.recalls[0, -1] == expected.recalls[1, -1], "where all is determined they are one"


def test_no_signal_has_no_share():
    noise = np.random.default_rng(4).normal(size=(4, 500))
    same = np.concatenate([noise[:2], -noise[:2]])[[0, 2, 1, 3]]  # the halves of a split disagree wholly
    expected = expected_recalls(top_chances([same], TOP), top_chances([same], TOP), TOP)
    assert expected.recalls[1, -1, 0] == pytest.approx(TOP, abs=0.02)


def judged(copula, strength, law, scale, n_models, seed, n=400):
    """(latent share, low, high) of normal margins, from the pairs of models on."""
    rng = np.random.default_rng([30, seed])
    early, final = true_ranks(copula, strength, n, rng)
    splits = Splits.random(n_models // 2, 4, 16, 0)
    effects = []
    for truth in (scale * LAWS[law](early), LAWS[law](final)):
        inside, outside = rng.normal(size=(2, n_models // 2, n))
        effects.append(list(splits.effects(inside + truth, outside)))
    by_samples = SampleJackknife(effects[1][0], TOP)
    by_pairs = np.array([recall(*pair) for pair in zip(*effects, strict=True)])
    found = LatentShares(effects[1], by_samples, splits.sizes).at(
        effects[0], by_pairs, by_samples.recalls(effects[0][0])[1:]
    )
    return latent(early, final), *latent_limits(found.profile, 0.95)


def test_limits_are_within_the_range_and_narrow_with_models():
    few, many = (judged("whole", 0.5, "gamma", 1.0, n_models, 0) for n_models in (16, 128))
    assert 0 <= few[1] < few[2] <= 1 and many[2] - many[1] < few[2] - few[1]
    assert many[1] < many[0] < many[2]


@pytest.mark.slow
@pytest.mark.parametrize("n_models", [16, 64])
def test_false_verdicts_are_rare(n_models, capsys):
    """Worlds with all, nothing, and a part on either side of the bound determined early."""
    worlds = [("whole", 1.0, "gamma", 0.15), ("whole", 0.0, "gamma", 0.5), ("gradual", 0.0, "normal", 0.3)]
    worlds += [("whole", 0.35, "steps", 0.7), ("gradual", 0.65, "normal", 0.5), ("gradual", 0.9, "t", 0.5)]
    false, covered, rows = 0, 0, 0
    for world in worlds:
        for seed in range(10):
            true, low, high = judged(*world, n_models, seed)
            wrong = CONTRADICTED if true > 0.5 else SUPPORTED
            false += above(low, high, 0.5) == wrong
            covered += low <= max(true, 0) <= high
            rows += 1
    with capsys.disabled():
        print(f"\n  {n_models} models: false verdicts {false} of {rows}, coverage {covered / rows:.2f}", end="")
    assert false <= 0.05 * rows
    assert covered >= 0.9 * rows
