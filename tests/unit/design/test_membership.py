import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdyn.design.membership import membership


def test_frozen():
    """Finished models rest on these masks: they may never change."""
    small = membership(8, range(4), seed=0, pool="pool", part="scored")
    assert small.astype(int).tolist() == [
        [1, 0, 1, 1, 0, 0, 1, 0],
        [0, 1, 0, 0, 1, 1, 0, 1],
        [1, 0, 1, 1, 0, 0, 0, 1],
        [0, 1, 0, 0, 1, 1, 1, 0],
    ]
    large = membership(4000, range(6), seed=0, pool="pool", part="scored")
    digest = hashlib.sha256(np.packbits(large).tobytes()).hexdigest()
    assert digest == "39338ddd0f90b9e523341be208ec0a9f8bc88aa3d437a0ecb83f2afae7a8bc73"


@given(half=st.integers(0, 50), pairs=st.integers(0, 5), seed=st.integers(0, 2**63 - 1))
def test_exact_halves_and_complements(half, pairs, seed):
    mask = membership(2 * half, range(2 * pairs), seed, "pool", "scored")
    assert mask.shape == (2 * pairs, 2 * half) and mask.dtype == bool
    assert (mask.sum(axis=1) == half).all()
    assert (mask[0::2] != mask[1::2]).all()


@given(first=st.integers(0, 20), count=st.integers(0, 9), step=st.integers(1, 3))
def test_a_model_has_one_mask_in_whatever_range_it_comes(first, count, step):
    models = range(first, first + count, step)
    everything = membership(20, range(30), 1, "pool", "sham")
    np.testing.assert_array_equal(membership(20, models, 1, "pool", "sham"), everything[list(models)])


@pytest.mark.parametrize("changed", [{"seed": 1}, {"pool": "other"}, {"part": "sham"}])
def test_draw_depends_on_seed_pool_and_part(changed):
    base = {"seed": 0, "pool": "pool", "part": "scored"}
    here, there = (membership(1000, range(2), **kwargs)[0] for kwargs in (base, base | changed))
    assert 400 < (here == there).sum() < 600


def test_pairs_are_independent():
    """Correlations between pairs and between samples have the spread of independent draws, 1/sqrt(n) and 1/sqrt(P)."""
    pairs, n = 200, 400
    signs = 2.0 * membership(n, range(0, 2 * pairs, 2), 0, "pool", "scored") - 1
    between_pairs = (signs @ signs.T / n)[np.triu_indices(pairs, 1)]
    between_samples = (signs.T @ signs / pairs)[np.triu_indices(n, 1)]
    assert abs(between_pairs.mean()) < 4 / np.sqrt(n * len(between_pairs))
    assert between_pairs.std() * np.sqrt(n) == pytest.approx(1, abs=0.05)
    assert abs(between_pairs).max() < 6 / np.sqrt(n)
    assert between_samples.mean() == pytest.approx(-1 / (n - 1), abs=1e-9)  # of exact halves
    assert between_samples.std() * np.sqrt(pairs) == pytest.approx(1, abs=0.05)


def test_every_sample_is_a_member_equally_often():
    assert (membership(100, range(64), 0, "pool", "scored").sum(axis=0) == 32).all()


@pytest.mark.parametrize("n, models", [(7, range(2)), (-2, range(2)), (8, range(-2, 2))])
def test_refuses_odd_parts_and_negative_models(n, models):
    with pytest.raises(ValueError, match="even|from 0"):
        membership(n, models, 0, "pool", "scored")
