"""Guesses of memberships: scores against their definition, the choice of guess sets, worlds with and without a leak."""

import numpy as np
import pytest
from scipy.stats import t

from memdyn.audit.bounds import log_odds_bound
from memdyn.audit.guesses import Laws, Rule, _sizes
from memdyn.audit.stage import bounds_table
from memdyn.stats.jackknife import TooFewModels
from memdyn.stats.shrinkage import fit_prior

OPTIONS = {"targets": 16, "delta": 1e-5, "confidence": 0.95}


def world(seed, models=32, n=400, effect=0.0, told=1.0):
    """Margins and mask; members of a share `told` of the samples have margins that are higher by `effect` SDs."""
    rng = np.random.default_rng(seed)
    mask = rng.random((models, n)) < 0.5
    size = effect * (np.arange(n) < told * n) * rng.gamma(2, 0.5, n)
    noise = rng.standard_t(4, (models, n)) * rng.gamma(3, 0.3, n)
    return (rng.normal(2, 3, n) + noise + mask * size).astype(np.float32), mask


def test_scores_are_log_ratios_of_predictive_laws():
    """Of samples one by one, by scipy's t."""
    margins, mask = (each[:10] for each in world(0, n=30, effect=2.0))
    mask[:, 3], mask[:, 4] = True, False
    laws = Laws.of(margins.astype(float), mask)
    squares = []
    for x, member in zip(margins.T.astype(float), mask.T, strict=True):
        squares.append(sum(((x[k] - x[k].mean()) ** 2).sum() for k in (member, ~member) if k.any()))
    known = np.setdiff1d(np.arange(30), [3, 4])
    prior = fit_prior(np.array(squares)[None, known], 8)
    new = np.random.default_rng(1).normal(2, 3, (5, 30))
    found = laws.log_ratio(new)
    assert (found[:, [3, 4]] == 0).all()
    for i in known:
        x, member, dof = margins[:, i].astype(float), mask[:, i], prior.nu[0] + 8
        variance = (prior.nu[0] * prior.variance[0] + squares[i]) / dof
        sides = [
            t.logpdf(new[:, i], dof, x[side].mean(), np.sqrt(variance * (1 + 1 / side.sum())))
            for side in (member, ~member)
        ]
        np.testing.assert_allclose(found[:, i], sides[0] - sides[1], rtol=1e-9, atol=1e-9)


def test_the_guess_set_is_the_best_of_those_that_are_tried():
    rng = np.random.default_rng(2)
    mask = rng.random((6, 20)) < 0.5
    scores = rng.normal(size=(6, 20)) + 1.5 * mask
    best, chosen = -np.inf, None
    for n_in in range(11):
        for n_out in range(11):
            right = 0.0
            for row, member in zip(scores, mask, strict=True):
                order = np.argsort(-row)
                right += member[order[:n_in]].sum() + (~member[order[20 - n_out :]]).sum()
            if n_in + n_out:
                bound = float(log_odds_bound(np.floor(4 * right / 6), 4 * (n_in + n_out), 1 - 0.05 / 120))
                best, chosen = max((best, chosen), (bound, (n_in, n_out)), key=lambda found: found[0])
    assert _sizes(scores, mask, 4, 0.95) == chosen


def test_right_guesses_are_counted_target_by_target():
    margins, mask = (each.astype(dtype) for each, dtype in zip(world(3, effect=3.0), (float, bool), strict=True))
    rule = Rule.of(margins[:16], mask[:16], 16, 0.95)
    right = rule.correct(margins[16:], mask[16:])
    for k, target in enumerate(range(16, 32)):
        order = np.argsort(-rule.laws.log_ratio(margins[target]), kind="stable")
        expected = mask[target, order[: rule.n_in]].sum() + (~mask[target, order[len(order) - rule.n_out :]]).sum()
        assert right[k] == expected
    assert (rule.decisions(margins[16:]) == (rule.laws.log_ratio(margins[16:])[:, rule.canary] > 0)).all()


def test_nothing_is_chosen_on_targets():
    """Other memberships and margins of the targets leave the guess set, the laws and the canary as they are."""
    margins, mask = world(4, effect=2.0)
    first = bounds_table(margins, mask, OPTIONS)
    changed = mask.copy()
    changed[16:] = ~changed[16:]
    second = bounds_table(margins, changed, OPTIONS)
    same = ["method", "target", "guesses", "canaries"]
    assert first[same].equals(second[same])
    total = first["guesses"] - first["correct"]
    assert (second["correct"] == total).all()  # each right guess became a wrong one


def test_a_leak_is_found_and_none_where_there_is_none():
    found = [bounds_table(*world(seed, effect=6.0, told=0.2), OPTIONS) for seed in range(3)]
    together = [table.loc[0, "epsilon_lower"] for table in found]
    assert min(together) > 2 and all(table.loc[1, "epsilon_lower"] > 0.3 for table in found)
    null = [bounds_table(*world(100 + seed, n=150), OPTIONS).loc[0, "epsilon_lower"] for seed in range(20)]
    assert np.mean(np.array(null) > 0) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_models_that_answer_at_random_have_the_epsilon_of_their_answers(epsilon):
    """Randomised response of each membership, behind heavy-tailed margins that a model moves as a whole."""
    rate, wrong, found, draws = 1 / (1 + np.exp(-epsilon)), 0, [], 25
    for seed in range(draws):
        rng = np.random.default_rng([seed, int(10 * epsilon)])
        mask = rng.random((24, 200)) < 0.5
        answer = np.where(rng.random(mask.shape) < rate, mask, ~mask)
        margins = rng.normal(2, 3, 200) + 4 * answer + 0.3 * rng.standard_t(3, mask.shape) + rng.normal(0, 3, (24, 1))
        table = bounds_table(margins, mask, OPTIONS | {"targets": 12}).head(2)
        wrong += (table["epsilon_lower"] > epsilon).any()
        found.append(table.loc[0, "epsilon_lower"])
    assert wrong <= 0.1 * draws + 3 * np.sqrt(0.1 * 0.9 * draws)  # two methods at 5 % each
    assert epsilon - 0.4 < np.median(found) < epsilon


def test_what_all_margins_of_a_model_share_does_not_matter():
    margins, mask = world(7, effect=4.0)
    shift = np.random.default_rng(0).integers(-64, 64, (32, 1)) / 4  # exact in float32
    margins = np.round(margins * 16) / 16
    assert bounds_table(margins + shift, mask, OPTIONS).equals(bounds_table(margins, mask, OPTIONS))


def test_the_table_is_of_all_targets_and_of_each():
    margins, mask = world(5, effect=4.0)
    table = bounds_table(margins, mask, OPTIONS)
    assert table["method"].tolist() == ["guesses", "rates", *["guesses"] * 16]
    assert table["target"].tolist() == ["all", "all", *map(str, range(16, 32))]
    assert table.loc[2:, "correct"].sum() == table.loc[0, "correct"] and table.loc[0, "canaries"] == 16 * 400
    assert table.loc[1, "guesses"] == 16 and (table["canaries"] >= table["guesses"]).all()
    assert table.loc[0, "epsilon_lower"] > table.loc[2:, "epsilon_lower"].median()


def test_models_that_failed():
    """Targets among them guess wrongly throughout, which no bound gains by; references are left out."""
    margins, mask = world(6, effect=4.0)
    whole = bounds_table(margins, mask, OPTIONS)
    margins[[0, 20]] = np.nan
    table = bounds_table(margins, mask, OPTIONS).set_index(["method", "target"])
    assert table.loc[("guesses", "20"), ["correct", "epsilon_lower"]].tolist() == [0, 0]
    assert table.loc[("guesses", "all"), "epsilon_lower"] < whole.loc[0, "epsilon_lower"]
    margins[:13] = np.nan
    with pytest.raises(TooFewModels, match="needs 4 reference models, got 3"):
        bounds_table(margins, mask, OPTIONS)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_margin_is_of_a_model_that_failed(value):
    """As one of NaN: no law is fitted to it, and a target with it guesses nothing rightly."""
    margins, mask = world(6, effect=4.0)
    infinite, nan = margins.copy(), margins.copy()
    infinite[[0, 20], 3], nan[[0, 20]] = value, np.nan
    assert bounds_table(infinite, mask, OPTIONS).equals(bounds_table(nan, mask, OPTIONS))
    rule = Rule.of(margins[1:16].astype(float), mask[1:16], 16, 0.95)
    targets = infinite[16:].astype(float)
    with np.errstate(invalid="ignore"):
        assert rule.correct(targets, mask[16:])[4] == 0 and not rule.decisions(targets)[4]
