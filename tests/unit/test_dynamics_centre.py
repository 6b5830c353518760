"""The centre of mass and the coverage of its interval."""

import numpy as np
import pytest

from memdyn.dynamics.centre import COORDINATES, centre, centre_from_replicates, centre_with_interval


def decisions(pairs: int, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """IN and OUT decisions with a shift that all samples of a model share: samples are not independent."""
    propensity = rng.normal(0, 0.3, (2, pairs, 1))
    return (
        rng.normal(size=(pairs, n)) + propensity[0] < 0.5,
        rng.normal(size=(pairs, n)) + propensity[1] < -0.5,
    )


def test_centre_is_the_mean_of_the_samples_states():
    inside, outside = decisions(8, 50, np.random.default_rng(0))
    expected = [outside.mean(0).mean(), inside.mean(0).mean(), (inside.mean(0) - outside.mean(0)).mean()]
    np.testing.assert_allclose(centre(inside, outside), expected)


def test_interval_covers_the_expected_centre():
    rng = np.random.default_rng(1)
    truth = centre(*decisions(20_000, 40, rng))
    covered, runs = np.zeros(3), 400
    for _ in range(runs):
        row = centre_with_interval(*decisions(16, 40, rng), level=0.95, most_groups=16)
        covered += [row[f"{c}_low"] <= t <= row[f"{c}_high"] for c, t in zip(COORDINATES, truth, strict=True)]
    assert np.all(covered / runs > 0.92) and np.all(covered / runs < 0.98), covered / runs


def test_replicates_that_vary_more_give_a_wider_interval():
    inside, outside = decisions(8, 50, np.random.default_rng(2))
    fixed = centre_with_interval(inside, outside, level=0.95, most_groups=8)
    deleted = np.stack([centre(np.delete(inside, k, 0), np.delete(outside, k, 0)) for k in range(8)])
    same = centre_from_replicates(centre(inside, outside), deleted, np.ones(8), level=0.95)
    assert same == pytest.approx(fixed)
    stretched = deleted.mean(0) + 2 * (deleted - deleted.mean(0))
    wider = centre_from_replicates(centre(inside, outside), stretched, np.ones(8), level=0.95)
    assert wider["tpr_high"] - wider["tpr_low"] == pytest.approx(2 * (fixed["tpr_high"] - fixed["tpr_low"]))
