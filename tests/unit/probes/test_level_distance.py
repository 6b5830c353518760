"""Distances, slopes and curvature of networks: closed forms, signs, units, and what may not matter."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from memdyn.compute.samples import Samples
from memdyn.models.build import build_model
from memdyn.probes.input_gradient import input_curvature, margin_gradient
from memdyn.probes.level_distance import level_distance
from memdyn.probes.margins import Margins

N, SIDE = 24, 6
SCALE, OFFSET = 1 / 64, -1.5  # of a stored pixel: a unit of a pixel in [0, 1] is 255 / 64 of the network's input
LOGIT_9 = float(np.log(9))


def images(n=N, classes=2, seed=0) -> Samples:
    draw = torch.Generator().manual_seed(seed)
    stored = torch.randint(60, 196, (n, 1, SIDE, SIDE), generator=draw, dtype=torch.uint8)
    one = torch.ones(1, 1, 1, 1)
    return Samples(stored, torch.randint(0, classes, (n,), generator=draw), SCALE * one, OFFSET * one)


def rows_of_a_table(n=N, seed=0) -> Samples:
    draw = torch.Generator().manual_seed(seed)
    return Samples(
        torch.randn(n, 9, generator=draw),
        torch.randint(0, 2, (n,), generator=draw),
        torch.ones(1, 9),
        torch.zeros(1, 9),
    )


def network(name, classes=2, seed=0, shape=(1, SIDE, SIDE)):
    torch.manual_seed(seed)
    options = {
        "logistic": {"name": "logistic"},
        "mlp": {"name": "mlp", "hidden": [16, 8], "activation": "relu"},
        "cnn": {"name": "cnn", "layers": 2, "width": 4, "strided": True, "hidden": 8, "norm": "batch"},
    }[name]
    return build_model(options, shape, classes).requires_grad_(True)


def distances(net, samples, levels, norm="l2", members=None, batch=7, known=5):
    members = torch.arange(len(samples)) % 2 == 0 if members is None else members
    return level_distance(net, samples, members, batch, known=known, levels=levels, norms=[norm])


def slope(net):
    """Of a logistic net's margin for class 1 against class 0, per stored unit of the network's input."""
    weights = next(p for p in net.parameters() if p.ndim == 2)
    return (weights[1] - weights[0]).detach()


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("samples", [images(), rows_of_a_table()], ids=["images", "table"])
def test_a_logistic_net_has_a_closed_form(samples, norm):
    shape = samples.samples.shape[1:]
    net = network("logistic", shape=tuple(shape))
    margins = Margins.of(net, samples)
    phi = margins.margin(margins.inputs(), samples.labels).detach()
    unit = 255 * SCALE if margins.is_image else 1.0
    dual = slope(net).norm() if norm == "l2" else slope(net).abs().sum()
    members = torch.arange(N) % 2 == 0
    found = distances(net, samples, ["q0.5", "p0.6", "p0.4", "gap"], norm, members)
    heights = [phi[:10][members[:10]].quantile(0.5), np.log(1.5), -np.log(1.5), 0.0]
    for level, height in enumerate(heights):
        excess = (phi - height).float()
        torch.testing.assert_close(found["level_excess"][:, level], excess, rtol=1e-4, atol=1e-6)
        one = found[f"level_distance_{norm}"][:, level]
        torch.testing.assert_close(one, excess / (unit * dual.float()), rtol=1e-4, atol=1e-6)
        assert torch.equal(one.sign(), excess.sign())
    # to first order is exact here
    slopes = margin_gradient(net, samples, members, 7)[f"margin_gradient_{'l2' if norm == 'l2' else 'l1'}"]
    torch.testing.assert_close(slopes, (unit * dual.float()).expand(N), rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_the_batch_and_the_membership_of_others_do_not_matter(name):
    """Known members fix the quantile; who else is a member, and who passes with whom, changes nothing."""
    net, samples = network(name, 3), images(classes=3)
    members = torch.arange(N) % 2 == 0
    found = distances(net, samples, ["q0.9", "gap"], members=members, batch=N)
    shuffled = torch.cat([members[:10], ~members[10:]])
    again = distances(net.train(), samples, ["q0.9", "gap"], members=shuffled, batch=5)
    for signal, values in found.items():
        torch.testing.assert_close(again[signal], values, rtol=1e-3, atol=1e-5)
    other = distances(net, samples, ["q0.9", "gap"], members=~members, batch=N)
    assert not torch.allclose(other["level_excess"][:, 0], found["level_excess"][:, 0], atol=1e-4)
    assert torch.equal(other["level_excess"][:, 1], found["level_excess"][:, 1])


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    low=st.floats(0.05, 0.9),
    more=st.floats(0.01, 0.09),
    norm=st.sampled_from(["l2", "linf"]),
)
def test_a_higher_level_is_further_up(seed, low, more, norm):
    """D falls as tau rises; a logistic net's distances are exact, so theirs do strictly."""
    levels = [f"p{low:.6f}", f"p{low + more:.6f}"]
    lower, higher = distances(network("logistic", 2, seed), images(12, 2, seed), levels, norm)[
        f"level_distance_{norm}"
    ].T
    assert ((higher < lower) | ~lower.isfinite()).all() and (
        higher[~lower.isfinite() & (lower < 0)] == -torch.inf
    ).all()


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_a_higher_level_of_a_bent_net_is_further_up_but_for_what_the_search_misses(norm):
    levels = [f"p0.{k}" for k in range(2, 9)]
    found = torch.cat(
        [
            distances(network("mlp", 3, seed), images(N, 3, seed), levels, norm)[f"level_distance_{norm}"]
            for seed in range(2)
        ]
    )
    lower, higher = found[:, :-1], found[:, 1:]
    too_high = higher > lower + 0.02 * torch.minimum(lower.abs(), higher.abs()).nan_to_num(posinf=0.0)
    assert too_high.float().mean() < 0.02


def test_the_signs_say_on_which_side_of_the_level_a_sample_is():
    net, samples = network("cnn", 3), images(classes=3)
    found = distances(net, samples, ["p0.3", "p0.4", "gap"])
    margins = Margins.of(net, samples)
    p = torch.sigmoid(margins.margin(margins.inputs(), samples.labels)).detach()
    correct = margins.logits(margins.inputs()).argmax(1) == samples.labels
    assert torch.equal(found["level_distance_l2"] > 0, torch.stack([p > 0.3, p > 0.4, correct], dim=1))


def test_known_samples_without_a_member_have_no_quantile():
    with pytest.raises(ValueError, match="level q0.5: the attacker knows no member"):
        distances(network("mlp"), images(), ["q0.5"], members=torch.zeros(N, dtype=torch.bool))


def test_slopes_of_nets_that_have_nearly_diverged_are_finite():
    """Whose squares are not."""
    net, samples = network("logistic"), images()
    before = margin_gradient(net, samples, torch.zeros(N), 7)
    with torch.no_grad():
        for weights in net.parameters():
            weights *= 1e25
    after = margin_gradient(net, samples, torch.zeros(N), 7)
    for name, values in after.items():
        torch.testing.assert_close(values / 1e25, before[name], rtol=1e-4, atol=1e-4)


def test_slopes_are_those_of_one_sample_at_a_time():
    net, samples = network("cnn", 3), images(classes=3)
    found = margin_gradient(net, samples, torch.zeros(N), 7)
    margins = Margins.of(net, samples)
    for row in range(0, N, 5):
        x = margins.inputs(slice(row, row + 1)).requires_grad_()
        z = margins.logits(x)[0]
        others = torch.cat([z[: samples.labels[row]], z[samples.labels[row] + 1 :]])
        (gradient,) = torch.autograd.grad(z[samples.labels[row]] - others.logsumexp(0), x)
        torch.testing.assert_close(found["margin_gradient_l2"][row], gradient.norm(), rtol=1e-4, atol=0)
        torch.testing.assert_close(found["margin_gradient_l1"][row], gradient.abs().sum(), rtol=1e-4, atol=0)


class Bent(nn.Module):
    """Two logits with a known Hessian: z_1 - z_0 = a x + x B x / 2, B symmetric."""

    def __init__(self, d, seed=0):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        b = torch.randn(d, d, generator=draw) / d
        self.a, self.b = nn.Parameter(torch.randn(d, generator=draw)), nn.Parameter(b + b.T)

    def forward(self, x):
        phi = x @ self.a + ((x @ self.b) * x).sum(1) / 2
        return torch.stack([torch.zeros_like(phi), phi], dim=1)


def test_the_curvature_is_the_trace_of_the_hessian():
    samples = rows_of_a_table(60)
    net = Bent(9)
    x, y = samples.samples, 2.0 * samples.labels - 1
    with torch.no_grad():
        phi = y * (x @ net.a + ((x @ net.b) * x).sum(1) / 2)
        gradient, p = net.a + x @ net.b, torch.sigmoid(-phi)
        trace = p * (1 - p) * gradient.square().sum(1) - p * y * net.b.trace()
        # var of v H v over random signs: 2 * the sum of squares off the diagonal
        hessian = (p * (1 - p))[:, None, None] * gradient[:, :, None] * gradient[:, None] - (p * y)[
            :, None, None
        ] * net.b
        off = hessian.square().sum((1, 2)) - torch.diagonal(hessian, dim1=1, dim2=2).square().sum(1)
    found = input_curvature(net, samples, torch.zeros(60), 31, draws=100)["input_curvature"]
    z = (found - trace) / (2 * off / 100).sqrt()
    assert z.abs().max() < 4.5 and abs(float(z.mean())) < 3.5 / 60**0.5 and 0.75 < float(z.std()) < 1.3
    assert torch.equal(input_curvature(net, samples, torch.zeros(60), 60, draws=3)["input_curvature"],
                       input_curvature(net, samples, torch.ones(60), 60, draws=3)["input_curvature"])  # fmt: skip


def test_the_curvature_of_a_relu_net_is_that_of_its_loss():
    """Whose logits are piecewise linear: p (1 - p) times the squared slope, for two classes."""
    net, samples = network("mlp"), images()
    margins = Margins.of(net, samples)
    phi = margins.margin(margins.inputs(), samples.labels).detach()
    slopes = margin_gradient(net, samples, torch.zeros(N), N)["margin_gradient_l2"]
    trace = torch.sigmoid(phi) * torch.sigmoid(-phi) * slopes.double().square()
    found = input_curvature(net, samples, torch.zeros(N), N, draws=100)["input_curvature"].double()
    torch.testing.assert_close(found.mean(), trace.mean(), rtol=0.15, atol=0)
    assert np.corrcoef(found, trace)[0, 1] > 0.9 and F.softplus(-phi).min() > 0
