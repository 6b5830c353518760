"""Targets held out: against a loop over groups, what the target's own pair must not move, replicates, few models."""

import numpy as np
import pytest

from held_out_studies import LIRA, LOSS
from memdyn.attacks.base import Prepared, build
from memdyn.attacks.held_out import MOST_GROUPS, held_out
from memdyn.attacks.out_p_values import surprise
from memdyn.attacks.signals import Signals
from memdyn.stats.jackknife import Pairs, TooFewModels
from worlds import gaussian_world

FPRS = (0.01, 0.1)
RMIA = {"name": "rmia", "mode": "online", "a": 0.3, "gamma": 1.0}


def given_of(attack, world):
    return Prepared.of(attack, world)


def slow_held_out(attack, world, group, fprs):
    """Cuts and surprises: for each group the whole attack anew on the other pairs, cuts by trying every score."""
    given = given_of(attack, world)
    scores = attack.score_prepared(given.signals, "pairs")
    far, cuts = np.empty_like(scores), np.empty((len(fprs), len(group)))
    for pair in range(len(group)):
        others = np.flatnonzero(group != group[pair])
        part = given.take(others)
        tried = attack.score_prepared(part.signals, "pairs")
        outside = np.array(
            [[tried[2 * k + int(part.mask[2 * k, i]), i] for i in range(tried.shape[1])] for k in range(len(others))]
        )
        for model in (2 * pair, 2 * pair + 1):
            far[model] = surprise(scores[model][None], outside)[0]
        for a, fpr in enumerate(fprs):
            kept = [cut for cut in outside.ravel() if (outside > cut).mean() <= fpr + 1e-12]
            cuts[a, pair] = min(kept) if fpr * outside.size >= 1 else np.nan
    return scores, far, cuts


@pytest.mark.parametrize("options", [LOSS, LIRA, RMIA], ids=lambda options: options["name"])
@pytest.mark.parametrize("n_models", [12, 24])
def test_a_loop_over_targets_finds_the_same(options, n_models):
    attack, world = build(options), gaussian_world(0, n_models, 30, 1.0)
    found = held_out(attack, given_of(attack, world), 16, FPRS)[0]
    groups = np.arange(n_models // 2) % {12: 6, 24: 6}[n_models]
    assert found.group.tolist() == groups.tolist()
    scores, far, cuts = slow_held_out(attack, world, groups, FPRS)
    np.testing.assert_allclose(found.scores, scores)
    np.testing.assert_allclose(found.surprise, far, rtol=1e-9)
    np.testing.assert_allclose(found.cuts[0], cuts)
    assert (found.cuts[1] >= found.cuts[0]).all() and (found.cuts[0] >= found.cuts[2]).all()


def test_p_values_count_the_other_groups_out_models():
    attack, world = build(LOSS), gaussian_world(1, 12, 15, 1.0)
    found = held_out(attack, given_of(attack, world), 16, FPRS)[0]
    p = found.p_values()
    for model in range(12):
        others = [
            found.surprise[m, i]
            for m in range(12)
            for i in range(15)
            if found.group[m // 2] != found.group[model // 2] and not world.mask[m, i]
        ]
        for i in range(15):
            as_large = sum(other >= found.surprise[model, i] for other in others)
            assert p[model, i] == pytest.approx((1 + as_large) / (1 + len(others)))


@pytest.mark.parametrize("options", [LIRA, RMIA], ids=lambda options: options["name"])
def test_each_replicate_is_the_same_without_a_group(options):
    attack, world = build(options), gaussian_world(2, 12, 40, 1.0)
    given = given_of(attack, world)
    everyone, *fewer = held_out(attack, given, 16, FPRS)
    assert len(fewer) == 6
    for number, one in ((0, fewer[0]), (4, fewer[4])):
        kept = np.flatnonzero(everyone.group != number)
        again = held_out(attack, given.take(kept), 16, FPRS)[0]
        assert one.group.tolist() == everyone.group[kept].tolist() == again.group.tolist()
        for name in ("mask", "scores", "surprise", "cuts"):
            np.testing.assert_allclose(getattr(one, name), getattr(again, name), err_msg=name)


@pytest.mark.parametrize("options", [LOSS, LIRA, RMIA], ids=lambda options: options["name"])
def test_a_targets_own_pair_chooses_nothing(options):
    """Who its members are moves neither threshold nor score nor law; nor do its own margins move the threshold."""
    attack, world = build(options), gaussian_world(3, 12, 60, 1.0)
    before = held_out(attack, given_of(attack, world), 16, FPRS)[0]
    flips = np.zeros((6, 60), dtype=bool)
    flips[2] = np.random.default_rng(0).random(60) < 0.5
    after = held_out(attack, given_of(attack, world.swap(flips)), 16, FPRS)[0]
    for name in ("scores", "surprise"):
        np.testing.assert_allclose(getattr(after, name)[4:6], getattr(before, name)[4:6], rtol=1e-7)
    assert (after.cuts[..., 2] == before.cuts[..., 2]).all()
    margins = world.margins.copy()
    margins[4:6] = 50 - margins[4:6]
    moved = Signals.of_margins(margins, world.mask, world.population.arrays["margin"])
    cuts = held_out(attack, given_of(attack, moved), 16, FPRS)[0].cuts
    assert (cuts[..., 2] == before.cuts[..., 2]).all() and (cuts != before.cuts).any()


def test_a_threshold_that_allows_less_than_one_is_none():
    attack, world = build(LOSS), gaussian_world(4, 8, 30, 1.0)  # three other pairs of 30 samples: 1 / 90
    found = held_out(attack, given_of(attack, world), 16, (0.011, 0.0112))[0]
    assert np.isnan(found.cuts[:, 0]).all() and not np.isnan(found.cuts[:, 1]).any()


def test_no_more_groups_than_eight():
    attack, world = build(LOSS), gaussian_world(5, 64, 10, 1.0)
    worlds = held_out(attack, given_of(attack, world), 16, FPRS)
    assert len(worlds) == 1 + MOST_GROUPS and np.bincount(worlds[0].group).tolist() == [4] * 8


def test_too_few_models():
    attack, world = build(LIRA), gaussian_world(6, 8, 20, 1.0)
    assert len(held_out(attack, given_of(attack, world), 16, FPRS)) == 1, "none are left for replicates"
    lossy = Signals.of_margins(
        world.margins[:6], world.mask[:6], world.population.arrays["margin"][:6], Pairs.of(8, [7])
    )
    with pytest.raises(TooFewModels, match=r"at least 6 models beside them, got 4 \(models that diverged took 1 pairs"):
        held_out(attack, given_of(attack, lossy), 16, FPRS)


def test_a_pair_that_failed_leaves_the_others_their_groups():
    attack, world = build(LOSS), gaussian_world(7, 16, 20, 1.0)
    kept = np.delete(np.arange(8), 3)
    found = held_out(attack, given_of(attack, world).take(kept), 16, FPRS)
    assert found[0].group.tolist() == kept.tolist() and len(found) == 8


def test_scores_that_are_no_numbers_are_refused():
    class Broken(type(build(LOSS))):
        def score_prepared(self, signals, folds):
            return np.full(signals.mask.shape, np.nan)

    with pytest.raises(ValueError, match="without NaN"):
        held_out(Broken(), given_of(build(LOSS), gaussian_world(8, 8, 5, 1.0)), 16, FPRS)
