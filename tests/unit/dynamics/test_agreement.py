"""What attacks have in common: against loops, and in worlds with known answers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, spearmanr

from memdyn.attacks.base import Attack, build
from memdyn.attacks.signals import Signals
from memdyn.dynamics.agreement import (
    FEWEST_SAMPLES,
    SPLITS,
    TOPS,
    Agreement,
    Ordered,
    Settings,
    _ceiling,
    agreement_tables,
)
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.vulnerability import moderated_d_prime, vulnerability
from memdyn.stats.jackknife import Pairs
from signal_attacks import OnLogits, OnViews, of_the_first, write_files
from worlds import complementary_mask

SETTINGS = Settings(groups=8, level=0.95, seed=3)
RMIA = build({"name": "rmia", "mode": "online", "a": 0.3, "gamma": 1.0})
LOSS = build({"name": "loss"})


@dataclass(frozen=True)
class Reader(Attack):
    """A signal's value is its score."""

    name: str = "margin"
    min_references: ClassVar[int] = 0

    def score_prepared(self, signals: Signals, folds: str) -> np.ndarray:
        return np.asarray(signals.arrays[self.name])


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
        found.add(label, attack, signals.map(attack.prepare))
    return found


def slow_top(values: np.ndarray, share: float) -> np.ndarray:
    """Weight of each sample in the top share: one by one from the highest, ties share what is left."""
    size, weights = max(1, round(share * len(values))), np.zeros(len(values))
    left = size
    for value in sorted(set(values), reverse=True):
        tied = np.flatnonzero(values == value)
        weights[tied] = min(1, left / len(tied))
        left = max(0, left - len(tied))
    return weights


def slow_halves(attack: Attack, signals: Signals) -> list[np.ndarray]:
    """Vulnerability in half A and half B of each split; to 7 digits, so that what ties but for rounding does."""
    halves = Splits.of_pairs(signals.pairs, SPLITS, SETTINGS.groups, SETTINGS.seed).halves
    prepared = signals.map(attack.prepare)
    return [vulnerability(attack, prepared.take(np.flatnonzero(half))).astype(np.float32) for half in halves]


def slow(own: list[np.ndarray], others: list[np.ndarray], share: float) -> tuple[float, float]:
    """(overlap, correlation) of two attacks over all splits, both ways."""
    overlaps, correlations = [], []
    for half, here in enumerate(own):
        there = others[half + 1 if half % 2 == 0 else half - 1]
        top = slow_top(here, share), slow_top(there, share)
        overlaps.append(sum(x * y for x, y in zip(*top, strict=True)) / sum(top[0]))
        correlations.append(spearmanr(here, there)[0])
    return np.mean(overlaps), np.mean(correlations)


@pytest.mark.parametrize("digits", [None, 0], ids=["continuous", "ties"])
def test_all_figures_are_those_of_loops(digits):
    n, given = 240, {"rmia": RMIA, "reader": Reader()}
    signals = {name: world(seed, 16, n, effects(n), digits=digits) for seed, name in enumerate(given)}
    found = compared(*((name, attack, signals[name]) for name, attack in given.items()))
    table, curve = found.agreement().set_index(["attack", "other", "top"]), found.stability()
    first, second = (slow_halves(attack, signals[name]) for name, attack in given.items())
    for share in TOPS:
        row, (overlap, correlation) = table.loc["rmia", "reader", share], slow(first, second, share)
        assert (row["overlap"], row["correlation"]) == pytest.approx((overlap, correlation), abs=1e-5)
        itself = [slow(each, each, share) for each in (first, second)]
        assert row["correlation_ceiling"] == pytest.approx(np.sqrt(itself[0][1] * itself[1][1]), abs=1e-5)
        half = curve.query("attack == 'reader' and n_models == 8 and top == @share")
        assert half[["overlap", "correlation"]].to_numpy()[0] == pytest.approx(itself[1], abs=1e-5)
        if share * n < FEWEST_SAMPLES:
            assert row[["low", "ceiling", "ceiling_low", "relative"]].isna().all()
            continue
        kappas = [(max(each[0], share) - share) / (1 - share) for each in itself]
        assert row["ceiling"] == pytest.approx(share + (1 - share) * np.sqrt(np.prod(kappas)), abs=1e-5)
        assert row["ceiling_low"] <= row["ceiling"] <= row["ceiling_high"]
        if row["ceiling_low"] > share:
            expected = (overlap - share) / (row["ceiling"] - share)
            assert row["relative"] == pytest.approx(expected, abs=1e-4)


def test_ties_at_the_border_share_what_is_left():
    values = np.array([[3.0, 1, 1, 1, 0, 0, 0, 0, 0, 0] * 2])
    assert Ordered.of(values).top(0.2)[0] * 2 == pytest.approx(slow_top(values[0], 0.2))


def test_attacks_that_read_the_same_truth_meet_the_ceiling_and_more_models_name_it_better():
    """Two signals with noise of their own and the same effects."""
    found = compared(*((f"a{seed}", Reader(), world(seed, 32, 600, effects(600))) for seed in (1, 2)))
    table = found.agreement().set_index("top")
    assert table.loc[0.1, "relative"].between(0.9, 1.1).all()
    assert (table["overlap"] - table["ceiling"]).loc[0.1].abs().max() < 0.05
    curve = found.stability().query("top == .1 and attack == 'a1'").sort_values("n_models")
    assert list(curve["n_models"]) == [4, 8, 16] and curve["overlap"].is_monotonic_increasing


N_KNOWN = 400
FOUND = {"all": 0.1, "half": 0.05, "nobody": 0.0, "everybody": 1.0}
"""Share of the samples that an attack finds beyond doubt, all alike; the rest of its top tenth is luck."""


@pytest.fixture(scope="module")
def known() -> Agreement:
    """Attacks on signals of their own, with noise of their own: whom each finds is known."""
    signals = [
        (name, Reader(), world(seed, 16, N_KNOWN, 30.0 * (np.arange(N_KNOWN) < share * N_KNOWN)))
        for seed, (name, share) in enumerate(FOUND.items())
    ]
    return compared(*signals)


def luck(share: float) -> float:
    """What two rankings have in common of the top tenth that begins with the same share of the samples."""
    return 0.1 if share > 0.1 else (share + (0.1 - share) ** 2 / (1 - share)) / 0.1


@pytest.mark.parametrize(("attack", "other"), [("all", "half"), ("all", "nobody"), ("all", "everybody")])
def test_where_an_attack_names_nobody_again_nobody_can_agree_with_it(known, attack, other):
    """However steady the other one: the root of the product of both overlaps would be .32 where chance is .10."""
    row = known.agreement().query("attack == @attack and other == @other and top == .1").iloc[0]
    kappas = [(luck(FOUND[name]) - 0.1) / 0.9 for name in (attack, other)]
    ceiling = 0.1 + 0.9 * np.sqrt(np.prod(kappas))
    assert row["ceiling_low"] <= ceiling <= row["ceiling_high"] and row["ceiling"] >= 0.1
    assert row["low"] <= luck(FOUND[other]) <= row["high"]
    assert np.isnan(row["relative"]) == (other != "half") == (row["ceiling_low"] == pytest.approx(0.1))
    if other == "half":  # one finds half of those whom the other does, which no number of models mends
        assert row["ceiling"] == pytest.approx(ceiling, abs=0.03)
        assert row["relative_low"] <= np.sqrt(kappas[1]) <= row["relative_high"]


def test_a_leak_that_is_the_same_for_all_samples_names_nobody_again(known):
    """Every member is found, so that none is more vulnerable than the others."""
    assert vulnerability(Reader(), world(3, 16, N_KNOWN, 30.0)).min() > 1
    steady = known.stability().query("attack == 'everybody' and top == .1 and n_models == 8").iloc[0]
    assert steady["low"] < 0.1 < steady["high"] and steady["correlation_low"] < 0 < steady["correlation_high"]


def test_without_reliability_the_ceiling_is_chance():
    """Neither the root of a negative number, nor that of the product of two."""
    below, above = np.array([0.02, -0.05]), np.array([0.6, 0.4])
    assert list(_ceiling(below, above, 0.1)) == [0.1, 0.1] and list(_ceiling(below, below, 0.1)) == [0.1, 0.1]
    assert _ceiling(above[:1], above[1:], 0.1) == pytest.approx(0.1 + np.sqrt(0.5 * 0.3))


def test_attacks_that_find_others_have_less_than_chance_in_common():
    hidden = [30.0 * (np.arange(N_KNOWN) // 40 == place) for place in (0, 1)]
    found = compared(*((f"a{k}", Reader(), world(k, 16, N_KNOWN, hidden[k])) for k in (0, 1))).agreement()
    clear = found.query("top == .1")
    assert clear[["overlap", "ceiling"]].to_numpy() == pytest.approx(np.array([[0, 1.0]] * 2))


def test_so_few_samples_have_no_limits():
    """Of 400 samples the top 1 % is 4: what they have in common is often none in any replicate."""
    found = compared(*((f"a{k}", Reader(), world(k, 16, 400, 0.0)) for k in (0, 1)))
    for table in (found.agreement(), found.stability()):
        few = table["top"] == 0.01
        assert few.any() and table[few][["low", "high"]].isna().all(axis=None)
        assert table[~few][["low", "high"]].notna().all(axis=None) and table["overlap"].notna().all()


def test_costly_attacks_are_scored_on_the_halves_alone():
    signals = world(1, 16, 200, effects(200))
    quick, costly = Agreement(signals.pairs, SETTINGS), Agreement(signals.pairs, SETTINGS)
    for found, is_costly in ((quick, False), (costly, True)):
        found.add("a", Reader(), signals, costly=is_costly)
        found.add("b", Reader(), signals)
    of_quick, of_costly = (each.agreement().query("attack == 'a' and top == .1") for each in (quick, costly))
    assert list(of_quick["overlap"]) == list(of_costly["overlap"])
    limits = [column for column in of_costly if column.endswith(("low", "high"))]
    assert of_costly[[*limits, "relative"]].isna().all(axis=None) and of_quick[limits].notna().all(axis=None)
    assert list(of_quick["ceiling"]) == list(of_costly["ceiling"])
    curve = costly.stability().query("attack == 'a'")
    assert set(curve["n_models"]) == {8} and curve[["low", "high"]].isna().all(axis=None)


def test_what_scores_of_few_levels_have_in_common_does_not_depend_on_the_order_of_samples():
    """Correctness, 1 or 0: most samples tie, many of them at the border of each top share."""
    n, drawn = 200, world(6, 16, 200, effects(200))
    correct = (drawn.arrays["margin"] > 2).astype(float)
    place = np.random.default_rng(4).permutation(n)
    first, second = (
        compared(*((name, Reader(), signals) for name in "ab"))
        for signals in (
            Signals.of_margins(correct[:, order], drawn.mask[:, order], np.zeros((16, 1)))
            for order in (np.arange(n), place)
        )
    )
    assert len(np.unique(first.matrix(np.arange(n))["a"].astype(np.float32))) < n / 5
    for table in ("agreement", "stability"):
        found = getattr(first, table)()
        pd.testing.assert_frame_equal(found, getattr(second, table)(), rtol=1e-5, atol=1e-6)
        assert found["overlap"].between(0.01, 0.99).all()


def test_what_ties_but_for_the_order_of_its_sums_ties():
    """A sample of the top share chosen by rounding is one chosen by the order of the models."""
    rng = np.random.default_rng(1)
    inside, outside = (rng.permuted(np.repeat([rng.random(8)], 60, axis=0), axis=1).T for _ in range(2))
    values = moderated_d_prime(inside, outside)
    assert len(np.unique(values)) > 1
    assert Ordered.of(values[None]).top(0.1) * np.sqrt(6) == pytest.approx(0.1)


def test_intervals_hold_what_they_promise():
    """Samples stay, models are drawn anew: held against the mean, at least as often as exact binomial limits allow."""
    n, runs = 200, 16
    drawn = [
        compared(*((name, Reader(), world(100 + 2 * run + k, 12, n, effects(n))) for k, name in enumerate("ab")))
        for run in range(runs)
    ]
    for table, keys in (("agreement", []), ("stability", ["n_models"])):
        rows = pd.concat([getattr(each, table)() for each in drawn]).query("top == .1 and attack == 'a'")
        for name in ("overlap", "correlation"):
            low, high = (rows[f"{name}_{end}" if name == "correlation" else end] for end in ("low", "high"))
            groups = rows.groupby([*keys, "attack"])[name]
            inside = (low <= groups.transform("mean")) & (groups.transform("mean") <= high)
            covered = inside.groupby([rows[key] for key in [*keys, "attack"]]).sum()
            assert covered.min() >= binom.ppf(0.001, runs, 0.95), (table, name)
            if table == "agreement":  # nor are they so wide that they could not miss
                assert (high - low).mean() < 2.5 * 2 * 1.96 * groups.std().item()


def test_one_attack_alone_is_compared_with_none():
    found = compared(("a", Reader(), world(1, 16, 100, effects(100))))
    assert found.agreement().empty and not found.stability().empty
    assert list(found.matrix(np.arange(100)).columns) == ["sample_id", "a"]


def test_attacks_on_some_samples_are_left_out_beside_others_and_compared_alone(tmp_path):
    files, told = write_files(tmp_path), []
    few = of_the_first(files, tmp_path, "margin_views", 30)
    ids, attacks = np.arange(100, 140), {"views": OnViews(), "logits": OnLogits()}
    tables = agreement_tables(few, attacks, (), ids, Settings(4, 0.95, 1), told.append)
    matrix = tables["vulnerability_matrix"]
    assert list(matrix.columns) == ["sample_id", "logits"] and matrix["sample_id"].tolist() == [*ids]
    assert told[0] == "views is left out: it is of 30 samples alone, and others are of 40"
    whole = agreement_tables(files.scores, {"logits": OnLogits()}, (), ids, Settings(4, 0.95, 1), told.append)
    pd.testing.assert_frame_equal(matrix, whole["vulnerability_matrix"])
    other = OnViews(weight=2.0)
    tables = agreement_tables(few, {"a": OnViews(), "b": other}, (), ids, Settings(4, 0.95, 1), told.append)
    matrix = tables["vulnerability_matrix"]
    assert matrix["sample_id"].tolist() == [*ids[:30]] and matrix[["a", "b"]].notna().all(axis=None)
    assert not tables["agreement"].empty


def test_too_few_models_for_halves_or_for_one_attack_leave_the_matrix():
    small = world(1, 6, 100, effects(100))
    found = compared(("a", Reader(), small), ("b", Reader(), small))
    figures = found.agreement().drop(columns=["attack", "other", "top", "level"])
    assert figures.isna().all(axis=None) and found.stability().empty
    assert found.matrix(np.arange(100))[["a", "b"]].notna().all(axis=None)


def test_failed_pairs_leave_the_others():
    signals = world(1, 32, 200, effects(200), failed=(3, 8))
    assert signals.n_pairs == 14
    found = compared(("a", Reader(), signals), ("b", LOSS, signals)).agreement().query("attack == 'a' and top == .1")
    halves = slow_halves(Reader(), signals), slow_halves(LOSS, signals)
    assert found["overlap"].item() == pytest.approx(slow(*halves, 0.1)[0], abs=1e-5)
    assert found.notna().all(axis=None)
