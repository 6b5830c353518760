"""Accuracy, losses and weak attacks of a run, and that their intervals cover."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.attacks import evaluate
from memdyn.attacks.known import power_threshold
from memdyn.compare import uncalibrated
from memdyn.compare.nulls import null_tests
from memdyn.compare.uncalibrated import Settings, cross_entropy, tail_tnr, uncalibrated_tables
from memdyn.stats.jackknife import Pairs
from worlds import complementary_mask


def scores(seed, n_models=16, n_scored=300, n_test=50, shift=1.0, failed=()):
    """Margins of fixed samples under models that differ; members have `shift` more."""
    rng, fixed = np.random.default_rng([1, seed]), np.random.default_rng(0)
    mask = complementary_mask(rng, n_models, n_scored)
    difficulty = fixed.normal(1, 1, n_scored + n_test)
    margins = difficulty + rng.normal(0, 0.3, (n_models, 1)) + rng.standard_t(4, (n_models, n_scored + n_test))
    margins[:, :n_scored] += shift * mask
    parts = {"scored": slice(0, n_scored), "test": slice(n_scored, n_scored + n_test)}
    pairs = Pairs.of(n_models, failed)

    def signal(epoch, name, samples=slice(None)):
        return margins[pairs.models][:, samples] * (epoch > 0)

    return SimpleNamespace(
        epochs=[0, 3], parts=parts, masks=mask[pairs.models], pairs=pairs, signal=signal, has=lambda name: True
    )


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    """Of the null, of which a study this small would take dozens."""
    monkeypatch.setattr(uncalibrated, "null_draws", lambda n_models, n_samples, least: least)


def settings(known=20, draws=3, null=1):
    return Settings(known, draws, 0, groups=16, level=0.95, null_draws=null, null_seed=5)


def made(given, **options):
    return uncalibrated_tables(given, settings(**options))


def last(tables):
    table = tables["uncalibrated"]
    return table[table["epoch"] == 3].set_index(["attack", "metric"])


def test_means_over_models():
    given = scores(0)
    found = last(made(given))
    margins, mask = given.signal(3, "margin"), given.masks
    loss = np.log1p(np.exp(-margins[:, :300]))
    slow = {
        "accuracy_test": np.mean([np.mean(row > 0) for row in margins[:, 300:]]),
        "accuracy_in": np.mean([np.mean(row[own] > 0) for row, own in zip(margins[:, :300], mask, strict=True)]),
        "loss_in": np.mean([row[own].mean() for row, own in zip(loss, mask, strict=True)]),
        "loss_tnr_at_tpr_0.99": np.mean([slow_tail(*each, 0.01) for each in zip(loss, mask, strict=True)]),
        "loss_out": np.mean([row[~own].mean() for row, own in zip(loss, mask, strict=True)]),
    }
    for metric, value in slow.items():
        assert found.loc[("", metric), "value"] == pytest.approx(value)
    unseen = ("", "loss_tnr_at_tpr_0.999")
    assert set(found.index) == {*(("", metric) for metric in slow), unseen, ("avg", "advantage"), ("pow", "advantage")}
    assert np.isnan(found.loc[unseen, "value"]), "a thousandth of 150 members is none"
    found = found.drop(unseen)
    assert (found["low"] < found["value"]).all() and (found["value"] < found["high"]).all()


def slow_tail(losses, mask, missed):
    """The largest share of non-members at or above any loss at or above which at most this share of the members is."""
    inside, outside = losses[mask], losses[~mask]
    cuts = [cut for cut in {*losses, np.inf} if (inside >= cut).mean() <= missed + 1e-12]
    return max((outside >= cut).mean() for cut in cuts)


@pytest.mark.parametrize("digits", [9, 1, 0])
def test_the_tail_is_what_lies_beyond_the_members(digits):
    """Rounded losses tie across members and others."""
    rng = np.random.default_rng(0)
    mask = complementary_mask(rng, 6, 2400)
    losses = np.round(rng.gumbel(size=mask.shape) + ~mask, digits)
    slow = [[slow_tail(*each, a) for each in zip(losses, mask, strict=True)] for a in (0.001, 0.01)]
    np.testing.assert_allclose(tail_tnr(losses, mask), slow)


def test_the_tail_of_known_laws():
    """Two normals, beyond the members' (k + 1)-th largest of n, of which k may be missed; on noise as many of both."""
    rng = np.random.default_rng(1)
    mask = complementary_mask(rng, 64, 20_000)
    noise = rng.normal(size=mask.shape)
    for shift in (0.0, 1.0):
        found = tail_tnr(noise + shift * ~mask, mask).mean(axis=1)
        known = norm.sf(norm.isf([11 / 10_001, 101 / 10_001]) - shift)
        np.testing.assert_allclose(found, known, rtol=0.06)
    assert np.isnan(tail_tnr(noise[:2, :300], mask[:2, :300])[0]).all(), "no thousandth of 150 members"
    assert (tail_tnr(np.ones(mask.shape), mask) == 0).all(), "constant losses have no tail"


def test_replicates_are_of_the_other_pairs():
    given = scores(1)
    tables = made(given)
    without = SimpleNamespace(**vars(given))
    without.pairs = given.pairs.take(np.arange(1, 8))
    without.masks, without.signal = given.masks[2:], lambda *which: given.signal(*which)[2:]
    deleted = tables["uncalibrated_replicates"].query("group == 0 and epoch == 3").set_index(["attack", "metric"])
    assert deleted["value"].to_dict() == pytest.approx(last(made(without))["value"].to_dict(), nan_ok=True)


def test_a_failed_pair_changes_no_other():
    """The same samples are known of the models that are left, and groups keep their numbers."""
    whole, less = made(scores(2)), made(scores(2, failed=[5]))
    assert set(less["uncalibrated_replicates"]["group"]) == set(range(8)) - {2}
    deleted = whole["uncalibrated_replicates"].query("group == 2 and epoch == 3").set_index(["attack", "metric"])
    assert last(less)["value"].to_dict() == pytest.approx(deleted["value"].to_dict(), nan_ok=True)


def test_without_a_test_part_there_is_no_accuracy():
    assert np.isnan(last(made(scores(3, n_test=0))).loc[("", "accuracy_test"), "value"])


def test_without_a_gap_there_is_no_accuracy():
    """Scores of another tool may be margins alone."""
    given = scores(3)
    given.has = {"margin"}.__contains__
    found, whole = last(made(given))["value"], last(made(scores(3)))["value"]
    accuracies = [("", "accuracy_test"), ("", "accuracy_in")]
    assert found[accuracies].isna().all()
    assert found.drop(accuracies).to_dict() == pytest.approx(whole.drop(accuracies).to_dict(), nan_ok=True)


def slow_advantages(losses, mask, known_in, known_out):
    """AVG and POW of one model by their definitions, judged on the samples that are not known."""
    mean, deviation = losses[known_in].mean(), losses[known_in].std()
    unknown = np.setdiff1d(np.arange(len(losses)), [*known_in, *known_out])
    inside, outside = losses[unknown[mask[unknown]]], losses[unknown[~mask[unknown]]]
    tried = [mean + c * deviation for c in np.linspace(-5, 5, 1001)]
    best = max(tried, key=lambda tau: (losses[known_in] < tau).mean() - (losses[known_out] < tau).mean())
    assert best == power_threshold(losses[known_in], losses[known_out])
    return [(inside < tau).mean() - (outside < tau).mean() for tau in (mean, best)]


def test_the_null_is_the_same_with_the_memberships_of_the_attacks_null():
    """Of each draw: known samples and thresholds are of the new members."""
    given = scores(4, n_models=8)
    null = made(given, null=3)["uncalibrated_null"].query("epoch == 3").set_index(["attack", "draw"])["auc"]
    losses = cross_entropy(given.signal(3, "margin")[:, :300])
    for draw in range(3):
        mask = given.masks ^ np.repeat(evaluate.swaps(given.masks, 5, draw), 2, axis=0)
        assert (mask.sum(axis=1) == given.masks.sum(axis=1)).all() and (mask != given.masks).any()
        known = uncalibrated.World.swapped(given.masks, given.pairs.models, settings(), draw).known
        own = [slow_advantages(*each) for each in zip(losses, mask, known.members[0], known.others[0], strict=True)]
        expected = (1 + np.mean(own, axis=0)) / 2
        assert null["avg", draw] == pytest.approx(expected[0]) and null["pow", draw] == pytest.approx(expected[1])


def test_nothing_is_left_under_the_null_however_much_leaks():
    """With as few as 4 known samples, whose luck the threshold follows; on it the joint test of a run passes."""
    given = scores(5, shift=3.0)
    tables = made(given, known=4, null=400)
    found = last(tables)
    draws = tables["uncalibrated_null"]
    for attack in ("avg", "pow"):
        assert found.loc[(attack, "advantage"), "value"] > 0.4
        own = draws.query("epoch == 3 and attack == @attack")["auc"]
        assert abs(own.mean() - 0.5) < 4 * own.std() / 20 and own.std() < 0.02
        assert found.loc[(attack, "advantage"), "null_value"] == pytest.approx(2 * own.mean() - 1)
    assert found.loc[("", "loss_tnr_at_tpr_0.99"), "null_value"] == pytest.approx(0.013, abs=0.003)
    assert found.loc[[("", "loss_in"), ("", "accuracy_in")], "null_value"].isna().all()
    assert null_tests(draws.assign(run="a"))["passed"].all()
    leaking = draws.assign(run="a", auc=draws["auc"] + 0.02 * (draws["attack"] == "avg"))
    assert not null_tests(leaking)["passed"].any()


def test_the_loss_of_sure_samples_does_not_vanish():
    assert cross_entropy(np.float32(80)) == pytest.approx(np.exp(-80.0), rel=1e-5)


@pytest.mark.slow
def test_intervals_cover(capsys, n_models=16, replications=120):
    """95 % nominal; the truth is the mean over many models of these samples."""
    truth = last(made(scores(10_000, n_models=1024)))["value"].dropna()
    found = [last(made(scores(seed, n_models=n_models), draws=2)).loc[truth.index] for seed in range(replications)]
    covered = np.mean([(one["low"] <= truth) & (truth <= one["high"]) for one in found], axis=0)
    width = np.mean([one["high"] - one["low"] for one in found], axis=0) / np.std(
        [one["value"] for one in found], axis=0
    )
    with capsys.disabled():
        print(f"\n  {n_models} models: coverage {covered.round(3)}, width over SD {width.round(2)}")
    assert (covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)).all()
