"""Difficulty measures against their definitions written out, and what the stored signals can and cannot tell."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import optimize

from dynamic_worlds import dynamic_world
from memdyn.dynamics.baselines import BASELINES, Baselines, Quartiles
from memdyn.dynamics.difficulty import HARDER, Forgetting, LearningEpoch, difficulty
from memdyn.probes.outputs import SIGNALS, signals


def stored(p: np.ndarray) -> dict[str, float]:
    """The signals of a sample of class 0 with these probabilities."""
    found = signals(torch.tensor(np.log(p))[None], torch.tensor([0]))
    return {name: float(value) for name, value in found.items()}


def test_stored_signals():
    assert tuple(signals(torch.zeros(1, 3), torch.tensor([0]))) == SIGNALS
    p = np.random.default_rng(0).dirichlet(np.ones(10))
    assert stored(p)["el2n"] == pytest.approx(np.linalg.norm(p - np.eye(10)[0]), rel=1e-6)
    sure = signals(torch.tensor([[40.0, 0.0, 0.0]]), torch.tensor([0]))["el2n"]
    assert float(sure) == pytest.approx(np.exp(-40) * np.sqrt(6), rel=1e-5), "1 - p_y does not vanish"


def test_el2n_is_no_function_of_the_other_signals_from_six_classes_on():
    rest = np.array([0.2, 0.15, 0.04, 0.01])  # four classes, of which the stored signals fix three sums

    def sums(rest):
        return np.array([rest.sum(), (rest * np.log(rest)).sum(), (rest * np.log1p(-rest)).sum()])

    def error(others):
        return 1e3 * (sums(np.array([0.21, *others])) - sums(rest))

    moved = np.array([0.21, *optimize.least_squares(error, rest[1:], bounds=(1e-6, 0.3), ftol=1e-15, xtol=1e-15).x])
    a, b = (stored(np.array([0.3, 0.3, *part])) for part in (rest, moved))
    for name in ("margin", "gap", "entropy", "modified_entropy"):
        assert a[name] == pytest.approx(b[name], abs=1e-6), "equal in float32"
    # A small difference: modified entropy nearly is the sum of squares. Yet no function of the four is exact.
    assert 5e-5 < abs(a["el2n"] - b["el2n"]) < 1e-3


def test_el2n_of_three_classes_follows_from_margin_and_gap():
    p = np.array([0.5, 0.4, 0.1])
    found = stored(p)
    p_true = 1 / (1 + np.exp(-found["margin"]))
    p_top = p_true * np.exp(-found["gap"])
    assert found["el2n"] == pytest.approx(np.linalg.norm([1 - p_true, p_top, 1 - p_true - p_top]), rel=1e-5)


def noisy_world(epochs: list[int]):
    rng = np.random.default_rng(1)
    shape = (len(epochs), 12)
    mean = 0.6 * np.arange(shape[0])[:, None] - 1 - rng.normal(size=shape[1])
    return dynamic_world(2, 8, np.full(shape, 0.8), mean, epochs=epochs)


def by_hand(world, model: int, sample: int, early: float) -> dict[str, float]:
    """The measures of one model and sample, from their definitions."""
    epochs = [epoch for epoch in world.epochs if epoch > 0]
    margin = [float(world.signal(epoch, "margin")[model, sample]) for epoch in epochs]
    correct = [m > 0 for m in margin]
    p = [1 / (1 + np.exp(-m)) for m in margin]
    per_epoch, previous = [], 0
    for k, epoch in enumerate(epochs):  # a checkpoint stands for every epoch since the last
        per_epoch += [k] * (epoch - previous)
        previous = epoch
    lasting = [epoch for k, epoch in enumerate(epochs) if all(correct[k:])]
    el2n_epoch = min(epoch for epoch in epochs if epoch >= early * epochs[-1])
    return {
        "learning_epoch": min(lasting, default=epochs[-1] + 1),
        "forgetting": sum(a and not b for a, b in pairwise(correct)) if any(correct) else len(epochs),
        "aum": np.mean([margin[k] for k in per_epoch]),
        "el2n": np.sqrt(2) * (1 - p[epochs.index(el2n_epoch)]),
        "confidence": np.mean([p[k] for k in per_epoch]),
        "variability": np.std([p[k] for k in per_epoch]),
        "loss": -np.log(p[-1]),
        "c_score": float(correct[-1]),
        "memorisation": float(correct[-1]),
    }


@pytest.mark.parametrize("epochs", [[0, 1, 2, 3, 4], [0, 1, 2, 5, 9], [1, 4, 6]], ids=str)
def test_measures_are_their_definitions(epochs):
    world = noisy_world(epochs)
    found = difficulty(world, 0.3)
    mask = world.masks[:, world.parts["scored"]]
    assert set(found.values) == {
        *((name, models) for name in list(HARDER)[:6] for models in ("in", "out")),
        ("loss", "out"),
        ("c_score", "out"),
        ("memorisation", "in-out"),
    }
    table = found.table()
    for sample in range(12):
        values = [by_hand(world, model, sample, 0.3) for model in range(8)]
        for name, models in found.values:
            every = np.array([value[name] for value in values])
            inside, outside = every[mask[:, sample]].mean(), every[~mask[:, sample]].mean()
            expected = {"in": inside, "out": outside, "in-out": inside - outside}[models]
            assert table.loc[sample, f"{name}_{models}"] == pytest.approx(expected, rel=1e-4, abs=1e-6), (name, models)


def test_untrained_checkpoints_do_not_count():
    first, second = (difficulty(noisy_world(epochs), 0.3) for epochs in ([0, 1, 2, 3], [1, 2, 3]))
    world = noisy_world([0, 1, 2, 3])
    later = type(world)(world.epochs[1:], world.margins[1:], world.masks, world.parts)
    assert second.values.keys() == first.values.keys()
    for key, values in difficulty(later, 0.3).values.items():
        np.testing.assert_array_equal(values, first.values[key])
    assert not difficulty(noisy_world([0]), 0.3).values and not len(difficulty(noisy_world([0]), 0.3).table())


def test_learning_and_forgetting_of_chosen_traces():
    traces = np.array([[1, 1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1]], dtype=bool)
    learning, forgetting = LearningEpoch((5,)), Forgetting((5,))
    for epoch, correct in zip([1, 2, 4, 8], traces.T, strict=True):
        learning.add(epoch, correct)
        forgetting.add(correct)
    assert learning.value().tolist() == [1, 4, 9, 9, 8]
    assert forgetting.value().tolist() == [0, 0, 2, 4, 1]


MEASURES = ("grand", "prediction_depth")


def test_measures_from_elsewhere_are_of_in_and_out_models_too():
    world = noisy_world([0, 1])
    mask = world.masks[:, world.parts["scored"]]
    measured = {name: np.random.default_rng(k).random(mask.shape) for k, name in enumerate(MEASURES)}
    found, more = difficulty(world, 0.3), difficulty(world, 0.3, measured)
    assert set(more.values) - set(found.values) == {(name, models) for name in MEASURES for models in ("in", "out")}
    assert set(MEASURES) <= set(HARDER) and more.harder["grand"] == 1
    for name, values in measured.items():
        outside = np.ma.masked_array(values, mask).mean(axis=0)
        np.testing.assert_allclose(more.table()[f"{name}_out"], outside, rtol=1e-5)
    own = difficulty(world, 0.3, {"mine": measured["grand"]}, {"mine": -1})
    np.testing.assert_array_equal(own.table()["mine_out"], more.table()["grand_out"])
    assert own.harder == HARDER | {"mine": -1}
    with pytest.raises(ValueError, match="one shape"):
        difficulty(world, 0.3, {"grand": np.ones((2, 2))})


def test_quartiles_of_a_growing_trace():
    values = np.random.default_rng(3).normal(size=(7, 2, 5)).astype(np.float32)
    trace = Quartiles((2, 5), 7)
    for t, value in enumerate(values):
        trace.add(value)
        expected = np.subtract(*np.percentile(values[: t + 1], [75, 25], axis=0))
        np.testing.assert_allclose(trace.range(), expected, atol=1e-6)


def test_baselines_are_their_definitions():
    rng = np.random.default_rng(4)
    margins = rng.normal(size=(4, 3, 6)).astype(np.float32)
    baselines = Baselines((3, 6), 4)
    for epoch, margin in enumerate(margins):
        found = baselines.add(epoch, margin, margin > 0, 1 / (1 + np.exp(margin)))
    assert tuple(found) == BASELINES
    losses, correct = np.log1p(np.exp(-margins)), margins > 0
    np.testing.assert_allclose(found["loss"], losses[-1], rtol=1e-5)
    np.testing.assert_array_equal(found["margin"], -margins[-1])
    np.testing.assert_allclose(found["lt_iqr"], np.subtract(*np.percentile(losses[1:], [75, 25], axis=0)), atol=1e-6)
    events = (correct[1:-1] & ~correct[2:]).sum(axis=0)
    np.testing.assert_array_equal(found["forgetting"], np.where(correct[1:].any(axis=0), events, 3))
