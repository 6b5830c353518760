"""What attacks have in common: against loops, and in worlds with known answers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import spearmanr

from memdyn.attacks.base import Attack, build
from memdyn.attacks.signals import Signals
from memdyn.dynamics.agreement import SPLITS, TOPS, Agreement, Ordered, Settings
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.vulnerability import vulnerability
from memdyn.stats.jackknife import Pairs
from worlds import complementary_mask

SETTINGS = Settings(groups=8, level=0.95, seed=3)
LIRA = build({"name": "lira", "mode": "online", "variance": "shrunken"})


@dataclass(frozen=True)
class Reader(Attack):
    """A signal's value is its score."""

    name: str = "margin"
    min_references: ClassVar[int] = 0

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        return np.asarray(signals.arrays[self.name])


@dataclass(frozen=True)
class Costly(Reader):
    """The same, said to be costly."""

    costly: ClassVar[bool] = True


def world(seed: int, n_models: int, n: int, effects: np.ndarray | float, failed=(), digits=None) -> Signals:
    """Margins N(0, 1), those of members `effects` [n] higher."""
    rng = np.random.default_rng([11, seed])
    mask = complementary_mask(rng, n_models, n)
    margins = rng.normal(size=mask.shape) + effects * mask
    margins = margins if digits is None else np.round(margins, digits)
    pairs = Pairs.of(n_models, failed)
    population = rng.normal(size=(n_models, 20))
    return Signals.of_margins(margins[pairs.models], mask[pairs.models], population[pairs.models], pairs)


def effects(n: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).gamma(0.4, 4.0, n)


def compared(*given: tuple[str, Attack, Signals]) -> Agreement:
    """Attacks on signals of their own."""
    found = Agreement(given[0][2].pairs, SETTINGS)
    for label, attack, signals in given:
        found.add(label, attack, signals)
    return found


def slow_top(values: np.ndarray, share: float) -> np.ndarray:
    """Weight of each sample in the top share: one by one from the highest, ties share what is left."""
    size, weights = max(1, round(share * len(values))), np.zeros(len(values))
    left = size
    for value in sorted(set(values), reverse=True):
        tied = [i for i in range(len(values)) if values[i] == value]
        weights[tied] = min(1, left / len(tied))
        left = max(0, left - len(tied))
    return weights


def slow(first, second, share):
    """(overlap, correlation) of two attacks over all splits, both ways."""
    (one, own), (other, others) = first, second
    splits = Splits.of_pairs(own.pairs, SPLITS, SETTINGS.groups, SETTINGS.seed)
    overlaps, correlations = [], []
    for s in range(SPLITS):
        halves = [np.flatnonzero(splits.halves[2 * s + side]) for side in (0, 1)]
        for a, b in (halves, halves[::-1]):
            here, there = vulnerability(one, own.take(a)), vulnerability(other, others.take(b))
            top = slow_top(here, share), slow_top(there, share)
            overlaps.append(sum(x * y for x, y in zip(*top, strict=True)) / sum(top[0]))
            correlations.append(spearmanr(here, there)[0])
    return np.mean(overlaps), np.mean(correlations)


@pytest.mark.parametrize("digits", [None, 0], ids=["continuous", "ties"])
def test_all_figures_are_those_of_loops(digits):
    own, others = (world(seed, 16, 120, effects(120), digits=digits) for seed in (1, 2))
    first, second = (LIRA, own), (Reader(), others)
    table = compared(("lira", *first), ("reader", *second)).agreement().set_index(["attack", "other", "top"])
    for share in TOPS:
        row, (overlap, correlation) = table.loc["lira", "reader", share], slow(first, second, share)
        itself = [slow(each, each, share) for each in (first, second)]
        ceiling = np.sqrt(itself[0][0] * itself[1][0])
        assert (row["overlap"], row["correlation"]) == pytest.approx((overlap, correlation), abs=1e-5)
        assert row["ceiling"] == pytest.approx(ceiling, abs=1e-5)
        assert row["correlation_ceiling"] == pytest.approx(np.sqrt(itself[0][1] * itself[1][1]), abs=1e-5)
        if np.isfinite(row["relative"]):
            chance = max(1, round(share * 120)) / 120
            assert row["relative"] == pytest.approx((overlap - chance) / (ceiling - chance), abs=1e-4)


def test_ties_at_the_border_share_what_is_left():
    values = np.array([[3.0, 1, 1, 1, 0, 0, 0, 0, 0, 0] * 2])
    assert Ordered(values).top(0.2)[0] * 2 == pytest.approx(slow_top(values[0], 0.2))


def test_stability_of_half_of_the_models_is_an_attack_with_itself():
    given = Reader(), world(1, 16, 120, effects(120))
    table = compared(("reader", *given)).stability()
    for share in TOPS:
        (row,) = table[(table["top"] == share) & (table["n_models"] == 8)].to_dict("records")
        assert (row["overlap"], row["correlation"]) == pytest.approx(slow(given, given, share), abs=1e-5)


def test_attacks_that_read_the_same_truth_meet_the_ceiling_and_more_models_name_it_better():
    """Two signals with noise of their own and the same effects."""
    found = compared(*((f"a{seed}", Reader(), world(seed, 32, 600, effects(600))) for seed in (1, 2)))
    table = found.agreement().set_index("top")
    assert table.loc[0.1, "relative"].between(0.9, 1.1).all()
    assert (table["overlap"] - table["ceiling"]).loc[0.1].abs().max() < 0.05
    curve = found.stability().query("top == .1 and attack == 'a1'").sort_values("n_models")
    assert list(curve["n_models"]) == [4, 8, 16] and curve["overlap"].is_monotonic_increasing


def test_attacks_that_find_others_agree_by_chance_alone():
    hidden = effects(600), np.random.default_rng(8).permutation(effects(600))
    found = compared(*((f"a{k}", Reader(), world(k, 32, 600, hidden[k])) for k in (0, 1))).agreement()
    for row in found.to_dict("records"):
        assert row["overlap"] == pytest.approx(row["top"], abs=0.07) and abs(row["correlation"]) < 0.12
    clear = found.query("top == .1")  # fewer are too few, and their order among the surely found is luck
    assert (clear["ceiling"] > 0.5).all()
    assert clear["relative"].abs().max() < 0.2


def test_without_a_leak_all_is_chance_and_relative_to_nothing():
    runs = [compared(*((f"a{k}", Reader(), world(10 * r + k, 16, 400, 0.0)) for k in (0, 1))) for r in range(6)]
    tables = [run.agreement() for run in runs]
    for share in TOPS:
        rows = [table[table["top"] == share] for table in tables]
        assert np.mean([row["overlap"] for row in rows]) == pytest.approx(share, abs=0.025)
        assert abs(np.mean([row["correlation"] for row in rows])) < 0.03
    assert np.mean([table["relative"].isna().mean() for table in tables]) > 0.8


def test_so_few_samples_have_no_limits():
    """Of 400 samples the top 1 % is 4: what they have in common is often none in any replicate."""
    found = compared(*((f"a{k}", Reader(), world(k, 16, 400, 0.0)) for k in (0, 1)))
    for table in (found.agreement(), found.stability()):
        few = table["top"] == 0.01
        assert few.any() and table[few][["low", "high"]].isna().all(axis=None)
        assert table[~few][["low", "high"]].notna().all(axis=None) and table["overlap"].notna().all()


def test_costly_attacks_are_scored_on_the_halves_alone():
    signals = world(1, 32, 400, effects(400))
    quick, costly = (compared(("a", attack, signals), ("b", Reader(), signals)) for attack in (Reader(), Costly()))
    of_quick, of_costly = (each.agreement().query("attack == 'a'") for each in (quick, costly))
    assert list(of_quick["overlap"]) == list(of_costly["overlap"])
    assert of_costly[["low", "high", "relative_low", "correlation_low"]].isna().all(axis=None)
    curve = costly.stability().query("attack == 'a'")
    assert set(curve["n_models"]) == {16} and curve[["low", "high"]].isna().all(axis=None)


def test_one_attack_alone_is_compared_with_none():
    found = compared(("a", Reader(), world(1, 16, 100, effects(100))))
    assert found.agreement().empty and not found.stability().empty
    assert list(found.matrix(np.arange(100)).columns) == ["sample_id", "a"]


def test_too_few_models_for_halves_or_for_one_attack_leave_the_matrix():
    small = world(1, 6, 100, effects(100))
    found = compared(("a", Reader(), small), ("b", Reader(), small))
    figures = found.agreement().drop(columns=["attack", "other", "top", "level"])
    assert figures.isna().all(axis=None) and found.stability().empty
    assert found.matrix(np.arange(100))[["a", "b"]].notna().all(axis=None)


def test_failed_pairs_leave_the_others():
    signals = world(1, 32, 400, effects(400), failed=(3, 8))
    assert signals.n_pairs == 14
    found = compared(("a", Reader(), signals), ("b", LIRA, signals))
    assert found.agreement().query("top == .1").notna().all(axis=None)
    given = (Reader(), signals), (LIRA, signals)
    assert found.agreement().query("attack == 'a' and top == .1")["overlap"].item() == pytest.approx(
        slow(*given, 0.1)[0], abs=1e-5
    )
