"""Differences between runs that are equally far trained: where they are compared, and that their intervals cover."""

import numpy as np
import pytest

from memdyn.compare.matched import UNDETERMINED, Clock, at_matched, common_levels
from memdyn.compare.series import COMPARED, Series, at_equal_epochs
from run_series import comparison, tables

SHARES = (0.9, 0.95, 0.98, 0.99, 1.0)
EPOCHS = np.array([0, 1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 21, 24])


def two_speeds(seed: int, n_pairs: int = 16):
    """Both runs leak as a function of the gap alone, gap(t) = 1 - exp(-rate t); the second run is twice as fast."""
    rng = np.random.default_rng(seed)
    epochs = list(range(0, 13))
    level = rng.normal(0, 0.04, (n_pairs, 1))  # of a pair, in both runs
    gaps, leaks = {}, {}
    for run, rate in (("slow", 0.1), ("fast", 0.2)):
        noise = rng.normal(0, 0.03, (2, n_pairs, 13))
        gaps[run] = (1 - np.exp(-rate * np.array(epochs))) * (1 + level) + noise[0] * (np.array(epochs) > 0)
        leaks[run] = 0.5 + 0.4 * gaps[run] + 0.2 * level + noise[1]
    return tables(leaks, "auc", epochs), tables(gaps, "generalisation_gap", epochs)


def matched(seed: int, **options):
    (estimates, replicates), clock = two_speeds(seed)
    runs = comparison(16, slow="pool", fast="pool")
    return at_matched(estimates, replicates, "generalisation_gap", *clock, [], runs, **options)


def test_equal_epochs_differ_where_equal_gaps_do_not():
    (estimates, replicates), clock = two_speeds(0)
    runs = comparison(16, slow="pool", fast="pool")
    early = at_equal_epochs(estimates, replicates, [], runs).set_index("at")
    assert early.loc[4, "high"] < -0.03, "the slow run leaks less at equal epochs"
    found = at_matched(estimates, replicates, "generalisation_gap", *clock, [], runs, SHARES)
    assert len(found) == 5 and (found["status"] == "compared").all()
    assert (found["low"] < 0.02).all() and (found["high"] > -0.02).all()
    assert (found["epoch_a"] > 1.5 * found["epoch_b"]).all(), "reached later by the slow one"


def test_nothing_is_extrapolated():
    rng = np.random.default_rng(2)
    epochs = [0, 1, 2]
    noise = rng.normal(0, 0.001, (2, 8, 3))
    metric = tables({"a": noise[0], "b": noise[1]}, "auc", epochs)
    runs = comparison(8, a="pool", b="pool")
    clock = tables({"a": noise[0] + [0, 0.1, 0.2], "b": noise[1] + [0, 0.3, 0.5]}, "gap", epochs)
    found = at_matched(*metric, "gap", *clock, [], runs, (0.25, 0.5, 0.75, 1.0))
    assert found["at"].max() <= 0.2 + 0.001 and found[["difference", "low"]].notna().all(axis=None)

    clock = tables({"a": noise[0] + [0, 0.1, 0.2], "b": noise[1] + [0.3, 0.4, 0.5]}, "gap", epochs)
    found = at_matched(*metric, "gap", *clock, [], runs, (0.25, 0.5, 0.75, 1.0))
    assert len(found) == 1 and np.isnan(found.loc[0, "difference"])
    assert found.loc[0, "status"].startswith("no overlap: ")


def test_an_overlap_that_rounding_makes_is_none():
    """Accuracies are multiples of 1 / n, so that one run may end where the other starts, give or take a rounding."""
    ends, starts = clock([-0.02, 0.0, np.nextafter(0.01, 1)], 0), clock([0.01, 0.2, 0.3], 0)
    levels, status = common_levels(ends, starts, SHARES)
    assert np.isnan(levels).all() and len(levels) == 1 and status.startswith("no overlap: ")


@pytest.mark.slow
def test_matched_intervals_cover(capsys):
    """The interval covers the matching's own noise: 95 % nominal, at least 93 % up to the binomial error."""
    replications = 300
    rows = [matched(seed, shares=(0.3, 0.6, 1.0)) for seed in range(replications)]
    # The grid of matched values moves with the data, so each one is judged against the truth: no difference.
    covered = np.mean([(row["low"] <= 0) & (row["high"] >= 0) for row in rows], axis=0)
    ratio = np.mean([row["se"] for row in rows], axis=0) / np.std([row["difference"] for row in rows], axis=0)
    with capsys.disabled():
        print(f"\n  matched gap: coverage {covered.round(3)}, SE over SD {ratio.round(2)}")
    assert (covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)).all()


def clock(values, half):
    values = np.array(values)
    epochs = np.arange(len(values), dtype=float)
    return Clock(Series(epochs, epochs, values[None], np.zeros(len(values))), np.full(len(values), half))


def slow_is_sure(values, half, level):
    """The definition, read aloud."""
    end = next(k for k, value in enumerate(values) if value >= level)
    early = any(value + half >= level for value in values[: max(0, end - 1)])
    late = not any(value - half >= level for value in values[: end + 2])
    return not early and not late


def test_a_passage_is_sure_where_a_clock_surely_moves():
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = np.maximum.accumulate(rng.normal(size=8)) + 0.3 * rng.normal(size=8)
        one = clock(values, rng.uniform(0, 0.5))
        levels = rng.uniform(values[0], values.max(), 20)
        expected = [slow_is_sure(values, one.half[0], level) for level in levels]
        assert one.is_sure(levels).tolist() == expected


def test_a_plateau_before_the_level_or_after_it_makes_a_passage_unsure():
    rise = clock([0.1, 0.5, 0.7, 0.8, 0.9], 0.02)
    assert rise.is_sure(np.array([0.3, 0.6, 0.75, 0.88])).all() and not rise.is_sure(np.array([0.89])).any()
    dip = clock([0.1, 0.7, 0.75, 0.72, 0.72, 0.74, 0.78, 0.9], 0.02)
    assert dip.is_sure(np.array([0.6, 0.72, 0.74, 0.76, 0.8])).tolist() == [True, True, False, False, True]


def test_the_highest_sure_level_is_among_the_ends():
    rng = np.random.default_rng(1)
    for _ in range(100):
        values = np.append(0.0, np.maximum.accumulate(rng.normal(1, 0.3, size=7)) + 0.1 * rng.normal(size=7))
        one = clock(values, 0.05)
        every = np.linspace(0.01, values.max(), 2000)
        ends = one.ends()[one.ends() > 0]
        best = ends[one.is_sure(ends)].max(initial=0)
        assert best >= every[one.is_sure(every)].max(initial=0) - 1e-12


def plateau(seed: int, kind: str, n_pairs: int):
    """Accuracy that rises to a plateau (and falls and rises again), while both runs leak ever more.

    Returns:
        tables of the leak and of the accuracy, and of each run (accuracy, leak) [T] without noise.
    """
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 0.01, (n_pairs, 1))
    accuracies, leaks, truths = {}, {}, {}
    for run, tau, speed in (("a", 1.2, 1.0), ("b", 1.6, 1.3)):
        accuracy = 0.1 + 0.66 * (1 - np.exp(-EPOCHS / tau))
        accuracy -= 0.012 * np.exp(-((EPOCHS - 11) ** 2) / 18) * (kind == "dip")
        leak = 0.01 + 0.22 * (1 - np.exp(-EPOCHS * speed / 9))
        accuracies[run] = accuracy + level + rng.normal(0, 0.012, (n_pairs, len(EPOCHS)))
        leaks[run] = leak * (1 + 3 * level) + rng.normal(0, 0.03, (n_pairs, len(EPOCHS)))
        truths[run] = accuracy, leak
    epochs = EPOCHS.tolist()
    return tables(leaks, "tpr", epochs), tables(accuracies, "accuracy_test", epochs), truths


def matched_on_a_plateau(seed: int, kind: str, n_pairs: int = 16):
    """(table, true differences at its values of the clock)."""
    leak, accuracy, truths = plateau(seed, kind, n_pairs)
    runs = comparison(n_pairs, a="pool", b="pool")
    found = at_matched(*leak, "accuracy_test", *accuracy, [], runs, SHARES)
    at = found["at"].to_numpy()
    epochs = EPOCHS.astype(float)
    values = []
    for accuracy_, leak_ in truths.values():
        one, two = (Series(epochs, epochs, x[None], np.zeros(len(epochs))) for x in (accuracy_, leak_))
        values.append(two.at(one.first_passage(at)).values[0])
    return found, values[0] - values[1]


@pytest.mark.parametrize("kind", ["flat", "dip"])
def test_runs_are_compared_where_they_are_good(kind):
    found, truth = matched_on_a_plateau(0, kind)
    best = found["at"].iloc[-1]
    assert best > 0.73, "of a highest accuracy of 0.76"
    assert (found["at"] > 0.1 + 0.89 * (best - 0.1)).all() and found["at"].is_monotonic_increasing
    assert found["status"].iloc[-1] == COMPARED and np.isfinite(truth).all()
    assert (found["high"] - found["low"]).max() < 0.1, "of a TPR between 0 and 0.2"
    assert (found["epoch_a"] < found["epoch_b"]).all() and (found["epoch_b"] < 10).all()


def test_a_value_that_is_passed_nobody_knows_when_says_so():
    """Both runs stand still below the highest level: between the two rises the passage is early or late by chance."""
    steps = np.array([0.1, 0.5, 0.6, 0.601, 0.602, 0.603, 0.75])
    rng = np.random.default_rng(0)
    accuracy = {run: steps + rng.normal(0, 0.01, (16, 7)) for run in "ab"}
    leak = {run: np.linspace(0, 0.3, 7) + rng.normal(0, 0.01, (16, 7)) for run in "ab"}
    epochs = list(range(7))
    runs = comparison(16, a="pool", b="pool")
    shares = (0.5, (0.602 - 0.1) / 0.64, 1.0)
    found = at_matched(*tables(leak, "tpr", epochs), "c", *tables(accuracy, "c", epochs), [], runs, shares)
    assert found["status"].tolist() == [COMPARED, UNDETERMINED, COMPARED]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flat", "dip"])
def test_matched_intervals_cover_on_a_plateau(kind, capsys):
    """95 % nominal, at every point that is called compared; up to the highest value of both it was .72."""
    replications = 100
    hits, shown = np.zeros(len(SHARES)), np.zeros(len(SHARES))
    for seed in range(replications):
        found, truth = matched_on_a_plateau(seed, kind)
        compared = (found["status"] == COMPARED).to_numpy()
        hits += compared & (found["low"] <= truth).to_numpy() & (found["high"] >= truth).to_numpy()
        shown += compared
    with capsys.disabled():
        print(f"\n  {kind}: coverage {(hits / shown).round(3)}, compared {(shown / replications).round(2)}")
    assert (shown >= 0.8 * replications).all()
    assert (hits / shown >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / shown)).all()
