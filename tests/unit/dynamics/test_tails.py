"""The check of the parametric operating points: held where the law is right, refused where its numbers are wrong."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dynamic_worlds import TAILS
from memdyn.attacks.signals import Signals
from memdyn.dynamics.dprime import effect_sizes, smooth_rates
from memdyn.dynamics.tails import Predictive, tail_frequencies, tail_tables, verdict
from memdyn.stats.shrinkage import fit_prior

ALPHA = 0.001


def normal(rng, shape):
    return rng.normal(size=shape)


def heavy(rng, shape):
    return rng.standard_t(3, shape) / np.sqrt(3)


def bounded(rng, shape):
    return rng.uniform(-np.sqrt(3), np.sqrt(3), shape)


def skewed(rng, shape):
    return rng.exponential(size=shape) - 1


def jumping(rng, shape):
    """One model in ten learns the sample by heart."""
    return (np.where(rng.random(shape) < 0.1, 3.0, -1 / 3) + 0.3 * rng.normal(size=shape)) / np.sqrt(1.09)


def margins(seed, pairs, d_prime, out=normal, inside=None, ratio=1.0):
    """IN and OUT margins; d' in units of the root mean square of both deviations."""
    rng = np.random.default_rng(seed)
    n = len(d_prime)
    s_out = np.exp(0.4 * rng.normal(size=n))
    own = (inside or out)(rng, (pairs, n))
    shift = s_out * np.sqrt((1 + np.square(ratio)) / 2) * d_prime
    return shift + ratio * s_out * own, s_out * out(rng, (pairs, n))


def checked(margins_in, margins_out):
    """Effect sizes, table and verdict of the check."""
    pairs, n = margins_in.shape
    mask = np.zeros((2 * pairs, n), bool)
    mask[0::2] = True
    values = np.empty(mask.shape)
    values[0::2], values[1::2] = margins_in, margins_out
    effects = effect_sizes(margins_in, margins_out)
    return effects, *tail_tables(Signals.of_margins(values, mask, np.zeros((2 * pairs, 1))), effects, TAILS)


@pytest.mark.parametrize("ratio", [1.0, 0.6])
def test_leave_pair_out_tails_against_a_loop(ratio):
    """With a ratio that is the same for all samples: what is left out changes means, variances and their prior."""
    inside, outside = margins(2, 6, np.ones(40), ratio=ratio)
    effects = effect_sizes(inside, outside)
    assert effects.ratio.spread == 0
    r = np.exp(effects.ratio.trend(effects.mean))
    logs = Predictive.of(inside, outside, effects).log_tails(outside)
    for pair in range(6):
        kept_in, kept_out = np.delete(inside, pair, 0), np.delete(outside, pair, 0)
        squares = 4 * (kept_in.var(axis=0, ddof=1) / r**2 + kept_out.var(axis=0, ddof=1))
        prior = fit_prior(squares[None], 8)
        nu, v = prior.nu[0], prior.variance[0]
        scale = np.sqrt((1 + 1 / 5) * (nu * v + squares) / (nu + 8))
        expected = stats.t.logsf(outside[pair], nu + 8, loc=kept_out.mean(axis=0), scale=scale)
        np.testing.assert_allclose(logs[pair], expected, rtol=1e-5)


@pytest.mark.parametrize("law", ["none", "skewed"])
@pytest.mark.parametrize("varying", [False, True], ids=["one ratio", "ratios"])
def test_the_predicted_share_of_members_is_the_counted_one(law, varying, capsys):
    """5 worlds of 4,000 samples and 32 models; without an effect it is alpha itself."""
    counted, predicted, tpr = [], [], []
    for seed in range(5):
        rng = np.random.default_rng([3, seed])
        d_prime = rng.gamma(0.5, 1.2, 4000) if law == "skewed" else np.zeros(4000)
        ratio = 0.9 * np.exp(0.2 * rng.normal(size=4000)) if varying else 1.0
        inside, outside = margins(seed, 16, d_prime, ratio=ratio)
        effects = effect_sizes(inside, outside)
        predictive = Predictive.of(inside, outside, effects)
        counted.append(predictive.counted_tpr(inside, ALPHA).mean())
        predicted.append(predictive.predicted_tpr(effects, ALPHA))
        tpr.append(smooth_rates(effects, ALPHA).mean())
    with capsys.disabled():
        print(f"\n{law}: counted {np.mean(counted):.5f}, predicted {np.mean(predicted):.5f}; TPR {np.mean(tpr):.5f}")
    assert np.mean(counted) == pytest.approx(np.mean(predicted), rel=0.06, abs=0.25 * ALPHA * (law == "none"))
    if law == "none" and not varying:
        assert np.mean(predicted) == pytest.approx(ALPHA, rel=0.05)


def test_predicted_share_against_draws():
    """A simulation of what `predicted_tpr` integrates, from its own laws of d', ratio and scale."""
    inside, outside = margins(4, 12, np.random.default_rng(4).gamma(0.5, 1.5, 1500), ratio=0.7)
    effects = effect_sizes(inside, outside)
    predictive = Predictive.of(inside, outside, effects)
    rng = np.random.default_rng(5)
    draws, dof = 400_000, predictive.dof.mean()
    d_prime = rng.choice(effects.posterior.values, draws, p=effects.posterior.average())
    r = np.exp(effects.ratio.trend(d_prime))
    margin = np.sqrt((1 + r * r) / 2) * d_prime + r * rng.normal(size=draws) - rng.normal(size=draws) / np.sqrt(11)
    scale = np.sqrt(rng.chisquare(dof, draws) / dof)
    share = np.mean(margin > stats.t.isf(0.01, dof) * np.sqrt(1 + 1 / 11) * scale)
    assert effects.ratio.spread == 0
    assert predictive.predicted_tpr(effects, 0.01) == pytest.approx(share, rel=0.02)


def test_frequencies_are_counts():
    logs = np.log([[0.001, 0.3, 0.95], [0.2, 0.5, 0.999]])
    upper, lower = tail_frequencies(logs, np.array([0.01, 0.3]))
    np.testing.assert_allclose(upper, [[1 / 3, 2 / 3], [0, 1 / 3]])
    np.testing.assert_allclose(lower, [[0, 1 / 3], [1 / 3, 1 / 3]])


@pytest.mark.parametrize(
    ("out", "inside", "ratio", "expected"),
    [
        (normal, normal, 1.0, ("holds", "holds")),
        (normal, normal, 0.6, ("holds", "holds")),
        (normal, normal, 1.3, ("holds", "holds")),
        (heavy, heavy, 1.0, ("fails", None)),
        (bounded, bounded, 1.0, ("fails", None)),
        (skewed, skewed, 1.0, ("fails", None)),
        (normal, skewed, 1.0, ("holds", "fails")),
        (normal, jumping, 1.0, (None, "fails")),
    ],
    ids=["normal", "narrow IN", "wide IN", "heavy", "bounded", "skewed", "IN skewed", "IN jumps"],
)
def test_verdicts(out, inside, ratio, expected, capsys):
    """The OUT tail says whether the FPR is what it is called, the counted members whether the TPR is."""
    d_prime = np.random.default_rng(3).gamma(0.5, 1.2, 6000)
    _, table, found = checked(*margins(3, 16, d_prime, out, inside, ratio))
    with capsys.disabled():
        print(
            f"\nOUT {found['ratio']:.2f} {found['out_verdict']}, members {found['tpr_ratio']:.2f} {found['in_verdict']}"
        )
    for word, side in zip(expected, ("out_verdict", "in_verdict"), strict=True):
        assert word in (None, found[side])
    assert found["verdict"] == ("holds" if expected == ("holds", "holds") else "fails")
    if expected == ("holds", "holds"):
        assert np.all((table["low"] <= table["probability"]) & (table["probability"] <= table["high"]))
        np.testing.assert_allclose(table["z_observed"], table["z_expected"], atol=0.1)


def test_honest_runs_do_not_fail():
    """24 worlds, small and larger ones, with and without leakage: none fails."""
    found = []
    for seed in range(24):
        rng = np.random.default_rng([6, seed])
        n = (400, 1500)[seed % 2]
        d_prime = (np.zeros(n), rng.gamma(0.5, 1.2, n), rng.normal(1, 0.7, n))[seed % 3]
        found.append(checked(*margins(seed, 8, d_prime, ratio=(1.0, 0.7)[seed % 4 // 2]))[2]["verdict"])
    assert "fails" not in found


def test_verdict_by_limits():
    assert verdict((1.0, 0.9, 1.2), 0.5, 2.0, 50) == "holds"
    assert verdict((2.5, 2.1, 2.9), 0.5, 2.0, 50) == "fails"
    assert verdict((0.3, 0.2, 0.4), 0.5, 2.0, 50) == "fails"
    assert verdict((1.5, 0.8, 2.2), 0.5, 2.0, 50) == "undecided"
    assert verdict((3.0, 3.0, 3.0), 0.5, 2.0, 9) == "undecided"


def test_columns():
    _, table, found = checked(*margins(7, 8, np.ones(200)))
    assert isinstance(table, pd.DataFrame) and set(table["tail"]) == {"upper", "lower"}
    assert found["ratio_low"] <= found["ratio"] <= found["ratio_high"]
    assert 0 <= found["tpr_ratio_low"] <= found["tpr_ratio"] <= found["tpr_ratio_high"]


def test_few_models_are_refused():
    effects = effect_sizes(*margins(8, 3, np.zeros(5)))
    with pytest.raises(ValueError, match="at least 8 models"):
        Predictive.of(*margins(8, 3, np.zeros(5)), effects)
