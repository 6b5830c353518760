"""AVG and POW: against a slow re-derivation, on losses of known law, on noise; who is known, and who is judged."""

import numpy as np
import pytest
from scipy.stats import norm

from memdyn.attacks.known import STEPS, KnownSamples, advantages, power_threshold
from worlds import complementary_mask


def world(seed, n_models=8, n_samples=600, shift=1.0):
    """Losses N(0, 1) of members and N(shift, 1) of others."""
    rng = np.random.default_rng(seed)
    mask = complementary_mask(rng, n_models, n_samples)
    return rng.normal(size=mask.shape) + shift * ~mask, mask


def slowly(losses, mask, known):
    """The definitions, read aloud: every model, draw, threshold and sample by itself."""
    found = {"avg": [], "pow": []}
    for model in range(len(mask)):
        values = {"avg": [], "pow": []}
        for members, others in zip(known.members[:, model], known.others[:, model], strict=True):
            own, foreign = [losses[model, i] for i in members], [losses[model, i] for i in others]
            thresholds, gains = [np.mean(own) + c * np.std(own) for c in np.linspace(-5, 5, 1001)], []
            for threshold in thresholds:
                gains.append(
                    sum(x < threshold for x in own) / len(own) - sum(x < threshold for x in foreign) / len(own)
                )
            chosen = {"avg": np.mean(own), "pow": thresholds[gains.index(max(gains))]}
            judged = [i for i in range(mask.shape[1]) if i not in {*members, *others}]
            for name, threshold in chosen.items():
                called = {True: [], False: []}
                for i in judged:
                    called[bool(mask[model, i])].append(losses[model, i] < threshold)
                values[name].append(np.mean(called[True]) - np.mean(called[False]))
        for name in found:
            found[name].append(np.mean(values[name]))
    return found


@pytest.mark.parametrize("ties", [False, True])
def test_they_are_what_their_definitions_say(ties):
    losses, mask = world(0, n_models=4, n_samples=60)
    losses = np.round(losses) if ties else losses
    known = KnownSamples.draw(mask, np.arange(4), 7, 3, seed=5)
    fast = advantages(losses, mask, known)
    for name, values in slowly(losses, mask, known).items():
        assert fast[name] == pytest.approx(values, abs=1e-12)


def test_losses_of_known_law():
    """AVG: at the members' mean. POW: at the best threshold, half-way, less what 200 known samples cost."""
    losses, mask = world(1, n_models=64, n_samples=4000)
    found = advantages(losses, mask, KnownSamples.draw(mask, np.arange(64), 100, 10, seed=0))
    at_mean, best = 0.5 - norm.cdf(-1), norm.cdf(0.5) - norm.cdf(-0.5)
    assert found["avg"].mean() == pytest.approx(at_mean, abs=0.01)
    assert best - 0.03 < found["pow"].mean() < best


def test_noise_has_no_advantage():
    """Though POW fits its threshold to the known samples: they are not judged."""
    losses, mask = world(2, n_models=64, n_samples=1000, shift=0.0)
    found = advantages(losses, mask, KnownSamples.draw(mask, np.arange(64), 100, 5, seed=0))
    for values in found.values():
        assert abs(values.mean()) < 4 * values.std(ddof=1) / 8


def test_who_is_known():
    _, mask = world(3)
    known = KnownSamples.draw(mask, np.arange(8), 100, 4, seed=1)
    for draw in range(4):
        for model in range(8):
            assert mask[model, known.members[draw, model]].all() and not mask[model, known.others[draw, model]].any()
            assert len({*known.members[draw, model], *known.others[draw, model]}) == 200
    assert not np.array_equal(known.members[0], known.members[1])
    several = KnownSamples.draw(mask[2:4], np.arange(2, 4), 100, 4, seed=1)
    assert np.array_equal(several.members, known.members[:, 2:4]), "what is known of a model is its own"


def test_constant_losses_say_nothing():
    _, mask = world(4, n_samples=100)
    found = advantages(np.ones(mask.shape), mask, KnownSamples.draw(mask, np.arange(8), 10, 2, seed=0))
    assert not found["avg"].any() and not found["pow"].any()
    assert power_threshold(np.ones(5), np.ones(5)) == 1 and len(STEPS) == 1001


@pytest.mark.parametrize("count", [0, 30, 50])
def test_something_must_be_left_to_judge(count):
    mask = np.zeros((2, 60), dtype=bool)
    mask[0, :30] = mask[1, 30:] = True
    with pytest.raises(ValueError, match=f"{count} known members .* of 30 each; allowed: 1 to 29"):
        KnownSamples.draw(mask, np.arange(2), count, 1, seed=0)
