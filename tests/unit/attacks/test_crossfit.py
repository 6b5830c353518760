"""Pairs in, pairs out: layout, folds, and that no attack sees what it may not see."""

import itertools

import numpy as np
import pytest

from every_attack import ATTACKS, UNCALIBRATED, label
from memdyn.attacks.base import Fold, build, folds_of
from memdyn.attacks.loss import Loss
from memdyn.attacks.signals import Signals
from worlds import gaussian_world, readable_by, with_outputs


@pytest.fixture
def world():
    return with_outputs(gaussian_world(0, 12, 40, 1.0))


def changed(world, models, shift=3.0):
    """The same world with other margins of some models, on scored and population samples."""
    signal, population = world.margins.copy(), world.population["margin"].copy()
    signal[models] = -signal[models] + shift
    population[models] = -population[models] + shift
    return with_outputs(Signals.of_margins(signal, world.mask, population))


@pytest.mark.parametrize("options", ATTACKS, ids=label)
def test_the_complement_does_not_calibrate(options, world):
    attack = build(options)
    for folds in ("pairs", "halves"):
        before, after = attack.score(world, folds), attack.score(changed(world, [5]), folds)
        np.testing.assert_allclose(after[4], before[4], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
def test_halves_see_the_other_half_only(options, world):
    attack = build(options)
    before, after = attack.score(world, "halves"), attack.score(changed(world, [0, 1, 8, 9]), "halves")
    np.testing.assert_array_equal(after[[4, 5]], before[[4, 5]])
    if options not in UNCALIBRATED:
        assert (after[[2, 3]] != before[[2, 3]]).any()


@pytest.mark.parametrize("options", [o for o in ATTACKS if o not in UNCALIBRATED], ids=label)
def test_other_pairs_do_calibrate(options, world):
    attack = build(options)
    before, after = attack.score(world, "pairs"), attack.score(changed(world, [6, 7]), "pairs")
    assert (after[[4, 5]] != before[[4, 5]]).any()


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_order_of_the_models_of_a_pair_is_irrelevant(options, folds, world):
    flipped = np.arange(12).reshape(-1, 2)[:, ::-1].ravel()
    turned = Signals.of_margins(world.margins[flipped], world.mask[flipped], world.population["margin"][flipped])
    before, after = build(options).score(world, folds), build(options).score(with_outputs(turned), folds)
    np.testing.assert_allclose(after, before[flipped], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", ATTACKS, ids=label)
def test_exchangeable_is_true_where_it_is_claimed(options, world):
    """The null reuses scores where exchanging members moves no calibration; elsewhere it must calibrate anew."""
    attack = build(options)
    flips = np.random.default_rng(0).random((6, 40)) < 0.5
    swapped = world.swap(flips)
    same = np.allclose(attack.score(swapped, "pairs"), attack.score(world, "pairs"), rtol=1e-12, atol=1e-12)
    assert same == attack.exchangeable


@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
@pytest.mark.parametrize("lattice", [False, True])
def test_no_score_knows_its_own_membership(options, folds, lattice):
    """Not in the last bit, which breaks ties; also for margins on a lattice, whose likelihoods have several maxima."""
    attack = build(options)
    seeds = 3 if "checkpoints" in options else 12  # fits over time are slow
    for seed, pair in itertools.product(range(seeds), (0, 2)):
        world = gaussian_world(seed, 8, 20, 0.0)
        if lattice:
            world = Signals.of_margins(np.round(world.margins), world.mask, np.round(world.population["margin"]))
        world = readable_by(attack, world)
        flips = np.zeros((4, 20), dtype=bool)
        flips[pair] = np.random.default_rng(seed).random(20) < 0.5
        own = slice(2 * pair, 2 * pair + 2)
        before, after = attack.score(world, folds)[own], attack.score(world.swap(flips), folds)[own]
        fits_priors = options.get("variance") == "shrunken" or options["name"] == "sequence"
        if fits_priors:  # all folds take the steps of the slowest
            np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
        else:
            np.testing.assert_array_equal(after, before)


def test_loss_is_the_margin(world):
    loss = np.logaddexp(0, -world.margins)
    scores = Loss().score(world, "pairs")
    assert (np.argsort(scores, axis=1) == np.argsort(-loss, axis=1)).all()
    with pytest.raises(ValueError, match="folds"):
        Loss().score(world, "thirds")


def test_split_and_join(world):
    values_in, values_out = world.split(world.margins)
    for pair, sample in itertools.product(range(6), range(40)):
        first = 2 * pair + (not world.mask[2 * pair, sample])
        assert values_in[pair, sample] == world.margins[first, sample]
        assert values_out[pair, sample] == world.margins[first ^ 1, sample]
    np.testing.assert_array_equal(world.join(values_in, values_out), world.margins)


def test_take_and_swap(world):
    part = world.take(np.array([4, 1]))
    np.testing.assert_array_equal(part.margins, world.margins[[8, 9, 2, 3]])
    np.testing.assert_array_equal(part.mask, world.mask[[8, 9, 2, 3]])
    np.testing.assert_array_equal(part.population["margin"], world.population["margin"][[8, 9, 2, 3]])
    np.testing.assert_array_equal(part.half, [0, 1])
    np.testing.assert_array_equal(world.take(np.array([0, 2, 3])).half, [0, 0, 1])  # as before the others left
    flips = np.random.default_rng(0).random((6, 40)) < 0.5
    before, after = world.split(world.margins), world.swap(flips).split(world.margins)
    np.testing.assert_array_equal(after[0], np.where(flips, before[1], before[0]))
    np.testing.assert_array_equal(after[1], np.where(flips, before[0], before[1]))


@pytest.mark.parametrize("n_pairs", [2, 3, 7, 8])
def test_folds_score_each_pair_once(n_pairs):
    values = np.random.default_rng(n_pairs).random((n_pairs, 5))
    for name in ("pairs", "halves"):
        seen = []
        for fold in folds_of(np.arange(n_pairs) % 2, name):
            scored = np.arange(n_pairs)[fold.scored]
            seen += list(scored)
            means, (moments, squares) = fold.means(values), fold.moments(values)
            for row, pair in enumerate(scored):
                if name == "pairs":
                    others = np.delete(values, pair, axis=0)
                else:
                    others = values[np.arange(n_pairs) % 2 != pair % 2]
                    row = 0
                assert len(others) == fold.count
                np.testing.assert_allclose(means[row], others.mean(axis=0))
                np.testing.assert_allclose(moments[row], others.mean(axis=0))
                np.testing.assert_allclose(squares[row], others.var(axis=0) * len(others), atol=1e-12)
        assert sorted(seen) == list(range(n_pairs))


def test_leave_one_out_means_do_not_cancel():
    # A confident model among hopeless ones: the sum minus its own term would be rounding only.
    values = np.full((4, 1), 1e-30)
    values[2] = 0.9
    means = Fold(slice(None), None, 3).means(values)
    assert means[2, 0] == pytest.approx(1e-30, rel=1e-12)


def test_leave_one_out_moments_do_not_cancel():
    """Equal values but for the one left out have no spread at all, however far away it and they are."""
    values = np.full((5, 2), 1e6 / 3)
    values[1] = -20.0, 1e9
    means, squares = Fold(slice(None), None, 4).moments(values)
    assert (means[1] == 1e6 / 3).all() and (squares[1] == 0).all()
    assert (squares[[0, 2, 3, 4]] > 0).all()


def good():
    world = gaussian_world(0, 4, 6, 0.0)
    return {"margins": world.margins, "mask": world.mask, "population": world.population["margin"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g | {"margins": g["margins"][:, :5]}, "same samples"),
        (lambda g: g | {"population": g["population"][:3]}, "number of models"),
        (lambda g: {key: value[:3] for key, value in g.items()}, "even"),
        (lambda g: g | {"mask": g["mask"] | True}, "complementary"),
        (lambda g: g | {"mask": g["mask"].astype(int)}, "boolean"),
        (lambda g: g | {"margins": np.where(g["mask"], np.nan, g["margins"])}, "finite"),
        (lambda g: g | {"population": g["population"] + np.inf}, "finite"),
    ],
)
def test_bad_inputs_are_refused(change, message):
    Signals.of_margins(**good())
    with pytest.raises(ValueError, match=message):
        Signals.of_margins(**change(good()))


def test_float32_margins_become_float64():
    inputs = Signals.of_margins(**{key: v if v.dtype == bool else v.astype(np.float32) for key, v in good().items()})
    assert inputs.margins.dtype == inputs.population["margin"].dtype == np.float64
