"""Widths of intervals, foretold from few models, come to pass with many."""

from math import inf, sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f, t

from finished_studies import finish
from memdyn.attacks.base import Prepared, build
from memdyn.attacks.evaluate import Settings, evaluate_checkpoint
from memdyn.config.load import load_study
from memdyn.operations.plan import _widths
from memdyn.operations.widths import _pilots, half_width, models_for, own_error, spread, widths
from memdyn.plan.study import build_plan
from memdyn.terms import AUC, FPRS, METRICS, tpr_at
from studies import study
from worlds import gaussian_world

SETTINGS = Settings(level=0.95, groups=16, draws=1, seed=1, fprs=FPRS, rate_fprs=(), points_per_decade=10)
FORETOLD = (AUC, tpr_at(0.01))
COURSE = {2: 0.6, 4: 1.0}  # what members gain by each epoch, in deviations


def plan_of(results: Path, attack: str, models: int):
    changes = {"attacks": [{"name": attack}], "dynamics.attacks": [attack], "runs": [{"name": "mlp"}]}
    return build_plan(load_study(study({"results": str(results), "shadow_models": models} | changes)))


def measured(attack: str, n_models: int, seed: int) -> dict[str, pd.DataFrame]:
    """An attack's tables at two checkpoints of a world in which models differ."""
    config = load_study(study({"attacks": [{"name": attack}], "dynamics.attacks": [attack]})).config
    built, tables = build(config.attacks[0].model_dump()), []
    for epoch, d_prime in COURSE.items():
        world = gaussian_world(100 * epoch + seed, n_models, 300, d_prime, model_effect=0.3, samples_seed=5)
        tables.append(
            {
                name: table.assign(epoch=epoch)
                for name, table in evaluate_checkpoint(built, Prepared.of(built, world), SETTINGS).items()
            }
        )
    return {name: pd.concat([each[name] for each in tables]) for name in tables[0]}


def finished(results: Path, attack: str, models: int, seed: int) -> None:
    plan = plan_of(results, attack, models)
    finish(plan)
    for name, table in measured(attack, models, seed).items():
        table.to_parquet(Path(plan.results, plan.runs[0].attacks[attack].path, f"{name}.parquet"))


def halves(tables: dict[str, pd.DataFrame]) -> list[float]:
    row = tables["metrics"].query("aggregation == 'pooled'").iloc[-1]
    return [(row[f"{metric}_high"] - row[f"{metric}_low"]) / 2 for metric in FORETOLD]


@pytest.mark.parametrize("attack, wide", [("loss", (1.3, 1.3)), ("lira", (1.8, 1.3))])
def test_intervals_of_64_models_are_foretold_from_16(tmp_path, attack, wide):
    """On average over worlds. LiRA finds more with more models, so that its TPR's interval is wider than by the root of
    the models, which is foretold; its AUC's is narrower, which is not (docs/commands.md)."""
    seen, foretold = [], []
    for seed in range(4):
        finished(tmp_path / str(seed), attack, 16, seed)
        found = {each.metric: each for each in widths(plan_of(tmp_path / str(seed), attack, 64), 0.01)}
        assert {each.measured for each in found.values()} == {16} and found.keys() == set(METRICS)
        foretold.append([found[metric].half for metric in FORETOLD])
        seen.append(halves(measured(attack, 64, seed)))
    ratio = np.exp(np.mean(np.log(foretold) - np.log(seen), axis=0))
    assert np.all((ratio > 1 / 1.3) & (ratio < wide)), ratio


@pytest.mark.parametrize("seed", range(3))
def test_of_as_many_models_what_is_printed_is_foretold(tmp_path, monkeypatch, seed):
    """Of one checkpoint, which tells its own error. Limits of 2.4 false positives end at 0, and hold the luck of the
    threshold: they are up to a third narrower, those of 24 up to twice as wide as the jackknife's alone."""
    monkeypatch.delitem(COURSE, 2)
    finished(tmp_path, "loss", 16, seed)
    plan = plan_of(tmp_path, "loss", 16)
    row = measured("loss", 16, seed)["metrics"].query("aggregation == 'pooled'").iloc[0]
    pilots = _pilots(Path(plan.results), plan.runs[0].attacks["loss"], ())
    for each in widths(plan, 0.01):
        printed = (row[f"{each.metric}_high"] - row[f"{each.metric}_low"]) / 2
        alone = half_width(8, 0.95) * pilots[each.metric].error(16)
        assert each.half == pytest.approx(printed, rel=0.05)
        if each.metric == tpr_at(0.001):
            assert alone > 1.1 * printed


def test_ranges_and_few_false_positives_are_told(tmp_path):
    finished(tmp_path, "loss", 16, 1)
    plan = plan_of(tmp_path, "loss", 32)
    heading, *lines = _widths(plan, 0.01)
    assert heading.startswith("intervals with 32 models") and "knows its own width to 18%" in heading
    found = {each.metric: each for each in widths(plan, 0.01)}
    for line, (metric, each) in zip(lines, found.items(), strict=True):
        assert line.startswith(f"  loss {metric}: +-{each.half:.2g} ({each.low:.2g} to {each.high:.2g}); ")
        assert each.low < each.half < each.high
    # 2,400 non-members of 16 models
    assert "from 16 models of mlp)" in lines[0] and "on 2.4 false positives: a guess)" in lines[1]
    assert found[tpr_at(0.01)].false_positives == pytest.approx(24)


def test_the_models_that_a_width_takes_have_it(tmp_path):
    """A study of so many models is foretold that width, and one of a block less is not."""
    finished(tmp_path, "lira", 16, 1)
    for each in widths(plan_of(tmp_path, "lira", 32), 0.012):
        if each.models < inf:
            of = [
                {found.metric: found.half for found in widths(plan_of(tmp_path, "lira", int(models)), 0.012)}
                for models in (each.models - 8, each.models)
            ]
            assert of[0][each.metric] > 0.012 >= of[1][each.metric]


def test_no_study_of_more_models_is_wider():
    models, rising = np.array([8, 16, 24, 32]), np.array([0.01, 0.03, 0.02, 0.015])
    assert models_for(0.02, models, rising) == 24, "not 8, whose rate has still to rise"
    assert models_for(0.05, models, rising) == 8 and models_for(0.001, models, rising) == inf


def test_half_of_a_width_is_that_of_student():
    assert half_width(16, 0.95) == pytest.approx(2.131, rel=1e-3) == pytest.approx(t.ppf(0.975, 15), rel=1e-3)
    assert half_width(1, 0.95) == inf


@pytest.mark.parametrize("count, freedom", [(4, 6), (16, 20)])
def test_nine_in_ten_chi_distributed_widths_lie_in_the_range(count, freedom):
    rng = np.random.default_rng(4)
    seen, told = (np.sqrt(rng.chisquare(dof, 20_000) / dof) for dof in (count - 1, freedom))
    low, high = spread(count, freedom)
    assert np.mean((seen / told > low) & (seen / told < high)) == pytest.approx(0.9, abs=0.01)
    assert low == pytest.approx(sqrt(f.ppf(0.05, count - 1, freedom)))


@pytest.mark.parametrize("count, share", [(4, 0.51), (8, 0.72), (16, 0.87)])
def test_single_intervals_are_within_30_percent_of_the_truth_so_often_only(count, share):
    """The bound that no foretelling can beat (docs/commands.md): of a chi of G - 1."""
    errors = np.random.default_rng(3).normal(size=(20_000, count)).std(axis=1, ddof=1)
    assert np.mean(np.abs(1 / errors - 1) <= 0.3) == pytest.approx(share, abs=0.01)
    assert own_error(count) == pytest.approx(errors.std(), rel=0.1)
