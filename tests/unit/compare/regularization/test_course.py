"""Delay or lower: onsets of known curves, runs that never leak as much, baselines that do not leak."""

import numpy as np
import pytest

from memdyn.compare.regularization.course import course_table
from regularized_worlds import PLAIN, changed, world

LATE = changed(lira=[0.5, 0.5, 0.5, 0.7])


def row(run, runs, attack="lira", **options):
    table = course_table(world(runs, **options))
    return table.set_index(["run", "attack"]).loc[(run, attack)]


def test_known_onsets():
    """Half of .2 above chance is .6: the baseline is there between epochs 2 (.55) and 4 (.62), the late run at 6."""
    found = row("late", {"base": PLAIN, "late": LATE}, noise=0, own_noise=0)
    assert found["at"] == pytest.approx(0.6) and found["status"] == "reached"
    assert (found["onset"], found["baseline_onset"]) == pytest.approx((6, 2 + 2 * 5 / 7))
    assert found["delay"] == pytest.approx(6 - 2 - 10 / 7) and found["share_at_end"] == pytest.approx(1)


def test_delays_have_intervals():
    found = row("late", {"base": PLAIN, "late": LATE})
    assert 0 < found["low"] < found["delay"] < found["high"]
    found = row("same", {"base": PLAIN, "same": PLAIN})
    assert found["low"] < 0 < found["high"]


def test_never_and_nothing():
    found = row("low", {"base": PLAIN, "low": changed(lira=-0.12)})
    assert found["status"].startswith("never") and np.isnan(found["delay"]) and found["share_at_end"] < 0.5
    nothing = changed(lira=[0.5, 0.5, 0.5, 0.5])
    found = row("run", {"base": nothing, "run": PLAIN})
    assert found["status"] == "the baseline does not leak" and np.isnan(found["onset"])


@pytest.mark.slow
def test_intervals_cover(capsys, replications=60):
    truth = 6 - 2 - 10 / 7
    found = [
        row("late", {"base": PLAIN, "late": LATE}, seed=seed, noise=0.01, own_noise=0.005)
        for seed in range(replications)
    ]
    covered = np.mean([one["low"] <= truth <= one["high"] for one in found])
    with capsys.disabled():
        print(f"\n  coverage {covered:.3f}")
    assert covered >= 0.93 - 2.5 * np.sqrt(0.93 * 0.07 / replications)
