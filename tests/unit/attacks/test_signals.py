"""Several signals at a time: what holds for the margin holds for each, whatever it has per sample."""

from dataclasses import replace

import numpy as np
import pytest

from memdyn.attacks.base import Prepared
from memdyn.attacks.evaluate import Settings, evaluate_checkpoint, swaps
from memdyn.attacks.signals import Signals, Values
from memdyn.stats.roc import roc
from signal_attacks import ATTACKS, OnLogits, write_files
from worlds import complementary_mask

SHAPES = {"margin": (), "margin_views": (2,), "logits": (5,), "logits_views_history": (3, 2, 5)}


def world(n_models=8, n_samples=9, n_population=4, dtype=np.float32):
    rng = np.random.default_rng(0)
    arrays, population = (
        Values(
            {name: rng.normal(size=(n_models, n, *shape)).astype(dtype) for name, shape in SHAPES.items()},
            np.arange(n) % 5,
            (0, 1, 4),
        )
        for n in (n_samples, n_population)
    )
    return arrays, population, complementary_mask(rng, n_models, n_samples)


def test_take_swap_split_and_join_are_the_same_for_every_array():
    signals, pairs = Signals.of(*world()), np.array([3, 1])
    part = signals.take(pairs)
    flips = np.random.default_rng(1).random((4, 9)) < 0.5
    swapped = signals.swap(flips)
    assert swapped.arrays is signals.arrays and swapped.population is signals.population
    for name, array in signals.arrays.items():
        np.testing.assert_array_equal(part.arrays[name], array[[6, 7, 2, 3]])
        np.testing.assert_array_equal(part.population[name], signals.population[name][[6, 7, 2, 3]])
        inside, outside = signals.split(array)
        for pair, sample in np.ndindex(4, 9):
            first = 2 * pair + (not signals.mask[2 * pair, sample])
            np.testing.assert_array_equal(inside[pair, sample], array[first, sample])
            np.testing.assert_array_equal(outside[pair, sample], array[first ^ 1, sample])
        np.testing.assert_array_equal(signals.join(inside, outside), array)
        wider = flips.reshape(*flips.shape, *[1] * (array.ndim - 2))
        np.testing.assert_array_equal(swapped.split(array)[0], np.where(wider, outside, inside))
    assert part.pairs.numbers.tolist() == [3, 1] and part.half.tolist() == [1, 1]
    np.testing.assert_array_equal(part.arrays.labels, signals.arrays.labels)
    assert part.arrays.checkpoints == (0, 1, 4)


def test_what_is_float64_already_is_not_copied():
    arrays, population, mask = world(dtype=np.float64)
    signals = Signals.of(arrays, population, mask)
    assert all(signals.arrays[name] is array for name, array in arrays.items())
    assert all(array.dtype == np.float64 for array in Signals.of(*world(dtype=np.float16)).arrays.values())
    assert signals.map(lambda values: values) is signals
    kept = signals.map(lambda values: {"margin": values["margin"]})
    assert kept.margins is signals.margins and list(kept.arrays) == list(kept.population) == ["margin"]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda array: array[:, :-1], "must have the same even number of models, and .* and mask the same samples"),
        (lambda array: array[:-2], "must have the same even number of models"),
        (lambda array: np.where(np.arange(array.size).reshape(array.shape) == 7, np.nan, array), "must be finite"),
        (lambda array: np.where(np.arange(array.size).reshape(array.shape) == 7, -np.inf, array), "must be finite"),
    ],
)
def test_each_array_is_checked(name, change, message):
    arrays, population, mask = world()
    bad = replace(arrays, arrays=arrays.arrays | {name: change(arrays[name])})
    with pytest.raises(ValueError, match=f"{name} .*{message}|{name} {message}"):
        Signals.of(bad, population, mask)
    if "finite" in message:
        bad = replace(population, arrays=population.arrays | {name: change(population[name])})
        with pytest.raises(ValueError, match=f"{name} must be finite"):
            Signals.of(arrays, bad, mask)


def test_samples_and_population_have_the_same_signals():
    arrays, population, mask = world()
    less = replace(population, arrays={"margin": population["margin"]})
    with pytest.raises(ValueError, match=r"population \(margin\) must have the same signals"):
        Signals.of(arrays, less, mask)
    other = replace(population, arrays=population.arrays | {"logits": population["logits"][..., :2]})
    with pytest.raises(ValueError, match="logits"):
        Signals.of(arrays, other, mask)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda values: {}, "got none"),
        (lambda values: {"a": values["margin"].T}, r"got a \(9, 8\)"),
        (lambda values: {"a": values["margin"].mean()}, r"got a \(\)"),
        (lambda values: {"a": np.log(values["margin"] * 0 - 1)}, "NaN in 'a'"),
        (lambda values: {"a": values["margin"].argsort(axis=1)}, "'a' of one changes"),
        (lambda values: {"a": values["margin"] / values["logits"].std()}, "'a' of one changes"),
        (lambda values: {"a": values["margin"] + values["margin"].shape[0]}, "'a' of one changes"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_prepare_returns_is_checked(prepare, message):
    with pytest.raises(ValueError, match=message):
        Signals.of(*world()).map(prepare)


@pytest.mark.parametrize(
    "prepare",
    [
        lambda values: {"a": np.where(values["margin"] > 0, -np.inf, 1.0)},
        lambda values: {"a": values["logits"].astype(np.float32) @ np.linspace(-1, 1, 5, dtype=np.float32)},
        lambda values: {"a": np.log(np.exp(1e-9 * values["margin"]))},
        lambda values: {"a": values["logits"].argsort(axis=2), "b": values["margin"] > 0},
        lambda values: {"a": values["margin"] + values.labels},
        lambda values: {"a": np.zeros(values.shape)},
    ],
)
def test_what_depends_on_one_sample_alone_is_taken(prepare):
    made = Signals.of(*world()).map(prepare)
    assert made.arrays["a"].shape[:2] == (8, 9) and made.population["a"].shape[:2] == (8, 4)


def test_a_signal_that_was_not_asked_for_is_told():
    with pytest.raises(KeyError, match="no signal 'entropy'; an attack gets what its `reads` names: margin,"):
        Signals.of(*world()).map(lambda values: {"a": values["entropy"]})


def test_nobody_can_prepare_by_membership():
    """What `prepare` gets has no mask: the null exchanges memberships after it."""
    signals = Signals.of(*world())
    seen = []
    signals.map(lambda values: seen.append(set(vars(values))) or {"a": values["margin"]})
    assert {name for names in seen for name in names} == {"arrays", "labels", "checkpoints", "features"}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_without_an_effect_the_auc_is_one_half(attack, tmp_path):
    """Per model, over worlds and random exchanges of membership; with an effect it is above."""
    aucs, raised = [], []
    for seed in range(30):
        for effect, found in ((0.0, aucs), (1.0, raised)):
            signals = write_files(tmp_path / f"{seed}-{effect}", seed=seed, effect=effect).whole(attack, "scored", 5)
            if not effect:
                signals = signals.swap(swaps(signals.mask, seed, 0))
            scores = attack.score(signals, "pairs")
            each = [roc(row[mask], row[~mask], (0.1,)).auc for row, mask in zip(scores, signals.mask, strict=True)]
            found.append(np.mean(each))
    assert np.mean(aucs) == pytest.approx(0.5, abs=4 * np.std(aucs) / np.sqrt(len(aucs)))
    assert np.std(aucs) < 0.05 and np.mean(raised) > 0.6


def test_a_checkpoint_is_evaluated_with_its_refits(tmp_path):
    """Tables of an attack on logits: the estimate is that of its scores, and the null is at 1/2."""
    attack, files = OnLogits(), write_files(tmp_path)
    settings = Settings(0.95, 4, 3, 11, (0.1,), (0.1,), 4)
    tables = evaluate_checkpoint(attack, files.scores.prepared(attack, "scored", 5), settings)
    whole = files.whole(attack, "scored", 5)
    pooled = tables["metrics"].set_index("aggregation").loc["pooled"]
    assert pooled["auc"] == roc(*whole.split(attack.score(whole, "pairs")), (0.1,)).auc
    kept = whole.take(np.flatnonzero(whole.pairs.groups(4) != 2))
    deleted = tables["replicates"].query("aggregation == 'pooled' and metric == 'auc' and group == 2")["value"].item()
    assert deleted == roc(*kept.split(attack.score(kept, "pairs")), (0.1,)).auc
    null = tables["null"].query("aggregation == 'per_model'")["auc"]
    assert null.mean() == pytest.approx(0.5, abs=4 * null.std() / np.sqrt(len(null)))


def test_an_attack_whose_scores_have_another_shape_is_refused(tmp_path):
    class Wrong(OnLogits):
        def score_prepared(self, signals, folds):
            return signals.arrays["value"][:, 0]

    files = write_files(tmp_path)
    given = Prepared.of(Wrong(), files.whole(Wrong(), "scored", 5))
    settings = Settings(0.95, 4, 3, 11, (0.1,), (0.1,), 4)
    with pytest.raises(ValueError, match=r"scores must be \[models, samples\] \(16, 40\) without NaN, got \(16,\)"):
        evaluate_checkpoint(Wrong(), given, settings)
