"""Distances by labels alone: linear nets in closed form, the search of one sample written out, and what it may see."""

import numpy as np
import pytest
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.models.build import build_model
from memdyn.probes.adversarial_distance import adversarial_distance
from memdyn.probes.boundary_distance import boundary_distance
from memdyn.probes.boundary_search import BISECTIONS, HALVINGS, RADIUS, Schedule, directions, nearest_of_another_label
from memdyn.probes.margins import Margins
from memdyn.probes.unreached import beyond_all
from small_nets import CNN

N, SIDE = 40, 5
NOBODY = torch.zeros(N, dtype=torch.bool)


def images(classes=2, seed=0) -> Samples:
    draw = torch.Generator().manual_seed(seed)
    stored = torch.randint(90, 166, (N, 1, SIDE, SIDE), generator=draw, dtype=torch.uint8)
    one = torch.ones(1, 1, 1, 1)
    return Samples(stored, torch.randint(0, classes, (N,), generator=draw), one / 64, -2 * one)


def rows_of_a_table(seed=0) -> Samples:
    draw = torch.Generator().manual_seed(seed)
    return Samples(
        torch.randn(N, 9, generator=draw),
        torch.randint(0, 2, (N,), generator=draw),
        torch.ones(1, 9),
        torch.zeros(1, 9),
    )


def balanced(network, samples):
    """The net with biases by which no class is the likeliest on the whole."""
    margins = Margins.of(network, samples)
    bias = [parameter for parameter in network.parameters() if parameter.ndim == 1][-1]
    with torch.no_grad():
        bias -= margins.logits(margins.inputs()).quantile(0.5, dim=0)
    return network


def net(name, samples, classes=2, seed=0) -> nn.Module:
    torch.manual_seed(seed)
    options = {
        "logistic": {"name": "logistic"},
        "mlp": {"name": "mlp", "hidden": [16, 8], "activation": "gelu"},
        "cnn": CNN,
    }[name]
    return balanced(build_model(options, tuple(samples.samples.shape[1:]), classes), samples)


def labelled(network, samples, wrong=5) -> Samples:
    """With the net's own labels, but for some."""
    margins = Margins.of(network, samples)
    with torch.no_grad():
        labels = margins.logits(margins.inputs()).argmax(1)
        labels[:wrong] = (labels[:wrong] + 1) % margins.logits(margins.inputs()).shape[1]
    return Samples(samples.samples, labels, samples.scale, samples.offset)


def found(network, samples, queries=1000, batch=17):
    return boundary_distance(network, samples, NOBODY, batch, query_budget=queries)["boundary_distance"]


@pytest.mark.parametrize("made", [images, rows_of_a_table])
def test_a_logistic_net_has_a_closed_form(made):
    """|z_1 - z_0| over the norm of the weights' difference; never less, and with more queries as near as one likes."""
    samples = made()
    network = net("logistic", samples)
    samples = labelled(network, samples)
    margins = Margins.of(network, samples)
    weights = next(p for p in network.parameters() if p.ndim == 2).detach()
    unit = 255 / 64 if margins.is_image else 1.0
    gap = margins.gap(margins.inputs(), samples.labels).detach().float()
    exact = gap.clamp(min=0) / (unit * (weights[1] - weights[0]).norm())
    right = gap > 0
    previous = torch.inf
    for queries, most in ((200, 2.0), (1000, 1.15), (5000, 1.03)):
        distance = found(network, samples, queries)
        assert (distance[~right] == 0).all() and (~right).sum() == 5
        ratio = distance[right] / exact[right]
        assert (ratio > 1 - 1e-3).all(), "rounding apart it is an upper bound"
        assert ratio.median() < min(most, previous)
        previous = ratio.median()
    assert np.corrcoef(distance[right], exact[right])[0, 1] > 0.99


@pytest.mark.parametrize(("name", "classes"), [("mlp", 3), ("cnn", 4)])
def test_it_is_hardly_ever_below_the_search_by_the_weights(name, classes):
    """Both are upper bounds of one distance; gradients find a nearer one, or the same."""
    samples = images(classes)
    network = net(name, samples, classes, seed=3)
    samples = labelled(network, samples)
    by_labels = found(network, samples, 2500)
    by_weights = adversarial_distance(network, samples, NOBODY, 17)["adversarial_distance"]
    right = by_weights > 0
    assert torch.equal(right, by_labels > 0) and right.sum() == N - 5
    ratio = (by_labels / by_weights)[right]
    assert (ratio > 0.98).float().mean() > 0.9 and 0.99 < ratio.median() < 1.3


def slow(label_at, x, start, box, queries):
    """The search of one input, one query at a time, in float64: algorithm 2 of HopSkipJump as its docstring has it."""
    asked = 0

    def differs(point):
        nonlocal asked
        asked += 1
        return label_at(point) != own

    def bisected(far):
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            if differs(x + middle * (far - x)):
                high = middle
            else:
                low = middle
        return x + high * (far - x)

    def clipped(point):
        return np.clip(point, *box) if box else point

    own = label_at(x)
    near = bisected(start)
    for step, count in enumerate(Schedule.of(queries).points, start=1):
        length = np.linalg.norm(near - x)
        points = [clipped(near + RADIUS * length * u.double().numpy()) for u in directions(step, count, len(x))]
        votes = np.array([1 if differs(point) else -1 for point in points])
        centred = votes if abs(votes.mean()) == 1 else votes - votes.mean()
        normal = sum(vote * (point - near) for vote, point in zip(centred, points, strict=True))
        normal /= np.linalg.norm(normal)
        size = length / np.sqrt(step)
        for _ in range(HALVINGS):
            tried = clipped(near + size * normal)
            if differs(tried):
                ended = bisected(tried)
                if np.linalg.norm(ended - x) < length:
                    near = ended
                break
            size /= 2
    assert asked <= queries
    return np.linalg.norm(near - x)


@pytest.mark.parametrize("box", [None, (0.0, 1.0)])
def test_it_is_the_search_of_one_input_after_the_other(box):
    """Of a bent edge, whose box is met where there is one."""
    rng = np.random.default_rng(0)
    inputs, starts = rng.random((12, 6)), rng.random((12, 6))
    w = rng.normal(size=6)

    def label(points):
        return np.sin(3 * points @ w) + (points**2).sum(-1) > 2

    starts = np.array([next(s for s in starts if label(s) != label(x)) for x in inputs])
    own = torch.tensor(label(inputs))
    fast = nearest_of_another_label(
        lambda points, rows: torch.tensor(label(points.double().numpy())) != own[rows],
        torch.tensor(inputs).float(),
        torch.tensor(starts).float(),
        box,
        400,
        7,
    )
    expected = [slow(label, x, start, box, 400) for x, start in zip(inputs, starts, strict=True)]
    # a decision within a rounding of the edge sends one of them another way
    assert (np.abs(fast.numpy() / expected - 1) < 1e-3).mean() > 0.9


class Loud(nn.Module):
    """Of a net nothing but its labels; it counts, and it refuses to be differentiated."""

    def __init__(self, network):
        super().__init__()
        self.network, self.sizes, self.lowest, self.highest = network, [], np.inf, -np.inf

    def forward(self, inputs):
        assert not torch.is_grad_enabled()
        self.sizes.append(len(inputs))
        self.lowest, self.highest = min(self.lowest, float(inputs.min())), max(self.highest, float(inputs.max()))
        logits = self.network(inputs)
        return nn.functional.one_hot(logits.argmax(1), logits.shape[1]).float()


def test_labels_are_all_it_sees_within_its_budget_and_the_box():
    samples = images(3)
    network = net("mlp", samples, 3, seed=3)
    samples = labelled(network, samples)
    plain, loud = found(network, samples, 300), Loud(network)
    assert torch.equal(found(loud, samples, 300), plain)
    assert sum(loud.sizes) <= N + 300 * (N - 5) and max(loud.sizes) <= 17, "of points at once there is a batch"
    assert loud.lowest >= -2 - 1e-5 and loud.highest <= 255 / 64 - 2 + 1e-5
    assert sum(loud.sizes) > 200 * (N - 5)


def test_neither_the_batch_nor_members_nor_other_draws_change_it():
    """A restarted job has the same bits; another batch may round otherwise."""
    samples = images(3)
    network = net("cnn", samples, 3, seed=3)
    samples = labelled(network, samples)
    first, state = found(network, samples, 300), torch.get_rng_state()
    torch.rand(7)
    again = boundary_distance(network.train(), samples, ~NOBODY, 17, query_budget=300)["boundary_distance"]
    assert again.numpy().tobytes() == first.numpy().tobytes() and first.dtype == torch.float32
    torch.set_rng_state(state)
    found(network, samples, 100)
    assert torch.equal(torch.get_rng_state(), state)
    assert (torch.isclose(found(network, samples, 300, batch=5), first, rtol=1e-3)).float().mean() > 0.8


def test_a_net_of_one_label_has_two_distances():
    """Nobody has another label, so that no search can start: those that are right lie beyond those that are wrong."""
    samples = images()
    network = net("logistic", samples)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    distance = found(network, samples)
    assert torch.equal(distance, (samples.labels == 0).float())


def test_what_was_not_reached_lies_beyond_all_that_was():
    distance = torch.tensor([0.5, torch.inf, -0.75, -torch.inf, 0.0, torch.inf])
    further = torch.tensor([9.0, 2.0, 9.0, 0.5, 9.0, 0.0])
    assert beyond_all(distance, further).tolist() == [0.5, 3.75, -0.75, -2.25, 0.0, 1.75]


@pytest.mark.parametrize("queries", [100, 101, 150, 1000, 2500, 12345])
def test_a_schedule_keeps_its_budget(queries):
    points = Schedule.of(queries).points
    worst = BISECTIONS + sum(points) + len(points) * (BISECTIONS + HALVINGS)
    assert 0.9 * queries - len(points) < worst <= queries and min(points) >= 1
    assert list(points) == sorted(points)


def test_too_few_queries_are_refused():
    with pytest.raises(ValueError, match="queries = 99; allowed: at least 100"):
        found(net("logistic", images()), images(), 99)
