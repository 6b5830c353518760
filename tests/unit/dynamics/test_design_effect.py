"""Design effects of counted rates: against loops, known answers, and the coverage of the limits that rest on them."""

import numpy as np
import pandas as pd
import pytest

from dynamic_worlds import dynamic_world
from memdyn.attacks.lira import LiRA
from memdyn.attacks.rmia import RMIA
from memdyn.dynamics.design_effect import Called, design_effects
from memdyn.dynamics.stage import observe_states
from observed_worlds import LIRA, observed, settings, states


def called(decisions_in, decisions_out):
    """Counts of decisions [P, n]."""
    both = decisions_in & decisions_out
    return Called(*(d.sum(axis=0) for d in (decisions_in, decisions_out, both)), len(decisions_in))


def trials(rng, n_pairs, tpr, fpr):
    return called(*(rng.random((n_pairs, len(rate))) < rate for rate in (tpr, fpr)))


def test_pooled_effects_against_loops():
    rng = np.random.default_rng(0)
    n, groups = 47, 4
    tpr, fpr, d_prime = rng.random(n), rng.random(n), rng.normal(size=n)
    halves = [[rng.random((2, size, n)) < np.stack([tpr, fpr])[:, None] for size in (9, 8)] for _ in range(3)]
    found = design_effects([tuple(called(*half) for half in split) for split in halves], 17, d_prime)
    order = np.argsort(d_prime)
    group = np.empty(n, int)
    for place, i in enumerate(order):
        group[i] = place * groups // n
    for q in range(3):
        effects = []
        for g in range(groups):
            square = variance = 0.0
            for split in halves:
                for i in np.flatnonzero(group == g):
                    # what each pair of a half adds to the quantity: 0 or 1, or -1, 0, 1
                    x, y = ([half[0], half[1], half[0].astype(int) - half[1]][q][:, i].astype(float) for half in split)
                    square += (x.mean() - y.mean()) ** 2
                    second = np.mean([np.mean(x**2), np.mean(y**2)])
                    variance += (1 / 9 + 1 / 8) * (second - x.mean() * y.mean())
            effects.append(max(1.0, 1 + 17 * (1 / 9 + 1 / 8) / 2 * (square / variance - 1)))
        for i in range(n):
            near = [effects[g] for g in range(groups) if abs(g - group[i]) <= 1]
            assert found[q, i] == pytest.approx(max(near))


def test_independent_trials_have_an_effect_of_one():
    rng = np.random.default_rng(1)
    rates = rng.random((2, 4000))
    effects = design_effects([tuple(trials(rng, 20, *rates) for _ in range(2)) for _ in range(4)], 40, rates[0])
    assert effects.min() >= 1 and effects.max() < 1.2  # the largest of three groups of 400


@pytest.mark.parametrize("n_pairs", [16, 64])
def test_a_known_calibration_error_is_found_and_grows_with_the_models(n_pairs):
    """Each half has its own threshold, off by +-.1 in rate: b = .01 of a half, so e = 1 + P b / v, v = .25 - .01."""
    rng = np.random.default_rng(2)
    n = 6000

    def half():
        rate = 0.5 + 0.1 * np.where(rng.random(n) < 0.5, 1, -1)
        return trials(rng, n_pairs // 2, rate, np.full(n, 0.5))

    tpr, fpr, _ = design_effects([(half(), half()) for _ in range(4)], n_pairs, rng.normal(size=n))
    assert tpr.mean() == pytest.approx(1 + n_pairs * 0.01 / 0.25, rel=0.1)
    assert fpr.mean() < 1.2


def test_groups_of_samples_do_not_lend_each_other_their_effects():
    """A tenth of the samples, the lowest d', has halves that always disagree; all others always agree."""
    rng = np.random.default_rng(3)
    d_prime = rng.permutation(200).astype(float)
    bad = d_prime < 20
    all_in, none = np.full(200, 10), np.zeros(200, int)
    first, second = Called(all_in, none, none, 10), Called(np.where(bad, 0, 10), none, none, 10)
    tpr, fpr, advantage = design_effects([(first, second)], 20, d_prime)
    assert (tpr[d_prime < 40] == tpr.max()).all() and tpr.max() > 10
    assert (tpr[d_prime >= 40] == 1).all() and (fpr == 1).all() and (advantage[d_prime >= 40] == 1).all()


def test_without_halves_nothing_is_known():
    assert np.isnan(design_effects([], 4, np.zeros(5))).all()


def test_states_are_the_same_in_both_stages():
    """Effects, limits and zones, whatever splits the analysis draws besides."""
    world = dynamic_world(6, 32, np.ones((2, 60)), np.zeros((2, 60)))
    lean = states(observe_states(world, LIRA, settings((0.1,))))
    assert lean["design_effect_advantage"].notna().all()
    for splits in (1, 6):
        pd.testing.assert_frame_equal(states(observed(world, fprs=(0.1,), splits=splits)), lean)


EFFECTS = (0.0, 0.5, 1.0, 2.0)
COLUMNS = ["fpr", "tpr", "advantage"]


def coverage(law, n_models, attack, reps=40, n=200):
    """[thresholds, d', rates]: nominal 95 % limits of one world's samples over sets of models; n / 4 samples a d'."""
    d_prime = np.repeat(EFFECTS, n // len(EFFECTS))[None]
    mean = np.random.default_rng(0).normal(1, 1.5, (1, n))
    tables = []
    for seed in range(reps):
        world = dynamic_world(seed, n_models, d_prime, mean, n_sham=10, n_population=60, law=law)
        observations = observe_states(world, attack, settings((0.05, 0.1), groups=4))
        tables.append(states(observations))
    truth = np.mean([table[COLUMNS] for table in tables], axis=0)
    low, high = (np.array([t[[f"{c}_{side}" for c in COLUMNS]] for t in tables]) for side in ("low", "high"))
    within = (low - 1e-6 <= truth) & (truth <= high + 1e-6)
    return within.mean(axis=0).reshape(-1, len(EFFECTS), n // len(EFFECTS), 3).mean(axis=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "n_models", "attack"),
    [
        ("normal", 128, LIRA),
        ("heavy", 64, LIRA),
        ("ties", 32, LIRA),
        ("narrow when IN", 16, LIRA),
        ("shared by pairs", 32, LiRA("offline", "global")),
        ("skewed", 64, RMIA("online", 0.3, 1.0)),
    ],
)
def test_coverage_of_per_sample_limits(law, n_models, attack, capsys):
    """The truth is the mean over the sets of models: the expectation of the rate at this number of models."""
    covered = coverage(law, n_models, attack)
    with capsys.disabled():
        print(f"\n{law}, M = {n_models}, {attack}: coverage of {COLUMNS}, rows: thresholds, d' {EFFECTS}")
        print(covered.round(3).reshape(-1, 3).tolist())
    assert covered.min() >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / 40 / 50)
