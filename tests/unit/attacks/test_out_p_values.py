"""OUT p-values: how far out a score lies against a slow t law, what is counted, ties, and what does not matter."""

import numpy as np
import pytest
from scipy.stats import kstest, t

from memdyn.attacks.out_p_values import p_values, surprise
from memdyn.stats.shrinkage import fit_prior


def scores(seed, n_references=7, n_samples=40, n_targets=3):
    rng = np.random.default_rng([41, seed])
    mean, deviation = rng.normal(0, 3, n_samples), np.exp(rng.normal(size=n_samples))
    return [mean + deviation * rng.normal(size=(count, n_samples)) for count in (n_targets, n_references)]


def slow_surprise(targets, references):
    """A sample at a time; but for the prior, which is of all of them."""
    count = len(references)
    prior = fit_prior(((references - references.mean(axis=0)) ** 2).sum(axis=0)[None], count - 1)
    nu, variance = float(prior.nu[0]), float(prior.variance[0])
    found = np.empty_like(targets)
    for i in range(targets.shape[1]):
        own = [float(each) for each in references[:, i]]
        mean = sum(own) / count
        squares = sum((each - mean) ** 2 for each in own)
        dof = nu + count - 1
        scale = ((1 + 1 / count) * (nu * variance + squares) / dof) ** 0.5
        found[:, i] = -t.logsf((targets[:, i] - mean) / scale, dof)
    return found


@pytest.mark.parametrize("n_references", [2, 7, 30])
def test_how_far_out_a_score_lies(n_references):
    targets, references = scores(0, n_references)
    np.testing.assert_allclose(surprise(targets, references), slow_surprise(targets, references), rtol=1e-6)


@pytest.mark.parametrize(("factor", "shift"), [(1e-9, 0.0), (1e6, 0.0), (1.0, 1e4), (2.0, -3.0)])
def test_units_of_the_scores_do_not_matter(factor, shift):
    targets, references = scores(1)
    moved = surprise(factor * targets + shift, factor * references + shift)
    np.testing.assert_allclose(moved, surprise(targets, references), rtol=1e-4, atol=1e-6)


def test_the_order_of_samples_and_of_references_does_not_matter():
    targets, references = scores(2)
    order = np.random.default_rng(0).permutation(targets.shape[1])
    moved = surprise(targets[:, order], references[::-1][:, order])
    np.testing.assert_allclose(moved, surprise(targets, references)[:, order], rtol=1e-9)


def test_p_values_are_counted():
    rng = np.random.default_rng(3)
    values, others = rng.integers(0, 6, (4, 5)).astype(float), np.sort(rng.integers(0, 6, 30)).astype(float)
    slow = [[(1 + sum(other >= value for other in others)) / 31 for value in row] for row in values]
    np.testing.assert_allclose(p_values(values, others), slow)
    assert p_values(np.array([np.inf]), others)[0] == 1 / 31 and (p_values(np.full(3, -1.0), others) == 1).all()


def test_constant_scores_surprise_nobody():
    assert np.ptp(surprise(np.full((2, 9), 0.25), np.full((5, 9), 0.25))) == 0
    targets, references = scores(4)
    references[:, 0] = references[0, 0]  # of one sample alone
    targets[:, 0] = references[0, 0]
    assert np.allclose(surprise(targets, references)[:, 0], np.log(2))


def test_infinite_scores_are_the_largest_and_the_smallest():
    targets, references = scores(5)
    largest = max(targets.max(), references.max())
    smallest = min(targets.min(), references.min())
    odd, plain = (targets.copy(), references.copy()), (targets.copy(), references.copy())
    for arrays, (high, low) in ((odd, (np.inf, -np.inf)), (plain, (largest, smallest))):
        arrays[0][0, :3], arrays[1][0, 2] = high, low
    np.testing.assert_allclose(surprise(*odd), surprise(*plain))
    assert np.isfinite(surprise(np.full((2, 4), np.inf), np.full((3, 4), -np.inf))).all()


@pytest.mark.parametrize("law", ["normal", "skewed", "heavy", "ties"])
def test_over_samples_p_values_of_out_models_are_uniform_whatever_the_law(law):
    """Each of 8 exchangeable models held out; the t law alone calls .0009 to .012 of them beyond .001."""
    rng, n = np.random.default_rng([6, len(law)]), 4000
    made = {
        "normal": lambda: rng.normal(size=(8, n)),
        "skewed": lambda: rng.gamma(0.5, 1, (8, n)),
        "heavy": lambda: rng.standard_t(2, (8, n)),
        "ties": lambda: np.round(rng.normal(size=(8, n))),
    }[law]()
    held = np.array([surprise(made[k : k + 1], np.delete(made, k, axis=0))[0] for k in range(8)])
    found = np.array([p_values(held[k], np.sort(np.delete(held, k, axis=0), axis=None)) for k in range(8)])
    for level in (0.001, 0.01, 0.1):
        share = (found <= level).mean()
        assert share <= level * 1.05 + 3 * np.sqrt(level / found.size)
        if law != "ties":
            assert share >= level * 0.95 - 3 * np.sqrt(level / found.size)
    if law == "heavy":
        assert (held > -np.log(0.001)).mean() > 0.003, "the law alone is far off"
    if law == "normal":
        assert kstest(found[0], "uniform").pvalue > 0.001
