"""Pure noise has AUC one half, and why pairs are left out instead of models."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from every_attack import ATTACKS, label
from memdyn.attacks.base import build
from memdyn.attacks.evaluate import null_draws, swaps
from memdyn.compare.nulls import null_tests
from memdyn.stats.roc import auc
from memdyn.stats.simultaneous import null_test
from worlds import gaussian_world, readable_by, with_outputs

WORLDS, SAMPLES = 12, 2000
SLOW = ("shokri2017", "trajectory")  # they train a classifier
LIKE_LIRA = (
    "lira_views",
    "embedding_norm",
    "adversarial_distance",
    "boundary_distance",
    "sequence",
    "log_ratio_sum",
    "proxy",
)  # its laws, of other or of more signals


@pytest.mark.parametrize("n_models", [8, 32])
@pytest.mark.parametrize("options", ATTACKS, ids=label)
@pytest.mark.parametrize("folds", ["pairs", "halves"])
def test_pure_noise_gives_one_half(options, folds, n_models):
    attack, values = build(options), []
    for seed in range(5 if options["name"] in SLOW else WORLDS):  # an AUC of five worlds has an error of .001
        world = readable_by(attack, gaussian_world(seed, n_models, SAMPLES, 0.0, n_population=200))
        values.append(auc(*world.split(attack.score(world, folds))))
    assert np.mean(values) == pytest.approx(0.5, abs=0.005)


def leave_one_model_out(world):
    """What other tools do: all models but the scored one calibrate it, its complement among them."""
    scores = np.empty(world.margins.shape)
    for model in range(len(scores)):
        laws = []
        for member in (True, False):
            chosen = (world.mask == member) & (np.arange(len(scores)) != model)[:, None]
            values = np.ma.array(world.margins, mask=~chosen)
            laws.append(stats.norm(values.mean(axis=0).data, values.std(axis=0, ddof=1).data))
        scores[model] = laws[0].logpdf(world.margins[model]) - laws[1].logpdf(world.margins[model])
    return scores


@pytest.mark.parametrize(("n_models", "expected"), [(8, 0.435), (16, 0.487)])
def test_leaving_one_model_out_is_biased(n_models, expected):
    """On pure noise the group sizes betray the left-out model's membership: why a pair is left out."""
    values = []
    for seed in range(10):
        world = gaussian_world(seed, n_models, SAMPLES, 0.0)
        values.append(auc(*world.split(leave_one_model_out(world))))
    assert np.mean(values) == pytest.approx(expected, abs=0.01)
    assert np.mean(values) < 0.5 - 0.01


def per_model(scores, mask):
    return np.mean([auc(row[own], row[~own]) for row, own in zip(scores, mask, strict=True)])


@pytest.mark.slow
def test_honest_runs_pass_the_simultaneous_test():
    """On real signal, members swapped at random: the p-value of the run's null test is uniform, also for 8 models."""
    kinds = [each for each in ATTACKS if each.get("mode") != "offline" and "dialect" not in each]
    one_of_each = {each["name"]: each for each in reversed(kinds)}.values()  # in its first mode
    quick = [each for each in one_of_each if each["name"] not in (*SLOW, *LIKE_LIRA)]
    attacks, p_values = [build(options) for options in quick], []
    for seed in range(40):
        world = with_outputs(gaussian_world(seed, 8, 100, 1.5, model_effect=0.3))
        swapped = [world.swap(swaps(world.mask, seed, draw)) for draw in range(20)]
        masks = np.array([inputs.mask for inputs in swapped])
        scores = [np.array([attack.score(inputs, "pairs") for inputs in swapped]) for attack in attacks]
        aucs = np.array([aucs_of_draws(of_attack, masks) for of_attack in scores])
        p_values.append(null_test(aucs.T, alpha=0.01, flips=199, seed=0).p_value)
    for level in (0.05, 0.2, 0.5):
        assert abs(np.mean(np.array(p_values) <= level) - level) < 3.5 * np.sqrt(level * (1 - level) / 40)


def halves(rng, n_draws, n_models, n_samples):
    """Masks [D, M, n] of new halves."""
    first = rng.random((n_draws, n_models // 2, n_samples)).argsort(axis=2) < n_samples // 2
    return np.stack([first, ~first], axis=2).reshape(n_draws, n_models, n_samples)


def aucs_of_draws(scores, masks):
    """AUCs [D], means over models, of scores [M, n] or [D, M, n] under masks [D, M, n]; no ties."""
    half = masks.shape[2] // 2
    ranks = np.broadcast_to(scores.argsort(axis=-1).argsort(axis=-1), masks.shape)
    return (((ranks * masks).sum(axis=2) - half * (half - 1) / 2) / half**2).mean(axis=1)


@pytest.mark.parametrize(
    ("n_models", "n_samples", "n_draws"),
    [*((8, n_samples, 20) for n_samples in (20, 40, 100, 400)), (32, 100, 20), (8, 40, null_draws(8, 40, 20))],
)
def test_small_honest_studies_pass(n_models, n_samples, n_draws):
    """Noise at three checkpoints that hang together, with few draws of the null and with as many as are taken."""
    runs, failed = 150, 0
    for seed in range(runs):
        rng = np.random.default_rng([seed, n_samples])
        masks, shared = halves(rng, n_draws, n_models, n_samples), rng.normal(size=(n_models, n_samples))
        cells = [aucs_of_draws(shared + rng.normal(size=shared.shape), masks) for _ in range(3)]
        failed += null_test(np.array(cells).T, alpha=0.001, flips=4999, seed=0).p_value <= 0.01
    assert failed <= runs * 0.01 + 3.5 * np.sqrt(runs * 0.01 * 0.99)


def test_attacks_with_more_draws_are_tested_by_as_many_as_all_have():
    """As attacks on fewer samples have."""
    rng = np.random.default_rng(0)

    def draws(attack, count, bias=0.0):
        rows = [("r", attack, 1, "per_model", draw, 0.5 + bias + 0.01 * rng.normal()) for draw in range(count)]
        return pd.DataFrame(rows, columns=["run", "attack", "epoch", "aggregation", "draw", "auc"])

    few, many = draws("lira", 20), draws("boundary_distance", 90)
    cut = many.query("draw < 20")
    found, expected = null_tests(pd.concat([few, many])), null_tests(pd.concat([few, cut]))
    pd.testing.assert_frame_equal(found, expected)
    assert found["n_draws"].item() == 20 and found["passed"].item()
    assert not null_tests(pd.concat([few, draws("boundary_distance", 90, bias=0.02)]))["passed"].item()


def leaky_scores(margins, masks):
    """Online LiRA as in `leave_one_model_out`, for masks [D, M, n] at once."""
    logs = []
    for member in (True, False):
        chosen = (masks == member).astype(float)
        count = chosen.sum(axis=1, keepdims=True) - chosen
        mean = ((chosen * margins).sum(axis=1, keepdims=True) - chosen * margins) / count
        squares = (chosen * margins**2).sum(axis=1, keepdims=True) - chosen * margins**2 - count * mean**2
        logs.append(stats.norm(mean, np.sqrt(squares / (count - 1))).logpdf(margins))
    return logs[0] - logs[1]


@pytest.mark.parametrize(("n_models", "n_samples"), [(8, 20), (8, 40), (8, 100), (8, 400), (16, 40), (16, 400)])
def test_a_leak_is_seen(n_models, n_samples):
    """Calibration by all models but the scored one, with the draws of a small study. (32 models leak too little.)"""
    runs, n_draws, failed = 25, null_draws(n_models, n_samples, 20), 0
    for seed in range(runs):
        rng = np.random.default_rng([seed, n_samples])
        masks, margins = halves(rng, n_draws, n_models, n_samples), rng.normal(size=(n_models, n_samples))
        cells = np.array([aucs_of_draws(leaky_scores(margins, masks), masks), aucs_of_draws(margins, masks)])
        failed += not null_test(cells.T, alpha=0.001, flips=4999, seed=0).passed
    assert failed >= runs * (0.95 if n_models == 8 else 0.8)  # 25 runs at 16 models: .95 of many more


def test_the_loop_and_the_batch_leak_alike():
    world = gaussian_world(0, 8, 30, 0.0)
    np.testing.assert_allclose(leaky_scores(world.margins, world.mask[None])[0], leave_one_model_out(world), atol=1e-6)


def test_per_model_noise_is_one_half_in_the_smallest_study_and_pooled_it_is_not():
    """Why the null is tested per model: 20 samples, 8 models, as many draws as leave no doubt."""
    attack, own, pooled = build({"name": "lira", "mode": "online", "variance": "per_sample"}), [], []
    for seed in range(40):
        world = gaussian_world(seed, 8, 20, 0.0)
        for draw in range(60):
            swapped = world.swap(swaps(world.mask, seed, draw))
            scores = attack.score(swapped, "pairs")
            own.append(per_model(scores, swapped.mask))
            pooled.append(auc(*swapped.split(scores)))
    error = np.std(own) / np.sqrt(len(own))
    assert np.mean(own) == pytest.approx(0.5, abs=3.5 * error)
    assert np.mean(pooled) < 0.5 - 2.5 * error


def test_the_table_has_the_verdict_of_each_run_on_the_means_per_model():
    rng, parts = np.random.default_rng(0), []
    for run, bias in (("honest", 0.0), ("leaky", 0.02)):
        for aggregation, off in (("pooled", 0.3), ("per_model", bias)):
            for epoch in (0, 5):
                auc_of = 0.5 + off + 0.004 * rng.normal(size=20)
                keys = {"run": run, "attack": "lira", "epoch": epoch, "aggregation": aggregation}
                parts.append(pd.DataFrame(keys | {"draw": np.arange(20), "auc": auc_of}))
    table = null_tests(pd.concat(parts)).set_index("run")
    fields = ["statistic", "p_value", "mean_null_auc", "resolution", "n_draws", "passed"]
    assert list(table) == fields and table["passed"].to_dict() == {"honest": True, "leaky": False}
    assert 0.003 < table.loc["honest", "resolution"] < 0.015 and table.loc["leaky", "mean_null_auc"] > 0.51
