"""The sequence attack: against single regressions, against what is known, and where it is hard."""

import tracemalloc

import numpy as np
import pytest
from scipy import linalg, stats

from history_worlds import autoregressive, best_auc, over_time, with_history
from memdyn.attacks.base import folds_of
from memdyn.attacks.lira import LiRA
from memdyn.attacks.sequence import Sequence, _common
from memdyn.attacks.signals import Signals
from memdyn.stats.correlated import Common, eliminate, in_common
from memdyn.stats.roc import auc
from slow_attacks import reference_models
from worlds import gaussian_world

ATTACK = Sequence(10)
RISING = np.linspace(0, 1, 6)


def slow_history(world: Signals, folds: str, model: int, sample: int, common: Common) -> float:
    """What checkpoints before the attacked one add to a score: Bayesian regressions in matrix form, one by one.

    x_t = a +- b / 2 + beta x_<t, with normal priors of beta and b and a scaled inverse chi-square one of the variance.
    """
    history, mask = world.arrays["margin_history"][..., ::-1], world.mask
    models = reference_models(model, len(mask), folds)
    inside, outside = (np.array([history[m, sample] for m in models if mask[m, sample] == k]) for k in (True, False))
    count, dof = len(inside), 2 * (len(inside) - 1)
    h, centre = inside.mean(0) - outside.mean(0), (inside.mean(0) + outside.mean(0)) / 2
    rows = np.concatenate([inside - inside.mean(0), outside - outside.mean(0)])
    scale = np.sqrt(((rows**2).sum(0) + common.variance[0]) / (dof + 1))
    prior = common.weight[0] * common.correlation[0] * np.outer(scale, scale)
    x, total = history[model, sample] - centre, 0.0
    for t in range(1, len(x)):
        X, y, precision = rows[:, :t], rows[:, t], prior[:t, :t]
        at = linalg.solve(precision, prior[:t, t])
        posterior = precision + X.T @ X
        beta = linalg.solve(posterior, precision @ at + X.T @ y)
        spread = np.eye(len(X)) + X @ linalg.solve(precision, X.T)
        rest = (y - X @ at) @ linalg.solve(spread, y - X @ at)
        nu, s2 = common.nu[0, t], common.residual[0, t]
        variance = (nu * s2 + rest) / (nu + dof)
        noise = 2 / count + h[:t] @ linalg.solve(posterior, h[:t])
        seen = (h[t] - beta @ h[:t]) / np.sqrt(variance)
        m, spread_of_effects = common.effect[0, t], common.effects[0, t]
        trust = spread_of_effects / (spread_of_effects + noise)
        effect = (m + trust * (seen - m)) * np.sqrt(variance)
        width = 1 + 1 / (2 * count) + trust * noise / 4 + x[:t] @ linalg.solve(posterior, x[:t])
        law = stats.t(nu + dof, scale=np.sqrt(variance * width))
        left = x[t] - beta @ x[:t]
        total += law.logpdf(left - effect / 2) - law.logpdf(left + effect / 2)
    return total


@pytest.mark.parametrize(
    ("folds", "n_models"), [("pairs", 6), ("pairs", 8), ("pairs", 14), ("halves", 8), ("halves", 14)]
)
def test_agrees_with_regressions_one_at_a_time(folds, n_models):
    world = autoregressive(n_models, n_models, 30, 0.7, RISING[:4])
    lira = LiRA("online", "shrunken").score(world, folds)
    scores = ATTACK.score(world, folds)
    values = world.split(world.arrays["margin_history"][..., ::-1])
    for model in range(n_models):
        pair = model // 2
        fold = next(f for f in folds_of(world.half, folds) if pair in np.arange(n_models // 2)[f.scored])
        common = _common(values, fold, world.half)
        if folds == "pairs":
            common = Common(*(field[pair : pair + 1] for field in vars(common).values()))
        for sample in range(0, 30, 7):
            expected = lira[model, sample] + slow_history(world, folds, model, sample, common)
            assert scores[model, sample] == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_at_one_checkpoint_it_is_lira(folds):
    world = gaussian_world(0, 16, 60, 1.0)
    one = over_time(world.margins[..., None], world.mask, world.population["margin"][..., None])
    expected = LiRA("online", "shrunken").score(world, folds)
    assert np.array_equal(ATTACK.score(one, folds), expected)
    assert np.array_equal(Sequence(1).score(with_history(world), folds), expected)


@pytest.mark.parametrize(("rho", "effect"), [(0.6, RISING), (0.9, RISING), (0.5, np.full(6, 0.4))], ids=str)
def test_known_answer(rho, effect):
    """Near the best attack that there is with 128 models, beyond that on the last checkpoint."""
    world = autoregressive(3, 128, 500, rho, effect)
    found = auc(*world.split(ATTACK.score(world, "pairs")))
    best = best_auc(rho, effect)
    assert best - 0.02 < found < best + 0.004
    last = auc(*world.split(LiRA("online", "shrunken").score(world, "pairs")))
    assert found > last + (best - stats.norm.cdf(effect[-1] / np.sqrt(2))) / 2


def test_what_is_in_common_is_found():
    rho, effect = 0.7, np.array([0.2, 0.9, 0.5])
    world = autoregressive(1, 64, 3000, rho, effect, spread=0.3)
    values = world.split(world.arrays["margin_history"])
    common = in_common(*values)
    np.testing.assert_allclose(common.correlation[0], rho ** np.abs(np.subtract.outer(range(3), range(3))), atol=0.01)
    assert common.weight[0] > 500, "all samples have one correlation"
    left = (effect[1:] - rho * effect[:-1]) / np.sqrt(1 - rho**2)
    np.testing.assert_allclose(common.effect[0], [effect[0], *left], atol=0.03)
    assert (common.effects[0] < 0.01).all()


def test_correlations_that_differ_weigh_less():
    """Half of the samples at rho = .9, half at 0: the common correlation counts as few models."""
    first, second = (autoregressive(k, 64, 500, rho, RISING[:3]) for k, rho in ((1, 0.9), (2, 0.0)))
    halves = [world.split(world.arrays["margin_history"]) for world in (first, second)]
    both = [np.concatenate(parts, axis=1) for parts in zip(*halves, strict=True)]
    alike = first.split(first.arrays["margin_history"])
    assert in_common(*both).weight[0] < 30 < in_common(*alike).weight[0]


@pytest.mark.parametrize("n_models", [8, 32])
def test_history_that_says_nothing_does_little_harm(n_models):
    """Earlier checkpoints are noise: the cost of learning that is small, and smaller with more models."""
    world = autoregressive(4, n_models, 2000, 0.0, np.array([0.0, 0, 0, 0, 1]))
    lira = auc(*world.split(LiRA("online", "shrunken").score(world, "pairs")))
    assert auc(*world.split(ATTACK.score(world, "pairs"))) > lira - (0.03 if n_models == 8 else 0.003)


@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("kind", ["constant", "copies", "lattice", "a constant sample", "huge", "tiny"])
def test_singular_covariances_are_no_trouble(folds, kind):
    world = autoregressive(2, 16, 200, 0.7, RISING)
    history = world.arrays["margin_history"].copy()
    if kind == "constant":
        history[:] = 2.5
    elif kind == "copies":  # the same margin at every checkpoint
        history[:] = history[..., -1:]
    elif kind == "lattice":
        history = np.round(history)
    elif kind == "a constant sample":
        history[:, :5] = 1 / 3
    else:
        history *= 1e6 if kind == "huge" else 1e-5
    scores = ATTACK.score(over_time(history, world.mask, history[:, :5]), folds)
    assert np.isfinite(scores).all()
    if kind == "constant":
        assert np.ptp(scores) < 1e-6
    elif kind == "a constant sample":
        assert np.ptp(scores[:, :5], axis=1).max() == 0 and (scores[0::2, :5] == scores[1::2, :5]).all()
    else:
        assert auc(*world.split(scores)) > (0.62 if kind == "copies" else 0.65)


def test_scale_and_place_of_margins_are_irrelevant():
    world = autoregressive(2, 16, 100, 0.7, RISING)
    history = 3.0 * world.arrays["margin_history"] + 7
    moved = over_time(history, world.mask, history[:, :5])
    np.testing.assert_allclose(ATTACK.score(moved, "pairs"), ATTACK.score(world, "pairs"), rtol=1e-6, atol=1e-6)


def test_order_of_samples_is_irrelevant():
    world = autoregressive(2, 16, 100, 0.7, RISING)
    order = np.random.default_rng(0).permutation(100)
    history = world.arrays["margin_history"][:, order]
    turned = over_time(history, world.mask[:, order], history[:, :5])
    np.testing.assert_allclose(ATTACK.score(turned, "pairs"), ATTACK.score(world, "pairs")[:, order], atol=1e-9)


def test_chunks_do_not_show_and_bound_the_memory(monkeypatch):
    world = autoregressive(3, 16, 600, 0.7, RISING)
    whole = ATTACK.score(world, "pairs")
    monkeypatch.setattr("memdyn.attacks.sequence.CHUNK", 8 * 36 * 5)
    monkeypatch.setattr("memdyn.stats.correlated.CHUNK", 6 * 8 * 5)
    np.testing.assert_allclose(ATTACK.score(world, "pairs"), whole, rtol=1e-9, atol=1e-9)
    prepared = world.map(ATTACK.prepare)
    tracemalloc.start()
    ATTACK.score_prepared(prepared, "pairs")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 36 * 600 * 8, "the squares of all pairs and samples are never held at once"


def test_elimination_is_a_regression():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(7, 4))
    matrix, column = root.T @ root, rng.normal(size=4)
    pivots, left = matrix[None, :, :, None].copy(), column[None, :, None].copy()
    eliminate(pivots, np.zeros((1, 4, 1)), left)
    for t in range(4):
        beta = linalg.solve(matrix[:t, :t], matrix[:t, t]) if t else np.zeros(0)
        assert pivots[0, t, t, 0] == pytest.approx(matrix[t, t] - beta @ matrix[:t, t])
        assert left[0, t, 0] == pytest.approx(column[t] - beta @ column[:t])


def test_too_few_models_are_refused():
    with pytest.raises(ValueError, match="at least 6 models, got 4"):
        ATTACK.score(autoregressive(0, 4, 10, 0.5, RISING), "pairs")
    ATTACK.score(autoregressive(0, 6, 10, 0.5, RISING), "pairs")
