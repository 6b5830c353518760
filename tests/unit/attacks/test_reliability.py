"""How right probabilities are: against a loop, on worlds whose miscalibration is known, and intervals that cover."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from memdyn.attacks.base import Attack, Prepared, build
from memdyn.attacks.reads import Reads
from memdyn.attacks.reliability import BINS, Judged, reliability_tables, tables_of_attacks
from memdyn.attacks.signals import Signals
from memdyn.stats.jackknife import TooFewModels
from worlds import complementary_mask, gaussian_world, with_outputs


@dataclass(frozen=True)
class Told(Attack):
    """A probability that is told, raised to a power: right at 1."""

    power: float = 1.0
    reads = (Reads("margin"),)

    def score_prepared(self, signals, folds):
        return signals.margins

    def probability(self, scores):
        return scores**self.power


def told(seed, n_models=16, n_samples=400, model_effect=0.0):
    """Probabilities that are right; a model's effect shifts what it tells, and not the truth."""
    rng = np.random.default_rng([3, seed])
    mask = complementary_mask(rng, n_models, n_samples)
    p = rng.beta(2, 1, mask.shape)
    p = np.where(mask, p, 1 - p)  # P(member | p) = p for densities 2p of members and 2 (1 - p) of others
    p = np.clip(p + model_effect * rng.normal(size=(n_models, 1)), 0, 1)
    return Signals.of_margins(p, mask, p[:, :5])


def run_of(attack, world, epochs=(0, 3)):
    """What the stage is given: the same world at each checkpoint."""
    return SimpleNamespace(epochs=list(epochs), prepared=lambda _, part, epoch: Prepared.of(attack, world))


def tables_of(attack, world, groups=16):
    return reliability_tables(attack, run_of(attack, world), groups, 0.95)


@dataclass(frozen=True)
class Needy(Told):
    """One that needs more models than there are."""

    def score_prepared(self, signals, folds):
        raise TooFewModels("too few of them")


def test_an_attack_that_lacks_models_leaves_the_others_their_numbers():
    class Scores(SimpleNamespace):
        def for_attack(self, attack):
            return self

    scores, said = Scores(**vars(run_of(Told(), told(0)))), []
    tables = tables_of_attacks({"needy": Needy(), "told": Told()}, scores, 16, 0.95, said.append)
    for name, alone in tables_of(Told(), told(0)).items():
        pd.testing.assert_frame_equal(tables[name], alone.assign(attack="told"))
    assert said == ["needy has no numbers, because too few of them"]
    with pytest.raises(TooFewModels, match="needy has no numbers, because too few of them"):
        tables_of_attacks({"needy": Needy()}, scores, 16, 0.95, said.append)


@pytest.mark.parametrize("digits", [9, 1])
def test_a_loop_finds_the_same(digits):
    """Rounded to tenths, probabilities lie on the bins' edges."""
    world = told(0, 4, 60)
    p = np.round(world.margins, digits)
    found = Judged.of(p, world.mask)
    bins = {b: [] for b in range(BINS)}
    for value, member in zip(p.ravel(), world.mask.ravel(), strict=True):
        bins[min(int(value * 10), 9)].append((value, member))
    error = 0.0
    for b, own in bins.items():
        assert found.share[b] == pytest.approx(len(own) / p.size)
        if own:
            mean, rate = np.mean([v for v, _ in own]), np.mean([m for _, m in own])
            assert (found.probability[b], found.member_rate[b]) == pytest.approx((mean, rate))
            error += len(own) / p.size * abs(mean - rate)
    assert found.calibration_error == pytest.approx(error)
    assert found.brier == pytest.approx(np.mean([(v - m) ** 2 for own in bins.values() for v, m in own]))


def test_known_answers():
    """Right: Brier E p (1 - p) = 1/6 of a uniform p. Squared: off by E |p^2 - p| = 1/6, Brier by 1/30."""
    world = told(1, 64, 4000)
    right, squared = (Judged.of(world.margins**power, world.mask) for power in (1, 2))
    assert right.calibration_error < 0.005 and right.brier == pytest.approx(1 / 6, abs=0.002)
    assert squared.calibration_error == pytest.approx(1 / 6, abs=0.003)
    assert squared.brier == pytest.approx(1 / 6 + 1 / 30, abs=0.002)


def test_guessing_and_certainty():
    mask = complementary_mask(np.random.default_rng(0), 4, 50)
    guess, sure, wrong = (Judged.of(p, mask) for p in (np.full(mask.shape, 0.5), mask * 1.0, ~mask * 1.0))
    assert (guess.brier, guess.calibration_error) == (0.25, 0) and guess.share[5] == 1
    assert (sure.brier, sure.calibration_error) == (0, 0) and np.isnan(sure.member_rate[1:9]).all()
    assert (wrong.brier, wrong.calibration_error) == (1, 1)
    with pytest.raises(ValueError, match="between 0 and 1, got -1"):
        Judged.of(np.full(mask.shape, -1.0), mask)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "privacy_risk_score", "bins": 5},
        {"name": "shokri2017", "probabilities": 3, "records": 200, "epochs": 4, "seed": 0},
    ],
    ids=lambda options: options["name"],
)
def test_cross_fitted_probabilities_of_noise_claim_nothing(options):
    """Fitted in sample they would be sure and wrong; the rows are of every checkpoint, with limits about the value."""
    attack, world = build(options), with_outputs(gaussian_world(0, 16, 800, 0.0))
    tables = tables_of(attack, world, groups=4)
    metrics = tables["calibration"].query("epoch == 3").set_index("metric")
    assert metrics.loc["brier", "value"] == pytest.approx(0.25, abs=0.005)
    assert metrics.loc["calibration_error", "value"] < 0.05
    assert ((metrics["low"] <= metrics["value"]) & (metrics["value"] <= metrics["high"])).all()
    diagram = tables["reliability"].query("epoch == 0")
    assert diagram["share"].sum() == pytest.approx(1) and diagram["bin"].is_monotonic_increasing
    assert not diagram[diagram["share"] > 0.05].isna().any(axis=None), "smaller ones may be empty without a group"


def test_a_pair_too_few_leaves_the_limits_out():
    attack = build({"name": "privacy_risk_score", "bins": 5})
    tables = tables_of(attack, with_outputs(gaussian_world(0, 4, 60, 1.0)))
    assert tables["calibration"]["value"].notna().all() and tables["calibration"]["low"].isna().all()


@pytest.mark.slow
@pytest.mark.parametrize("model_effect", [0.0, 0.05])
def test_intervals_cover(capsys, model_effect, replications=150):
    """95 % nominal, of probabilities that are off (squared), of models that are alike and of models that differ."""
    attack = Told(power=2.0)
    worlds = [told(seed, model_effect=model_effect) for seed in range(replications)]
    truth = Judged.of(
        attack.probability(told(10_000, 2000, model_effect=model_effect).margins), told(10_000, 2000).mask
    )
    found = [reliability_tables(attack, run_of(attack, world, [0]), 16, 0.95) for world in worlds]
    metrics = [one["calibration"].set_index("metric") for one in found]
    covered = {
        name: np.mean([m.loc[name, "low"] <= getattr(truth, name) <= m.loc[name, "high"] for m in metrics])
        for name in ("brier", "calibration_error")
    }
    bins = [one["reliability"].set_index("bin").loc[5] for one in found]
    covered["bin 5"] = np.mean([b["low"] <= truth.member_rate[4] <= b["high"] for b in bins])
    with capsys.disabled():
        print(f"\n  model effect {model_effect}: coverage {covered}")
    assert min(covered.values()) >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
