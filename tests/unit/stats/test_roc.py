"""ROC against a brute-force one that tries every threshold."""

import numpy as np
import pytest

from memdyn.stats import roc as roc_module
from memdyn.stats.roc import auc, cuts_at_fprs, fpr_grid, roc, roc_of, rocs, rocs_without

FPRS = (0.001, 0.01, 0.03, 0.1, 0.25, 0.5, 1.0)


def brute_auc(members, others):
    return np.mean([(m > o) + (m == o) / 2 for m in members for o in others])


def brute_tpr(members, others, fpr):
    if fpr < 1 / len(others) - 1e-12:
        return np.nan
    rates = [(np.mean(others >= t), np.mean(members >= t)) for t in [*members, *others, np.inf]]
    return max(tpr for f, tpr in rates if f <= fpr + 1e-12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("levels", [2, 7, 40, None])
def test_agrees_with_brute_force(seed, levels):
    rng = np.random.default_rng(seed)
    members, others = rng.normal(0.5, 1, rng.integers(1, 60)), rng.normal(0, 1, rng.integers(1, 120))
    if levels:
        members, others = np.round(members * levels / 4), np.round(others * levels / 4)
    curve = roc(members, others, FPRS)
    assert curve.auc == pytest.approx(brute_auc(members, others), abs=1e-12)
    np.testing.assert_allclose(curve.tpr, [brute_tpr(members, others, f) for f in FPRS], atol=1e-12)
    assert auc(members, others) == curve.auc


def test_ties_move_together():
    # 3 of 4 non-members share the top score with all members: no threshold lies between them.
    curve = roc(np.array([1.0, 1, 1]), np.array([1.0, 1, 1, 0]), (0.25, 0.5, 0.75))
    assert curve.auc == (3 * 3 / 2 + 3) / 12
    np.testing.assert_array_equal(curve.tpr, [0, 0, 1])


def test_uninformative_is_exactly_one_half():
    scores = np.random.default_rng(0).normal(size=1001)
    assert auc(scores, scores) == 0.5
    assert auc(np.zeros(7), np.zeros(1000)) == 0.5


def test_infinities_are_scores():
    curve = roc(np.array([np.inf, -np.inf]), np.array([0.0, -np.inf]), (0.5, 1.0))
    assert curve.auc == (1 + 1 + 0 + 0.5) / 4
    np.testing.assert_array_equal(curve.tpr, [0.5, 1])


@pytest.mark.parametrize("bad", [np.array([0.0, np.nan]), np.array([])])
def test_no_scores_or_nan_are_refused(bad):
    with pytest.raises(ValueError, match="scores"):
        roc(bad, np.zeros(3), FPRS)
    with pytest.raises(ValueError, match="scores"):
        roc(np.zeros(3), bad, FPRS)


def test_rounding_of_fpr_loses_no_false_positive():
    others = np.arange(1000.0)
    for count in range(1, 1000):
        assert (others > cuts_at_fprs(others, [count / 1000])).sum() == count


def test_cut_is_the_lowest_allowed():
    rng = np.random.default_rng(1)
    for _ in range(200):
        others, fpr = rng.integers(0, 9, 50).astype(float), rng.random()
        (cut,) = cuts_at_fprs(others, [fpr])
        assert np.mean(others > cut) <= fpr
        assert np.mean(others >= cut) > fpr


def test_grid_ends_at_the_floor():
    grid = fpr_grid(2000, 20)
    assert grid[0] == 1 / 2000
    assert grid[-1] == 1
    assert len(grid) == 1 + round(20 * np.log10(2000))
    assert not np.isnan(roc(np.zeros(3), np.arange(2000.0), grid).tpr).any()
    assert np.isnan(roc(np.zeros(3), np.arange(2000.0), [0.99 / 2000]).tpr).all()


def _doubles(rng, shape):
    return rng.standard_normal(shape)


SCORES = {
    "apart": _doubles,
    "single precision": lambda rng, shape: _doubles(rng, shape).astype(np.float32).astype(float),
    "tied": lambda rng, shape: np.round(2 * _doubles(rng, shape)) / 4,
    "tied, to the last bit": lambda rng, shape: np.round(2 * _doubles(rng, shape)) / 4 + 1 / 3,
    "one bit apart": lambda rng, shape: np.nextafter(np.round(_doubles(rng, shape)), rng.choice([-9, 0, 9], shape)),
    "around zero": lambda rng, shape: rng.choice([0.0, -0.0, 5e-324, -5e-324, 1e-323, -1e-323, 1.0], shape),
    "infinite": lambda rng, shape: np.where(rng.random(shape) < 0.2, rng.choice([np.inf, -np.inf], shape), 0.5),
    "equal": lambda rng, shape: np.full(shape, rng.choice([0.0, -1.5, 1 / 3])),
}


@pytest.mark.parametrize(("chunk", "few"), [(3, 8), (1 << 16, 2), (1 << 16, 1 << 16)])
@pytest.mark.parametrize("kind", SCORES)
def test_of_one_array_with_who_is_a_member_it_is_the_same(kind, chunk, few, monkeypatch):
    """Of all rows, of each, and without each group of columns: bit by bit what the two lists give."""
    monkeypatch.setattr(roc_module, "CHUNK", chunk)
    monkeypatch.setattr(roc_module, "FEW", few)
    rng = np.random.default_rng(0)
    for _ in range(60):
        scores = SCORES[kind](rng, (rng.integers(1, 5), rng.integers(2, 50)))
        member = rng.random(scores.shape) < 0.4
        member[:, 0], member[:, 1] = True, False
        expected = roc(scores[member], scores[~member], FPRS)
        together, rows = rocs(scores, member, FPRS, FPRS[2:])
        wanted = [roc(row[own], row[~own], FPRS[2:]) for row, own in zip(scores, member, strict=True)]
        group = np.arange(scores.shape[1]) % min(7, scores.shape[1])
        others = rng.permuted(scores)
        without = [roc(scores[:, group != g], others[:, group != g], FPRS) for g in range(group.max() + 1)]
        found = [together, roc_of(scores, member, FPRS), *rows, *rocs_without(scores, others, group, FPRS)]
        for ours, slow in zip(found, [expected, expected, *wanted, *without], strict=True):
            assert ours.auc == slow.auc
            np.testing.assert_array_equal(ours.tpr, slow.tpr)


def test_two_lists_are_sorted_only_where_the_last_bit_could_tell_more(monkeypatch):
    lists = []
    monkeypatch.setattr(roc_module, "roc", lambda *given: lists.append(given))
    rng = np.random.default_rng(0)
    scores, member = rng.standard_normal(999), rng.random(999) < 0.5

    def both_ways(last):
        lists.clear()
        roc_of(np.append(scores, last), np.append(member, ~member[0]), FPRS)
        return bool(lists)

    roc_of(scores, member, FPRS)
    roc_of(np.round(scores), member, FPRS)  # ties, but of scores without a last bit
    assert not lists and not both_ways(np.nextafter(np.nextafter(scores[0], 9), 9))
    monkeypatch.setattr(roc_module, "FEW", 0)
    assert both_ways(scores[0]) and both_ways((scores[:1].view(np.uint64) ^ 1).view(float)[0])
    assert both_ways(np.inf) and both_ways(-np.inf)


@pytest.mark.parametrize("scores", [np.array([[0.0, np.nan, 1.0]]), np.empty((1, 0))])
def test_of_one_array_too_no_scores_or_nan_are_refused(scores):
    member = np.arange(scores.size).reshape(scores.shape) % 2 == 0
    with pytest.raises(ValueError, match="scores"):
        roc_of(scores, member, FPRS)
    with pytest.raises(ValueError, match="scores"):
        rocs(scores, member, FPRS, FPRS)
    with pytest.raises(ValueError, match="scores"):
        roc_of(np.zeros(4), np.ones(4, dtype=bool), FPRS)
