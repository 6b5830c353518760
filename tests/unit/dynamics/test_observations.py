"""The counting pass: equal to the attack's own rates, and to halves that are cut out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from dynamic_worlds import dynamic_world
from memdyn.attacks.evaluate import rates
from memdyn.attacks.loss import Loss
from memdyn.attacks.signals import Signals
from observed_worlds import LIRA, observed


def world(n_models=32, n=60, seed=3):
    d_prime = np.linspace(0, 2, 3)[:, None] * np.linspace(0, 1.5, n)
    return dynamic_world(seed, n_models, d_prime, np.zeros((3, n)), n_sham=30)


@pytest.mark.parametrize(("attack", "labels"), [(LIRA, ["lr1", "fpr0.1"]), (Loss(), ["fpr0.1"])])
def test_all_pairs_are_counted_as_the_attack_counts_them(attack, labels):
    scores = world()
    observations = observed(scores, attack=attack, fprs=(0.1,), splits=1)
    assert observations.thresholds == labels
    for part in ("scored", "sham"):
        for step, epoch in enumerate(scores.epochs):
            table = rates(attack, scores.loader(part)(epoch).map(attack.prepare), (0.1,), part, 0)
            for label, expected in table.groupby("threshold"):
                counts = observations.counts[part, label]
                for name in ("d_in", "d_out", "d_both"):
                    np.testing.assert_array_equal(getattr(counts, name)[0, step], expected[name])


def test_a_half_is_a_world_of_its_own():
    """Other models may change as they like: what half A sees stays as it is."""
    scores = world()
    observations = observed(scores, splits=3)
    a, b = observations.design.splits[2]
    pairs = observations.design.worlds[a].pairs
    others = observations.design.worlds[b].pairs
    assert sorted([*pairs, *others]) == list(range(16))
    margins = scores.margins.copy()
    for pair in others:
        margins[:, 2 * pair : 2 * pair + 2] += np.random.default_rng(pair).normal(size=margins[:, :2].shape)
    changed = observed(type(scores)(scores.epochs, margins, scores.masks, scores.parts), splits=3)
    before, after = observations.counts["scored", "lr1"], changed.counts["scored", "lr1"]
    np.testing.assert_array_equal(before.d_in[a], after.d_in[a])
    np.testing.assert_array_equal(before.d_out[a], after.d_out[a])
    assert (before.d_in[b] != after.d_in[b]).any() and (before.d_in[0] != after.d_in[0]).any()

    inputs = scores.loader("scored")(2)
    models = (2 * pairs[:, None] + np.arange(2)).ravel()
    alone = Signals.of_margins(inputs.margins[models], inputs.mask[models], inputs.population["margin"][models])
    alone = replace(alone, half=observations.design.worlds[a].half)
    table = rates(LIRA, alone, (), "scored", 0)
    np.testing.assert_array_equal(before.d_in[a, 2], table["d_in"])


def test_jackknife_worlds_lack_one_group_each():
    design = observed(world(), groups=8, splits=2).design
    assert design.n_jackknife == 9 and design.sizes.tolist() == [2] * 8
    gone = [set(range(16)) - set(design.worlds[w].pairs) for w in range(1, 9)]
    assert sorted(x for group in gone for x in group) == list(range(16))
    for k, split in enumerate(design.split_deleted):
        for g, pair in enumerate(split):
            for side, w in enumerate(pair):
                expected = set(design.worlds[design.splits[k][side]].pairs) - gone[g]
                assert set(design.worlds[w].pairs) == expected


def test_too_few_models_for_halves_or_for_the_jackknife():
    few = observed(world(n_models=8)).design
    assert len(few.worlds) == 1 and not len(few.sizes) and not len(few.splits)
    assert len(observed(world(n_models=16)).design.splits) == 4
