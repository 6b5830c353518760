"""Speed: against loops, and the counting noise that the product of halves does not have."""

import numpy as np
import pytest
from scipy.special import ndtr

from dynamic_worlds import dynamic_world
from memdyn.dynamics.speed import from_halves, signed_root, slopes, speeds, squared_displacement, squared_speed
from observed_worlds import LIRA, curves, observed

EPOCHS = np.array([0, 2, 5])


def test_against_loops():
    rng = np.random.default_rng(0)
    fpr, tpr, fpr_b, tpr_b = rng.random((4, 3, 20))
    weights = np.stack([np.full(20, 1 / 20), (np.arange(20) < 5) / 5])
    v, a, squared = speeds(fpr, tpr, EPOCHS), slopes(tpr - fpr, EPOCHS), np.zeros((2, 2, 20))
    for t, gap in enumerate((2, 3)):
        for i in range(20):
            step = np.array([fpr[t + 1, i] - fpr[t, i], tpr[t + 1, i] - tpr[t, i]])
            other = np.array([fpr_b[t + 1, i] - fpr_b[t, i], tpr_b[t + 1, i] - tpr_b[t, i]])
            assert v[t, i] == pytest.approx(np.linalg.norm(step) / gap)
            assert a[t, i] == pytest.approx((step[1] - step[0]) / gap)
            squared[:, t, i] = step @ other / gap**2, step @ step / gap**2
    rates, rates_b = (fpr, tpr), (fpr_b, tpr_b)
    corrected = squared_speed(rates, rates_b, EPOCHS, weights)
    np.testing.assert_allclose(corrected, np.stack([squared[0].mean(1), squared[0][:, :5].mean(1)]))
    np.testing.assert_allclose(squared_speed(rates, rates, EPOCHS, weights)[0], squared[1].mean(1))
    moved = [fpr.mean(1) - fpr.mean(1)[0], tpr.mean(1) - tpr.mean(1)[0]]
    moved_b = [fpr_b.mean(1) - fpr_b.mean(1)[0], tpr_b.mean(1) - tpr_b.mean(1)[0]]
    np.testing.assert_allclose(
        squared_displacement(rates, rates_b, weights)[0], moved[0] * moved_b[0] + moved[1] * moved_b[1]
    )


def test_root_keeps_the_sign():
    assert signed_root(np.array([4.0, 0.0, -9.0])).tolist() == [2, 0, -3]


def test_halves_are_averaged_over_splits():
    observations = observed(dynamic_world(1, 32, np.zeros((2, 30)), np.zeros((2, 30))), splits=3, jackknife_splits=2)
    counts, design = observations.counts["scored", "lr1"], observations.design
    every, few, deleted = from_halves(counts, design, lambda a, b: np.array([np.mean(a[0] * b[1])]))
    each = [np.mean(counts.rates(a)[0] * counts.rates(b)[1]) for a, b in design.splits]
    assert every == pytest.approx(np.mean(each)) and few == pytest.approx(np.mean(each[:2]))
    assert deleted.shape == (16, 1) and np.ptp(deleted) > 0
    with pytest.raises(ValueError, match="too few models"):
        small = observed(dynamic_world(1, 8, np.zeros((2, 30)), np.zeros((2, 30))))
        from_halves(small.counts["scored", "lr1"], small.design, lambda a, b: a[0])


@pytest.mark.parametrize("persistence", [0.0, 0.8])
def test_where_nothing_moves_the_corrected_speed_is_zero(persistence, capsys):
    """Samples with constant d' of all sizes. Halves of one common calibration would keep part of the bias."""
    n = 600
    d_prime = np.ones((2, 1)) * np.abs(np.random.default_rng(0).normal(0, 1.5, n))
    raw, corrected, shared = [], [], []
    for seed in range(12):
        world = dynamic_world(seed, 32, d_prime, np.zeros((2, n)), persistence=persistence)
        table = curves(world, splits=4, jackknife_splits=0).set_index(["figure", "epoch"])["value"]
        raw.append(table["speed_squared", 0])
        corrected.append(table["speed_squared_corrected", 0])
        shared.append(shared_references(world))
    raw, corrected, shared = (np.array(values) for values in (raw, corrected, shared))
    error = corrected.std(ddof=1) / np.sqrt(12)
    with capsys.disabled():
        print(
            f"\nno movement (persistence {persistence}): raw {raw.mean():.4f}, halves with shared references "
            f"{shared.mean():.4f}, inside halves {corrected.mean():+.4f} +- {error:.4f}"
        )
    assert abs(corrected.mean()) < 4 * error and abs(corrected.mean()) < 0.05 * raw.mean()
    assert raw.mean() > 10 * error
    assert shared.mean() > 0.1 * raw.mean()


def shared_references(world):
    """The product of halves A and B (4 pairs each) that are both scored with the other 8 pairs, as one must not do."""
    reference = np.arange(16) % 2
    states = []
    for epoch in world.epochs:
        inputs = world.loader("scored")(epoch)
        scores_in, scores_out = (x[reference == 0] for x in inputs.split(LIRA.score_prepared(inputs, "halves")))
        states.append([[(x[side::2] >= 0).mean(0) for x in (scores_out, scores_in)] for side in (0, 1)])
    a, b = np.diff(states, axis=0)[0]
    return (a * b).sum(axis=0).mean()


def test_known_speed_is_recovered(capsys):
    """With many models the state is (Phi(-d'/2), Phi(d'/2)); the raw speed is above it, the corrected one is not."""
    n = 500
    d_prime = np.array([[1.0], [1.5]]) * np.random.default_rng(1).uniform(0.5, 2, n)
    truth = 2 * np.mean(np.diff(ndtr(d_prime / 2), axis=0) ** 2)
    tables = [curves(dynamic_world(s, 96, d_prime, np.zeros((2, n))), splits=4, jackknife_splits=0) for s in range(5)]
    found = np.mean([t.set_index(["figure", "epoch"])["value"].unstack()[0] for t in tables], axis=0)
    found = dict(zip(sorted(set(tables[0]["figure"])), found, strict=True))
    with capsys.disabled():
        print(
            f"\nmean squared speed: truth {truth:.4f}, raw {found['speed_squared']:.4f}, "
            f"corrected {found['speed_squared_corrected']:.4f}"
        )
    assert found["speed_squared_corrected"] == pytest.approx(truth, rel=0.2)
    assert found["speed_squared"] > 1.5 * truth
