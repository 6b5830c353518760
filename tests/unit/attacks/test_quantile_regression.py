"""Quantile regression: against loops over models, penalties and samples left out; worlds of known difficulty."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from memdyn.attacks.features import COMPONENTS, principal_features
from memdyn.attacks.loss import Loss
from memdyn.attacks.quantile_regression import LEAST_SQUARE, PENALTIES, QuantileRegression
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.roc import auc
from worlds import complementary_mask, with_outputs

CLASSES = 3


def hard_world(seed, n_models=8, n_samples=400, n_population=600, d_prime=0.0, labels=True, uneven=False):
    """Margins whose mean is linear in features, with slopes of each class; their deviation too, on a log scale.

    Members are d' deviations higher; no two models have the same slopes. Returns the world and the OUT laws.
    """
    rng = np.random.default_rng(seed)
    slopes = rng.normal(size=(n_models, CLASSES, 5))
    spread = 0.3 * rng.normal(size=(n_models, 2)) * uneven

    def law(n):
        features, classes = rng.normal(size=(n, 4)), rng.integers(0, CLASSES, n)
        design = np.concatenate([features, np.ones((n, 1))], axis=1)
        mean = np.einsum("nd,mnd->mn", design, slopes[:, classes if labels else 0 * classes])
        return features, classes if labels else None, mean, np.exp(spread @ features[:, :2].T)

    mask, parts, laws = complementary_mask(rng, n_models, n_samples), [], []
    for n, member in ((n_samples, mask), (n_population, False)):
        features, classes, mean, deviation = law(n)
        margins = mean + deviation * (rng.normal(size=mean.shape) + d_prime * member)
        parts.append(Values({"margin": margins}, classes, features=features))
        laws.append((mean, deviation))
    return Signals.of(*parts, mask), laws[0]


def slow_ridge(design, target, penalty, row):
    """The prediction of a row by scikit-learn's ridge regression, whose penalty is not divided by the samples."""
    return Ridge(alpha=penalty, solver="svd").fit(design, target).predict(row[None])[0]


def slow_fit(design, target, rows):
    """(predictions of rows, predictions of each sample left out) with the best penalty, largest first of equal ones."""
    size, found = len(design), {}
    for penalty in PENALTIES[::-1] * size:
        keep = [np.arange(size) != i for i in range(size)]
        out = np.array([slow_ridge(design[k], target[k], penalty, design[i]) for i, k in enumerate(keep)])
        found.setdefault(np.mean((target - out) ** 2), (penalty, out))
    penalty, out = found[min(found)]
    return Ridge(alpha=penalty, solver="svd").fit(design, target).predict(rows), out


def slow_terms(values, classes):
    rows = []
    for features, label in zip(values.features, values.labels, strict=True):
        own = [label == each for each in classes]
        rows.append([*features, *own, *(is_own * x for is_own in own for x in features)])
    return np.array(rows, float)


def slow_scores(given: Signals):
    classes = sorted(set(given.population.labels))
    design, rows = slow_terms(given.population, classes), slow_terms(given.arrays, classes)
    scores = np.empty(given.margins.shape)
    for model, margins in enumerate(given.margins):
        target = given.population["margin"][model]
        mean, out = slow_fit(design, target, rows)
        squares = (target - out) ** 2
        squares = np.maximum(squares, LEAST_SQUARE * squares.mean())
        log_variance, out = slow_fit(design, np.log(squares), rows)
        variance = np.exp(np.clip(log_variance, out.min(), out.max())) * np.mean(squares / np.exp(out))
        scores[model] = -stats.norm.logsf(margins, mean, np.sqrt(variance))
    return scores


def test_agrees_with_loops():
    """A class is missing from the population, and another from the scored samples; more terms than samples."""
    given, _ = hard_world(3, 4, 12, 17, 1.0, uneven=True)
    given = replace(given, population=replace(given.population, labels=given.population.labels % 2))
    arrays = replace(given.arrays, labels=np.where(given.arrays.labels == 0, 2, given.arrays.labels))
    given = replace(given, arrays=arrays)
    found = QuantileRegression().score(given, "pairs")
    np.testing.assert_allclose(found, slow_scores(given), rtol=1e-7)


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize(("n_models", "d_prime"), [(8, 1.0), (32, 2.0)])
def test_known_answer(labels, uneven, n_models, d_prime):
    """Difficulty follows from the features, so that the attack is the ideal offline one: AUC = Phi(d' / sqrt 2)."""
    given, (mean, deviation) = hard_world(5, n_models, 500, 4000, d_prime, labels, uneven)
    scores = QuantileRegression().score(given, "pairs")
    ideal = -stats.norm.logsf(given.margins, mean, deviation)
    expected, found, loss = (auc(*given.split(each)) for each in (ideal, scores, Loss().score(given, "pairs")))
    assert expected == pytest.approx(stats.norm.cdf(d_prime / np.sqrt(2)), abs=0.015)
    assert expected - 0.01 < found < expected + 0.003
    assert loss < expected - 0.1, "or there was no difficulty to know"


def test_levels_of_non_members_are_p_values():
    """A share a of the OUT margins is above the 1 - a quantile that was learned, for every model."""
    given, _ = hard_world(7, 8, 4000, 4000, 1.0, uneven=True)
    scores = QuantileRegression().score(given, "halves")
    for level in (0.01, 0.05, 0.5):
        rates = np.array(
            [(np.exp(-row) <= level)[~member].mean() for row, member in zip(scores, given.mask, strict=True)]
        )
        np.testing.assert_allclose(rates, level, atol=4 * np.sqrt(level / 2000))


def test_other_models_and_memberships_have_no_part():
    """Each model is scored as if it were alone; and swapped memberships change no score."""
    given, _ = hard_world(1, 12, 60, 80, 1.0)
    scores = QuantileRegression().score(given, "pairs")
    np.testing.assert_allclose(QuantileRegression().score(given.take([4]), "halves"), scores[8:10], rtol=1e-10)
    flips = np.random.default_rng(0).random((6, 60)) < 0.5
    np.testing.assert_array_equal(QuantileRegression().score(given.swap(flips), "pairs"), scores)


def test_chunks_do_not_show(monkeypatch):
    given, _ = hard_world(2, 8, 50, 60)
    whole = QuantileRegression().score(given, "pairs")
    monkeypatch.setattr("memdyn.attacks.quantile_regression.ROWS", 7)
    np.testing.assert_allclose(QuantileRegression().score(given, "pairs"), whole, rtol=1e-10)


def test_what_cannot_be_is_refused():
    given, _ = hard_world(0, 8, 20, 30)
    few = replace(given, population=given.population.part(slice(None), slice(0, 1)))
    with pytest.raises(ValueError, match="learns from population samples, and the pool has 1"):
        QuantileRegression().score(few, "pairs")
    world = with_outputs(given)
    without = replace(world, population=replace(world.population, features=None))
    with pytest.raises(ValueError, match="reads 'features', and was given none"):
        QuantileRegression().score(without, "pairs")


def test_features_are_principal_components_of_the_reference():
    """Uncorrelated there, of variance 1; a direction in which the reference hardly varies is left out."""
    rng = np.random.default_rng(0)
    samples = rng.integers(0, 256, (300, 1, 7, 7)).astype(np.uint8)
    samples[100:, 0, 3] = 0
    samples[:100, 0, 3] = 255
    found = principal_features(samples, slice(100, 300))
    assert found.shape == (300, COMPONENTS)
    np.testing.assert_allclose(np.cov(found[100:].T), np.eye(COMPONENTS), atol=1e-9)
    flat = samples[100:].reshape(200, -1) - samples[100:].reshape(200, -1).mean(axis=0)
    of_all = np.linalg.svd(flat, full_matrices=False)[0][:, :COMPONENTS] * np.sqrt(199)
    np.testing.assert_allclose(np.abs(found[100:]), np.abs(of_all), atol=1e-7)
    table = rng.normal(size=(30, 3)).astype(np.float32)
    table[:, 2] = 1
    assert principal_features(table, slice(0, 10)).shape == (30, 2)


def test_features_need_samples_that_differ():
    for samples, reference in ((np.zeros((9, 4), np.float32), slice(0, 5)), (np.eye(9, dtype=np.float32), slice(3, 4))):
        with pytest.raises(ValueError, match="population samples, which must be at least 2 and not all alike"):
            principal_features(samples, reference)
