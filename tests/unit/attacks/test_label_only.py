"""The label-only attack: scikit-learn on plain rows, a world with known log-odds, and the views' answers."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from memdyn.attacks.base import build
from memdyn.attacks.label_only import PENALTY
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.roc import auc
from worlds import complementary_mask

IN, OUT = np.array([0.9, 0.7, 0.8]), np.array([0.6, 0.65, 0.4])  # how often views of members and of others are right
ATTACK = build({"name": "label_only"})


def world(seed, n_models, n_samples, inside=IN, outside=OUT):
    rng = np.random.default_rng(seed)
    mask = complementary_mask(rng, n_models, n_samples)
    right = rng.random((*mask.shape, len(inside))) < np.where(mask[..., None], inside, outside)
    values = Values({"gap_views": np.where(right, 1.0, -1.0) * rng.exponential(size=right.shape)})
    return Signals.of(values, values, mask)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("n_views", [1, 3])
def test_it_is_a_logistic_regression_on_the_rows_of_reference_models(folds, n_views):
    given = world(1, 8, 30, IN[:n_views], OUT[:n_views])
    right = (given.arrays["gap_views"] > 0).astype(float)
    scores = np.empty(given.mask.shape)
    for model in range(8):
        pair = model // 2
        others = [m for m in range(8) if (m // 2 != pair if folds == "pairs" else m // 2 % 2 != pair % 2)]
        rows = right[others].reshape(-1, n_views)
        fitted = LogisticRegression(C=PENALTY, tol=1e-10, max_iter=1000).fit(rows, given.mask[others].ravel())
        scores[model] = fitted.decision_function(right[model])
    np.testing.assert_allclose(ATTACK.score(given, folds), scores, atol=1e-4)


def test_log_odds_and_auc_of_views_that_are_right_independently():
    given = world(2, 128, 2000)
    found = ATTACK.score(given, "pairs")
    right = given.arrays["gap_views"] > 0
    known = np.where(right, np.log(IN / OUT), np.log((1 - IN) / (1 - OUT))).sum(axis=2)
    np.testing.assert_allclose(found, known, atol=0.06)
    patterns = (np.arange(8)[:, None] >> np.arange(3) & 1).astype(bool)
    p_in, p_out = (np.where(patterns, p, 1 - p).prod(axis=1) for p in (IN, OUT))
    ratio = p_in / p_out
    above = (p_in[:, None] * p_out * ((ratio[:, None] > ratio) + 0.5 * (ratio[:, None] == ratio))).sum()
    assert auc(*given.split(found)) == pytest.approx(above, abs=4 * 0.5 / np.sqrt(128 * 1000))
    inside, outside = given.split(found)
    called = p_in[ratio > 1].sum(), p_out[ratio > 1].sum()
    assert ((inside >= 0).mean(), (outside >= 0).mean()) == pytest.approx(called, abs=0.01)


def test_models_that_are_right_about_everything_tell_nothing():
    given = world(3, 8, 40, np.ones(2), np.ones(2))
    found = ATTACK.score(given, "pairs")
    assert np.ptp(found) == 0 and auc(*given.split(found)) == 0.5


def test_how_far_an_answer_is_right_does_not_matter():
    given = world(4, 8, 40)
    louder = Values({"gap_views": given.arrays["gap_views"] ** 3})
    np.testing.assert_array_equal(
        ATTACK.score(Signals.of(louder, louder, given.mask), "pairs"), ATTACK.score(given, "pairs")
    )
