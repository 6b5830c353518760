"""The nearest crossing of a level: exact on linear functions, also where the box is met, and sound on any."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize
from torch import nn

from memdyn.probes import level_search
from memdyn.probes.level_search import NORMS, first_order, nearest_crossing

DUAL = {"l2": lambda w: w.norm(dim=1), "linf": lambda w: w.abs().sum(1)}


def linear(weights, offsets):
    """Each sample with a plane of its own."""
    return lambda x, rows: (x.flatten(1) * weights[rows]).sum(1) - offsets[rows]


def planes(n=40, d=30, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(n, d, generator=draw), torch.randn(n, d, generator=draw), torch.randn(n, generator=draw)


def exact(x, w, offset, norm):
    """The shortest way from x in [0, 1]^d to the plane w z = offset, by a solver; inf where it has none in the box."""
    x, w = x.double().numpy(), w.double().numpy()
    room = list(zip(-x, 1 - x, strict=True))
    gap = float(offset) - w @ x
    if norm == "linf":  # min t, |d| <= t
        d = len(x)
        rows = np.block([[np.eye(d), -np.ones((d, 1))], [-np.eye(d), -np.ones((d, 1))]])
        found = linprog(
            np.append(np.zeros(d), 1), rows, np.zeros(2 * d), np.append(w, 0)[None], [gap], [*room, (0, None)]
        )
        return found.fun if found.success else np.inf
    best = minimize(
        lambda m: m @ m,
        np.zeros(len(x)),
        jac=lambda m: 2 * m,
        bounds=room,
        constraints={"type": "eq", "fun": lambda m: w @ m - gap, "jac": lambda m: w},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    return np.sqrt(best.fun) if best.success else np.inf


@pytest.mark.parametrize("norm", NORMS)
def test_linear_without_a_box(norm):
    x, w, offsets = planes()
    values = (x * w).sum(1) - offsets
    found = nearest_crossing(linear(w, offsets), x, norm, None)
    torch.testing.assert_close(found, values / DUAL[norm](w), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_linear_with_an_active_box(norm, share):
    """Down to or up to this share of what the box allows: from some to most values meet it."""
    x, w, _ = planes(n=30, d=8, seed=1)
    value = (x * w).sum(1)
    lowest, highest = w.clamp(max=0).sum(1), w.clamp(min=0).sum(1)
    up = torch.arange(len(x)) % 2 == 0
    offsets = torch.where(up, value + share * (highest - value), value + share * (lowest - value))
    found = nearest_crossing(linear(w, offsets), x, norm, (0.0, 1.0))
    expected = np.array([exact(*of, norm) for of in zip(x, w, offsets, strict=True)])
    np.testing.assert_allclose(found, np.where(up, -1, 1) * expected, rtol=1e-4)
    free = ((value - offsets).abs() / DUAL[norm](w)).numpy()
    assert (expected > 1.02 * free).mean() > 0.3, "the box is met"


@pytest.mark.parametrize("norm", NORMS)
def test_levels_that_the_box_does_not_hold(norm):
    x, w, _ = planes(n=10)
    beyond = w.clamp(min=0).sum(1) + 0.1
    assert (nearest_crossing(linear(w, beyond), x, norm, (0.0, 1.0)) == -torch.inf).all()
    assert (nearest_crossing(linear(w, -w.clamp(max=0).sum(1) * -1 - 0.1), x, norm, (0.0, 1.0)) == torch.inf).all()


def test_first_order_moves_fall_as_far_as_they_say():
    x, w, _ = planes(n=50, d=20, seed=3)
    most = torch.where(w > 0, w * x, w * (x - 1)).sum(1)  # the box allows
    for norm in NORMS:
        for share in (0.0, 0.2, 0.7, 0.99, 1.0, 1.5):
            moves = first_order(w, share * most, norm, (-x, 1 - x))
            torch.testing.assert_close(-(moves * w).sum(1), min(share, 1.0) * most, rtol=1e-4, atol=1e-5)
            assert ((x + moves >= -1e-6) & (x + moves <= 1 + 1e-6)).all()


def test_flat_functions_are_not_reached():
    flat = nearest_crossing(lambda x, rows: x.sum(1) * 0 + 1, torch.full((3, 4), 0.5), "l2", (0.0, 1.0))
    assert flat.tolist() == [torch.inf] * 3
    at_zero = nearest_crossing(lambda x, rows: x.sum(1) * 0, torch.full((3, 4), 0.5), "l2", (0.0, 1.0))
    assert at_zero.tolist() == [0.0] * 3


def net(seed, d=12):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1)).eval()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), norm=st.sampled_from(NORMS), level=st.floats(-0.4, 0.4))
def test_no_point_leaves_the_box_and_every_distance_is_of_a_crossing(seed, norm, level):
    network, asked = net(seed), []

    def function(x, rows):
        asked.append((x.detach().clone(), rows.clone()))
        return network(x).squeeze(1) - level

    inputs = torch.rand(8, 12, generator=torch.Generator().manual_seed(seed))
    inputs[:, :3] = inputs[:, :3].round()  # some values on the box from the start
    found = nearest_crossing(function, inputs, norm, (0.0, 1.0))
    start = (network(inputs).squeeze(1) - level).detach()
    assert torch.equal(found.sign(), start.sign())
    # the shortest of the points that crossed, by a stricter and by a laxer rule than the search's, for rounding
    strict, lax = torch.full((8,), torch.inf), torch.full((8,), torch.inf)
    for points, rows in asked:
        assert points.min() >= 0 and points.max() <= 1
        values = (network(points).squeeze(1) - level).detach() * start[rows].sign()
        moves = points - inputs[rows]
        length = moves.norm(dim=1) if norm == "l2" else moves.abs().amax(1)
        enough = level_search.TOLERANCE * start[rows].abs()
        for best, slack in ((strict, -1e-6), (lax, 1e-6)):
            best[rows] = torch.minimum(best[rows], torch.where(values <= enough + slack, length, torch.inf))
    assert (found.abs() <= 1.0001 * strict + 1e-6).all() and (found.abs() >= 0.9999 * lax - 1e-6).all()


@pytest.mark.parametrize("norm", NORMS)
def test_a_sample_is_searched_by_itself(norm):
    """Whoever is in the batch, and whenever they are finished."""
    network, inputs = net(3), torch.rand(20, 12, generator=torch.Generator().manual_seed(3))
    w = torch.randn(12, generator=torch.Generator().manual_seed(4))

    def function(x, rows):  # odd rows are linear, and finished at once
        return torch.where(rows % 2 == 1, x @ w - 0.3, network(x).squeeze(1) - 0.1)

    whole = nearest_crossing(function, inputs, norm, (0.0, 1.0))
    for row in range(0, 20, 3):
        alone = nearest_crossing(
            lambda x, rows, row=row: function(x, rows + row), inputs[row : row + 1], norm, (0.0, 1.0)
        )
        torch.testing.assert_close(alone[0], whole[row], rtol=1e-4, atol=1e-6)


def test_finished_samples_are_not_asked_again():
    x, w, offsets = planes()
    asked = []
    plane = linear(w, offsets)
    nearest_crossing(lambda points, rows: asked.append(len(rows)) or plane(points, rows), x, "l2", None)
    assert len(asked) < 2 + 3 + level_search.BISECTIONS and asked[:2] == [40, 40]


def test_unknown_norms_are_refused():
    with pytest.raises(ValueError, match="unknown norm 'l1'; allowed: l2, linf"):
        nearest_crossing(lambda x, rows: x.sum(1), torch.zeros(1, 2), "l1", None)
