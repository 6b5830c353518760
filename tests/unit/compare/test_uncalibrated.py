"""Accuracy, losses and weak attacks of a run, and that their intervals cover."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.compare.uncalibrated import cross_entropy, tail_tnr, uncalibrated_tables
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

    return SimpleNamespace(epochs=[0, 3], parts=parts, masks=mask[pairs.models], pairs=pairs, signal=signal)


def made(given, count=20, draws=3):
    return uncalibrated_tables(given, count, draws, seed=0, groups=16, level=0.95)


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
