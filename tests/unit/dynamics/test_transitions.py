"""Zones with their hysteresis, and movement between them: against loops, and a known inflow."""

import numpy as np

from dynamic_worlds import dynamic_world
from memdyn.dynamics.population import class_weights, movements, shares
from memdyn.dynamics.transitions import HV, inflow, probabilities, transition_counts
from memdyn.dynamics.zones import States, counted_zones, tracked_zones
from memdyn.terms import ZONES
from observed_worlds import BOUNDS, observed


def path(d_in, d_out, d_both, n_pairs, t, critical=2.0, effect=1.0):
    """The states of one sample on its way, counts as lists over checkpoints."""
    d_in, d_out, d_both, t = (np.array(x)[:, None] for x in (d_in, d_out, d_both, t))
    return States.of_counts(d_in, d_out, d_both, n_pairs, t, np.full(len(t), critical), np.full((3, len(t), 1), effect))


def names(codes):
    return [ZONES[code] for code in codes[:, 0]]


def test_a_zone_is_left_beyond_one_standard_error_only():
    """20 pairs; TPR .9 -> .85 is .63 standard errors outside HV, -> .75 is 1.5."""
    states = path([18, 17, 15, 17], [0, 0, 0, 0], [0, 0, 0, 0], 20, [9, 9, 9, 9])
    assert names(counted_zones(states, BOUNDS)) == ["highly_vulnerable", "vulnerable", "vulnerable", "vulnerable"]
    assert names(tracked_zones(states, BOUNDS)) == [
        "highly_vulnerable",
        "highly_vulnerable",
        "vulnerable",
        "vulnerable",
    ]


def test_a_standard_error_allows_for_the_design_effect():
    """TPR .75 is 1.5 standard errors outside HV of independent trials, 1.1 at an effect of 2, .75 at one of 4."""
    counts = [18, 15, 15], [0, 0, 0], [0, 0, 0], 20, [9, 9, 9]
    tracked = {effect: names(tracked_zones(path(*counts, effect=effect), BOUNDS))[1] for effect in (1, 2, 4, np.nan)}
    assert tracked.pop(4) == "highly_vulnerable" and set(tracked.values()) == {"vulnerable"}


def test_entering_hv_needs_a_point_well_inside():
    states = path([16, 18, 20], [0, 0, 0], [0, 0, 0], 20, [9, 9, 9])
    assert names(counted_zones(states, BOUNDS))[1] == "highly_vulnerable"
    assert names(tracked_zones(states, BOUNDS)) == ["vulnerable", "vulnerable", "highly_vulnerable"]


def test_the_test_has_a_standard_error_of_one():
    """Chance is left at |t| > 3 and entered again at |t| < 1, the critical value being 2."""
    states = path([12] * 5, [9] * 5, [5] * 5, 20, [0, 2.5, 3.5, 1.5, 0.5])
    assert names(counted_zones(states, BOUNDS)) == ["chance", "leaning", "leaning", "chance", "chance"]
    assert names(tracked_zones(states, BOUNDS)) == ["chance", "chance", "leaning", "leaning", "chance"]


def test_tracking_never_leaves_a_zone_that_the_state_lies_in():
    rng = np.random.default_rng(0)
    n_pairs, shape = 12, (6, 3000)
    d_in, d_out = rng.binomial(n_pairs, rng.beta(0.7, 0.7, (2, *shape)))
    d_both = np.minimum(np.minimum(d_in, d_out), rng.integers(0, n_pairs + 1, shape))
    d_both = np.maximum(d_both, d_in + d_out - n_pairs)
    t, effects = rng.normal(0, 3, shape), rng.uniform(1, 4, (3, *shape))
    states = States.of_counts(d_in, d_out, d_both, n_pairs, t, np.full(6, 2.0), effects)
    raw, tracked = counted_zones(states, BOUNDS), tracked_zones(states, BOUNDS)
    same = raw[1:] == tracked[:-1]
    assert np.all(tracked[1:][same] == raw[1:][same])
    moved = tracked[1:] != tracked[:-1]
    assert np.all(tracked[1:][moved] == raw[1:][moved]) and 0 < moved.mean() < (raw[1:] != raw[:-1]).mean()


def test_counts_probabilities_and_inflow_against_loops():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (5, 70)).astype(np.int8)
    codes[2:] += codes[2:] == 3  # some reach HV
    labels = rng.integers(0, 2, 70)
    weights = class_weights(labels, np.array([0, 1, 7]))
    counts = transition_counts(codes, np.nan_to_num(weights))
    for k, members in enumerate([np.ones(70, bool), labels == 0, labels == 1]):
        for t in range(4):
            table = np.zeros((5, 5))
            for a, b in zip(codes[t, members], codes[t + 1, members], strict=True):
                table[a, b] += 1
            np.testing.assert_allclose(counts[k, t], table / members.sum())
            for a in range(5):
                row = probabilities(counts[k, t])[a]
                assert np.isnan(row).all() if not table[a].sum() else np.allclose(row, table[a] / table[a].sum())
            outside = codes[t, members] != HV
            into = codes[t + 1, members][outside] == HV
            np.testing.assert_allclose(inflow(counts[k, t]), into.mean())
    assert np.isnan(weights[3]).all()


def test_inflow_of_all_is_all_at_any_length_of_the_step():
    rng = np.random.default_rng(3)
    codes = np.stack([rng.choice(np.delete(np.arange(len(ZONES)), HV), 97), np.full(97, HV)])
    entering, _ = movements(codes, np.array([0, 20]), np.full((1, 97), 1 / 97))
    assert entering[0, 0] == 1


def test_known_inflow_is_recovered():
    """40 % of the samples jump from d' 0 to 12 at checkpoint 1, another 30 % at checkpoint 3; none leaves."""
    n = 400
    jump = np.where(np.arange(n) < 160, 1, np.where(np.arange(n) < 280, 3, 9))
    d_prime = np.where(np.arange(5)[:, None] >= jump, 12.0, 0.0)
    observations = observed(dynamic_world(2, 32, d_prime, np.zeros((5, n))), splits=1)
    states, weights = observations.states("scored", "lr1", 0, BOUNDS.test_level), np.full((1, n), 1 / n)
    entering, moves = movements(tracked_zones(states, BOUNDS), np.array([0, 1, 2, 4, 6]), weights)
    counted = shares(counted_zones(states, BOUNDS), weights)["share_highly_vulnerable"]
    per_epoch = [0.4, 0, 1 - 0.5**0.5, 0]  # half in two epochs
    np.testing.assert_allclose(entering[0, :4], per_epoch, atol=0.01)
    np.testing.assert_allclose(counted[0], [0, 0.4, 0.4, 0.7, 0.7], atol=0.01)
    pooled = probabilities(moves[0].mean(axis=0))
    chance = ZONES.index("chance")
    assert abs(pooled[chance, HV] - 280 / (400 + 240 + 240 + 120)) < 0.01 and pooled[HV, HV] > 0.99
