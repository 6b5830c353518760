"""Attacks with a rule a class: against their definitions, on worlds with a known answer, where there is little."""

import numpy as np
import pytest
from scipy import integrate, stats

from memdyn.attacks.base import build
from memdyn.attacks.reads import Reads
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.jackknife import Pairs
from memdyn.stats.roc import auc
from slow_classwise import slow_privacy_risk_score, slow_shokri2017, slow_song2021
from worlds import complementary_mask, gaussian_world, with_outputs

METRICS = ("correctness", "confidence", "entropy", "modified_entropy")
SHOKRI = {"probabilities": 3, "records": 60, "epochs": 3, "seed": 5}
OPTIONS = [
    *({"name": "song2021", "metric": metric} for metric in METRICS),
    {"name": "privacy_risk_score", "bins": 5},
    {"name": "shokri2017", **SHOKRI},
]


def name_of(options):
    return options.get("metric", options["name"])


def world(seed=0, n_models=8, n_samples=36, d_prime=1.0, digits=None):
    """Rounded margins have ties, within and across IN and OUT."""
    made = gaussian_world(seed, n_models, n_samples, d_prime, spread=0.8)
    if digits is not None:
        rounded = (np.round(part["margin"], digits) for part in (made.arrays, made.population))
        made = Signals.of_margins(next(rounded), made.mask, next(rounded))
    return with_outputs(made)


def of_values(name, values, mask, labels, pairs=None):
    """Signals with one array alone."""
    arrays = Values({"margin": values, name: values}, labels)
    return Signals.of(arrays, arrays, mask, pairs)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("digits", [None, 0])
def test_song2021_is_the_papers_search(metric, folds, digits):
    given = world(1, digits=digits)
    attack = build({"name": "song2021", "metric": metric})
    scores, decisions = slow_song2021(given, folds, metric)
    found = attack.score(given, folds)
    np.testing.assert_allclose(found, scores, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found >= attack.threshold, decisions)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize(("bins", "n_models"), [(1, 4), (5, 8), (40, 8)])
@pytest.mark.parametrize("digits", [None, 0])
def test_privacy_risk_scores_are_shares_of_histograms(bins, n_models, folds, digits):
    """Forty bins of few values: many are empty, and take the nearest's; rounded values lie on edges of their range."""
    given = world(2, n_models, 20, digits=digits)
    found = build({"name": "privacy_risk_score", "bins": bins}).score(given, folds)
    np.testing.assert_allclose(found, slow_privacy_risk_score(given, folds, bins), rtol=1e-12)


@pytest.mark.parametrize("digits", [None, 1])
def test_shokri2017_is_scikit_learns_net(digits):
    given = world(3, digits=digits)
    with pytest.warns(UserWarning):  # the slow one trains in the open
        slow = slow_shokri2017(given, SHOKRI)
    for folds in ("pairs", "halves"):
        np.testing.assert_allclose(build({"name": "shokri2017", **SHOKRI}).score(given, folds), slow, atol=1e-5)


def two_classes(seed, d_prime, n_models=64, n_samples=800):
    """log modified entropy N(shift_y - d', 1) of members and N(shift_y, 1) of others: classes of unlike level."""
    rng = np.random.default_rng(seed)
    mask, labels = complementary_mask(rng, n_models, n_samples), np.arange(n_samples) % 2
    log_entropy = rng.normal(size=mask.shape) + np.where(labels, 4.0, -2.0) - d_prime * mask
    return of_values("modified_entropy", np.exp(log_entropy), mask, labels)


@pytest.mark.parametrize("d_prime", [0.5, 2.0])
def test_a_threshold_a_class_has_the_known_advantage(d_prime):
    """Midway between two normals TPR - FPR = 2 Phi(d'/2) - 1, whatever the classes' levels; AUC Phi(d' / sqrt 2)."""
    given = two_classes(4, d_prime)
    attack = build({"name": "song2021", "metric": "modified_entropy"})
    given_reads = Signals.of(*(with_all(part) for part in (given.arrays, given.population)), given.mask)
    inside, outside = given.split(attack.score(given_reads, "pairs"))
    best = 2 * stats.norm.cdf(d_prime / 2) - 1
    assert (inside >= 0).mean() - (outside >= 0).mean() == pytest.approx(best, abs=0.01)
    assert auc(inside, outside) == pytest.approx(stats.norm.cdf(d_prime / np.sqrt(2)), abs=0.01)
    assert auc(*given.split(-given.margins)) < auc(inside, outside) - 0.05, "one threshold for both classes is worse"


def with_all(values):
    """Every signal that song2021 reads; only the modified entropy is looked at."""
    same = values["modified_entropy"]
    return Values(dict.fromkeys(("margin", "gap", "entropy", "modified_entropy"), same), values.labels)


def test_privacy_risk_scores_are_the_posterior():
    """With many bins: sigmoid of the log likelihood ratio of two normals, d' (d'/2 - x)."""
    given = two_classes(5, 1.0)
    scores = build({"name": "privacy_risk_score", "bins": 60}).score(given, "pairs")
    x = np.log(given.arrays["modified_entropy"]) - np.where(given.arrays.labels, 4.0, -2.0)
    known = 1 / (1 + np.exp(0.5 + x))
    assert np.abs(scores - known)[np.abs(x) < 2].mean() < 0.03
    inside, outside = given.split(scores)
    called = (inside >= 0.5).mean() - (outside >= 0.5).mean()
    assert called == pytest.approx(2 * stats.norm.cdf(0.5) - 1, abs=0.02)
    brier = np.mean(np.concatenate([(inside - 1) ** 2, outside**2]))
    known_brier, _ = integrate.quad(
        lambda v: (stats.norm.pdf(v) * stats.norm.pdf(v, -1) / (stats.norm.pdf(v) + stats.norm.pdf(v, -1))) / 2, -9, 9
    )
    assert brier == pytest.approx(known_brier, abs=0.005)


def test_the_classifier_finds_what_one_number_cannot_tell():
    """Members are sure either way: no threshold on the margin sees them, a net of both log-odds does."""
    rng = np.random.default_rng(6)
    mask = complementary_mask(rng, 16, 400)
    size = np.where(mask, 4.0, 1.0) + 0.5 * rng.normal(size=mask.shape)
    logits = np.stack([size, -size], axis=2) / 2 * rng.choice([-1, 1], mask.shape)[..., None]
    margins = logits[..., 0] - logits[..., 1]
    arrays = Values({"margin": margins, "logits": logits}, np.zeros(400, dtype=int))
    given = Signals.of(arrays, arrays, mask)
    scores = build({"name": "shokri2017", "probabilities": 3, "records": 500, "epochs": 40, "seed": 0}).score(
        given, "halves"
    )
    assert auc(*given.split(margins)) == pytest.approx(0.5, abs=0.03)
    assert auc(*given.split(scores)) > 0.98


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_constant_signals_are_no_evidence(options, folds):
    given = world(7)
    flat = Signals.of(*(np_like(part, 0.7) for part in (given.arrays, given.population)), given.mask)
    inside, outside = flat.split(build(options).score(flat, folds))
    assert np.isfinite(inside).all() and auc(inside, outside) == pytest.approx(0.5, abs=1e-12)


def np_like(values, constant):
    return Values({name: np.full(array.shape, constant) for name, array in values.items()}, values.labels)


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_entropies_that_vanish_are_ties(options):
    """A stored entropy of a very sure model is 0: scores stay numbers."""
    given = world(8)
    arrays = {
        name: np.where(given.margins > 1, 0.0, array) if "entropy" in name else array
        for name, array in given.arrays.items()
    }
    vanished = Signals.of(Values(arrays, given.arrays.labels), given.population, given.mask)
    assert np.isfinite(build(options).score(vanished, "pairs")).all()


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_a_missing_class_changes_nothing_and_a_class_of_one_sample_is_scored(options, folds):
    given, attack = world(9), build(options)
    labels = np.where(np.arange(36) == 5, 3, np.minimum(given.arrays.labels, 1))  # of 3 one sample, of 2 none
    alone = Signals.of(Values(given.arrays.arrays, labels), given.population, given.mask)
    before, after = attack.score(given, folds), attack.score(alone, folds)
    assert np.isfinite(after).all()
    same = given.arrays.labels == 0
    np.testing.assert_array_equal(after[:, same], before[:, same])


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("digits", [None, 0])
def test_order_of_samples_and_pairs_is_irrelevant(options, folds, digits):
    given, attack, rng = world(10, digits=digits), build(options), np.random.default_rng(0)
    samples, pairs = rng.permutation(36), np.array([2, 3, 0, 1])[rng.permutation(4)]
    models = (2 * pairs[:, None] + np.arange(2)).ravel()
    arrays = {name: array[models][:, samples] for name, array in given.arrays.items()}
    moved = Signals(
        Values(arrays, given.arrays.labels[samples]),
        given.population.of_models(models),
        given.mask[models][:, samples],
        given.half[pairs],
        Pairs(pairs, 4),
    )
    before, after = attack.score(given, folds), attack.score(moved, folds)
    np.testing.assert_allclose(after, before[models][:, samples], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_labels_are_asked_for(options):
    given = world(11)
    arrays, population = (Values(part.arrays) for part in (given.arrays, given.population))
    if options.get("metric") == "correctness":
        return
    with pytest.raises(ValueError, match="needs the labels"):
        build(options).score(Signals.of(arrays, population, given.mask), "pairs")


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_how_many_pairs_they_need(options):
    attack = build(options)
    needs = 0 if options.get("metric") == "correctness" else 1
    assert attack.can_score(np.array([0, 1]), "pairs") and attack.can_score(np.array([0, 1]), "halves")
    assert attack.can_score(np.array([0]), "pairs") == (needs == 0)
    assert attack.can_score(np.array([0, 0]), "pairs") == (options["name"] != "shokri2017"), "the other half trains it"


def test_the_metrics_are_read_off_the_outputs_and_the_classifier_reads_logits():
    assert Reads("logits") in build(OPTIONS[-1]).reads and Reads("logits") not in build(OPTIONS[0]).reads
    with pytest.raises(ValueError, match="allowed: correctness, confidence, entropy, modified_entropy"):
        build({"name": "song2021", "metric": "loss"}).score(world(0), "pairs")
