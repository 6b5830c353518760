"""What the controls of a score say in made-up worlds whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from memdyn.dynamics.separation import CONTROLS, Scored, separation
from memdyn.stats.jackknife import Pairs
from memdyn.stats.roc import auc, roc
from worlds import complementary_mask

CLASSES, KNOWN = 5, 100


def world(seed, kind, n_models=16, n_samples=300, noise="normal"):
    """A margin that members have one deviation higher (in `null`: not), and a score of some kind of it."""
    rng = np.random.default_rng([seed, n_models])
    mask, labels = complementary_mask(rng, n_models, KNOWN + n_samples), rng.integers(0, CLASSES, KNOWN + n_samples)

    def drawn(shape=mask.shape):
        return {"normal": rng.normal, "skewed": lambda size: rng.exponential(size=size) - 1}[noise](size=shape)

    of_class = 2 * rng.normal(size=CLASSES)[labels]
    margin = of_class + 2 * rng.normal(size=len(labels)) + drawn() + 0.5 * rng.normal(size=(n_models, 1))
    margin = margin + (kind != "null") * mask
    scale = np.exp(0.3 * rng.normal(size=(n_models, 1)))
    score = {
        "null": lambda: scale * margin + drawn(),
        "of the margin": lambda: scale * np.sinh(margin / 3) * (1 + labels) + labels,
        "of the class": lambda: of_class + 0.5 * drawn(),
        "more": lambda: 0.5 * mask + rng.normal(size=mask.shape),
        "farther": lambda: -0.5 * mask + rng.normal(size=mask.shape),
    }[kind]()
    known, rest = slice(0, KNOWN), slice(KNOWN, None)
    return Scored(
        score[:, rest],
        margin[:, rest],
        mask[:, rest],
        labels[rest],
        Pairs.of(n_models),
        (np.minimum(score[:, rest], 0), np.minimum(margin[:, rest], 0)),
        (score[:, known], mask[:, known]),
    )


def table(given, level=0.95):
    return separation(given, level, 16).set_index("control")


def test_every_control_has_a_row_and_limits():
    found = table(world(0, "more", n_models=8))
    assert tuple(found.index) == CONTROLS
    assert (found["low"] < found["auc"]).all() and (found["auc"] < found["high"]).all()
    np.testing.assert_allclose(found["difference"], found["auc"] - found["margin_auc"])
    assert found["advantage"].notna().tolist() == [True] + [False] * 5
    without = separation(Scored(**{**vars(world(0, "more", 8)), "halves": None}), 0.95, 16)
    assert "truncated_margin" not in set(without["control"])


def test_plain_figures_are_those_of_the_models_one_by_one():
    given = world(1, "more")
    row = table(given).loc["plain"]
    aucs = [auc(score[mask], score[~mask]) for score, mask in zip(given.score, given.members, strict=True)]
    weights = [mask.sum() * (~mask).sum() for mask in given.members]
    assert row["auc"] == pytest.approx(np.average(aucs, weights=weights))
    assert row["tpr_at_fpr_0.01"] == roc(given.score[given.members], given.score[~given.members], np.array([0.01])).tpr
    advantages = []
    for score, mask, known, inside in zip(given.score, given.members, *given.known, strict=True):
        best = max(
            np.append(known, np.inf), key=lambda cut: (known[inside] >= cut).mean() - (known[~inside] >= cut).mean()
        )
        advantages.append((score[mask] >= best).mean() - (score[~mask] >= best).mean())
    assert row["advantage"] == pytest.approx(np.mean(advantages), abs=0.01)  # equal cuts may be chosen differently


def test_what_a_score_tells_beyond_the_margin_is_seen_in_either_direction():
    """AUC of a shift of half a deviation: Phi(.5 / sqrt 2), whatever is compared."""
    truth = stats.norm.cdf(0.5 / np.sqrt(2))
    for kind, expected in (("more", truth), ("farther", 1 - truth)):
        found = table(world(2, kind, n_models=32))
        for control in ("plain", "strata", "matched"):
            assert found.loc[control, "auc"] == pytest.approx(expected, abs=0.03)
            assert found.loc[control, "low"] < expected < found.loc[control, "high"]
        assert not found.loc["matched", "low"] < 0.5 < found.loc["matched", "high"]
        assert found.loc["regression", "difference_low"] > 0.02


@pytest.mark.parametrize("noise", ["normal", "skewed"])
def test_what_is_the_margins_or_the_class_s_is_not_taken_for_more(noise):
    for kind in ("of the margin", "of the class"):
        found = table(world(3, kind, noise=noise))
        assert found.loc["matched", "low"] <= 0.5 <= found.loc["matched", "high"]
        assert found.loc["regression", "difference_low"] <= 0 and found.loc["regression", "difference"] < 0.003
        if kind == "of the margin":  # of the margin within each class: the margin itself, as far as strata see
            assert found.loc["strata", "auc"] == pytest.approx(found.loc["strata", "margin_auc"], abs=1e-12)
        else:
            assert found.loc["strata", "low"] <= 0.5 <= found.loc["strata", "high"]


def test_deciles_of_the_margin_over_all_classes_would_see_the_class():
    """Where classes differ in their margins, the class tells of the membership at equal margin."""
    given = world(3, "of the class", n_models=32)
    wins = comparisons = 0
    for score, margin, mask in zip(given.score, given.margin, given.members, strict=True):
        decile = np.argsort(np.argsort(margin)) * 10 // len(margin)
        for one in range(10):
            mine = decile == one
            wins += auc(score[mine & mask], score[mine & ~mask]) * (mine & mask).sum() * (mine & ~mask).sum()
            comparisons += (mine & mask).sum() * (mine & ~mask).sum()
    assert wins / comparisons < 0.47


def test_too_few_models_have_no_limits_and_no_calibration():
    found = table(world(4, "more", n_models=2))
    assert found["low"].isna().all() and found.loc["plain", "auc"] > 0.5
    assert found.loc[["regression", "lira"], "auc"].isna().all()


@pytest.mark.slow
def test_a_random_membership_has_a_half_and_the_limits_cover_it(capsys):
    replications, n_models = 24, 12
    tables = [table(world(seed, "null", n_models, n_samples=100)) for seed in range(replications)]
    with capsys.disabled():
        for control in CONTROLS:
            rows = np.array([one.loc[control, ["auc", "low", "high"]].to_numpy(float) for one in tables])
            mean, error = rows[:, 0].mean(), rows[:, 0].std() / np.sqrt(replications)
            covered = ((rows[:, 1] <= 0.5) & (rows[:, 2] >= 0.5)).mean()
            print(f"\n  {control}: mean null AUC {mean:.4f} +- {error:.4f}, coverage {covered:.3f}")
            # LiRA's statistic is per model and has mean 1/2; a fit to few pairs is at chance too
            assert abs(mean - 0.5) < 3.5 * error + 1e-9
            assert covered >= 0.95 - 2.5 * np.sqrt(0.95 * 0.05 / replications)
