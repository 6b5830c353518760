"""What is foretold comes to pass: jobs, intervals, and what so few false positives cannot say."""

from math import inf
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import exported_scores
from finished_studies import finish
from memdyn.__main__ import main
from memdyn.attacks.base import Prepared, build
from memdyn.attacks.evaluate import Settings, evaluate_checkpoint
from memdyn.config.load import load_study
from memdyn.operations.cost import told_times
from memdyn.operations.drawn import figures
from memdyn.operations.plan import _jobs, _resolution
from memdyn.operations.why import reasons
from memdyn.operations.widths import expected_half, group_sizes, own_error, smoothed, widths
from memdyn.plan.study import build_plan
from memdyn.tables import study_tables
from memdyn.terms import AUC, FPRS, METRICS, tpr_at
from studies import study
from worlds import gaussian_world

LIRA = {"attacks": [{"name": "lira"}]}
SETTINGS = Settings(level=0.95, groups=16, draws=1, seed=1, fprs=FPRS, rate_fprs=(), points_per_decade=2)


def plan_of(results: Path, **changes):
    return build_plan(load_study(study({"results": str(results)} | LIRA | changes)))


def test_jobs_are_counted_by_kind(tmp_path, capsys):
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(study({"results": str(tmp_path / "results")} | LIRA)))
    assert main(["plan", "--configfile", str(config)]) == 0
    said = capsys.readouterr().out
    assert "pool                 2      0\n" in said and "in all              19      0\n" in said
    assert "intervals: unknown until" in said
    plan = plan_of(tmp_path / "results")
    finish(plan)
    jobs, files = list(_jobs(plan))[-2:]
    assert jobs == "in all               0     19"
    # of two runs: 11 of an attack, 8 of dynamics, 7 of agreement, 8 of realised, 24 of the analysis, 5 of blocks each
    shown = 2 * len(study_tables(True, held_out=True)) + 2 * figures(plan)
    of_a_run = 11 + 8 + 7 + 8 + 24 + 5 + 5
    assert files == f"files in the end, besides weights that are kept: about {2 * of_a_run + 9 + 3 * 5 + shown}"


@pytest.mark.parametrize("option", [["--jobs", "0"], ["--half-width", "0"], ["--half-width", "wide"]])
def test_bad_options_are_refused(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["plan", *option])
    assert stopped.value.code == 2 and f"{option[1]!r}: must be " in capsys.readouterr().err


def test_fprs_that_cannot_be_seen_are_named(tmp_path):
    few = list(_resolution(plan_of(tmp_path)))
    assert few[0] == "resolution of FPRs: 1/200 in a model, 1/1,600 in all, 1/4 of a sample over its OUT models"
    assert few[1:] == [
        "tpr_at_fpr_0.001 has no false positive in a model: read it pooled",
        "tpr_at_fpr_0.001 rests on 1.6 false positives in all: take more samples or more models",
        # Student's t of three degrees of freedom is 3.18, the normal's is 1.96; 1 / sqrt(6) is .41
        "8 models make 4 groups of the jackknife: an interval's width is known to 41%, and 1.6 times as wide as with "
        "many groups; take 16 models or more",
    ]
    assert not any("jackknife" in line for line in _resolution(plan_of(tmp_path, shadow_models=16)))
    fewer = list(_resolution(plan_of(tmp_path, **{"shadow_models": 16, "statistics.jackknife_groups": 4})))
    assert not any("jackknife" in line for line in fewer), "as was asked for"
    many = {"pool.parts.scored": 1400, "shadow_models": 64, "pool.parts.population": 90, "pool.parts.test": 90}
    assert len(list(_resolution(plan_of(tmp_path, **many)))) == 2  # pooled, 0.1 % of 44,800


def measured(attack: dict, n_models: int, seed: int) -> dict[str, pd.DataFrame]:
    """An attack's tables at one checkpoint of a world in which models differ."""
    changes = {"attacks": [attack], "dynamics.attacks": [attack["name"]]}
    built = build(load_study(study(changes)).config.attacks[0].model_dump())
    world = gaussian_world(seed, n_models, 300, 1.0, model_effect=0.3, samples_seed=5)
    tables = evaluate_checkpoint(built, Prepared.of(built, world), SETTINGS)
    return {name: table.assign(epoch=4) for name, table in tables.items()}


def halves(tables: dict[str, pd.DataFrame]) -> list[float]:
    row = tables["metrics"].query("aggregation == 'pooled'").iloc[0]
    return [(row[f"{metric}_high"] - row[f"{metric}_low"]) / 2 for metric in FORETOLD]


FORETOLD = (AUC, tpr_at(0.01))


@pytest.mark.parametrize("attack, few, wide, worlds", [("loss", 16, 1.25, 6), ("lira", 32, 1.4, 3)])
def test_intervals_of_64_models_are_foretold_from_few(tmp_path, attack, few, wide, worlds):
    """On average over worlds; LiRA finds more with more models, so that of its errors the law is a rough one."""
    seen, foretold = [], []
    for seed in range(worlds):
        attacks = {"attacks": [{"name": attack}], "dynamics.attacks": [attack], "runs": [{"name": "mlp"}]}
        done, many = (plan_of(tmp_path / str(seed), shadow_models=models, **attacks) for models in (few, 64))
        finish(done)
        for name, table in measured({"name": attack}, few, seed).items():
            table.to_parquet(Path(done.results, done.runs[0].attacks[attack].path, f"{name}.parquet"))
        found = {each.metric: each for each in widths(many, 0.01)}
        assert {each.measured for each in found.values()} == {few} and found.keys() == set(METRICS)
        foretold.append([found[metric].half for metric in FORETOLD])
        seen.append(halves(measured({"name": attack}, 64, seed)))
    ratio = np.exp(np.mean(np.log(foretold) - np.log(seen), axis=0))
    assert np.all((ratio > 1 / wide) & (ratio < wide)), ratio


def test_the_models_that_a_width_takes():
    error = 0.08
    halves = {models: expected_half(error, models, min(models // 2, 16), 0.95) for models in (8, 16, 64, 256)}
    assert halves[64] == pytest.approx(2.131 * 0.08 / 8, rel=1e-3)  # Student's t of 16 groups
    assert halves[8] == pytest.approx(3.182 * 0.08 / 8**0.5, rel=1e-3)  # of 4 groups
    assert list(halves.values()) == sorted(halves.values(), reverse=True)
    assert expected_half(error, 2, 1, 0.95) == inf


def test_of_masks_in_folds_nothing_is_said_that_holds_of_pairs_alone(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    monkeypatch.setattr(type(plan), "folds", property(lambda plan: [0, 0, 1, 1, 2, 2, 3, 3]))
    (line,) = _resolution(plan)
    assert line.startswith("8 models make 4 groups of the jackknife")
    assert group_sizes(plan.folds, 8, 16).tolist() == [2, 2, 2, 2]


def test_errors_that_follow_the_binomial_are_found_again():
    rates = np.array([0.5, 0.02, 0.3, 1.0, 0.0])
    errors = 0.04 * np.sqrt(rates * (1 - rates))
    assert smoothed(rates, errors) == pytest.approx(errors[2]), "of the last that tells"
    assert smoothed(rates, np.zeros(5)) == 0 and smoothed(rates[3:], np.ones(2)) == 0
    naive = [errors[c] / np.sqrt(rates[c] * (1 - rates[c])) for c in range(3)]
    assert smoothed(rates[:3], errors[:3]) == pytest.approx((sum(c * c for c in naive) / 3 * 0.3 * 0.7) ** 0.5)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_checkpoints_together_know_an_error_better_than_the_last(shared):
    """Jackknives of 8 groups whose noise has so much in common between checkpoints; all of it would be no gain."""
    rng, rates = np.random.default_rng(3), np.linspace(0.5, 0.9, 10)
    deviations = np.sqrt(shared) * rng.normal(size=(2000, 8, 1)) + np.sqrt(1 - shared) * rng.normal(size=(2000, 8, 10))
    errors = deviations.std(axis=1, ddof=1) * np.sqrt(rates * (1 - rates))
    truth = np.log(np.sqrt(rates[-1] * (1 - rates[-1])))
    last = np.log(errors[:, -1]) - truth
    together = np.log([smoothed(rates, each) for each in errors]) - truth
    assert last.std() == pytest.approx(own_error(8), rel=0.1)
    assert together.std() < (0.45, 0.6, 0.95)[[0.0, 0.5, 0.9].index(shared)] * last.std()
    assert abs(together.mean()) < 0.075


def test_scores_are_imported_by_one_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exported_scores.write(tmp_path / "mine.npz", exported_scores.arrays())
    mine = {"study": "mine", "scores": {"path": "mine.npz"}, **LIRA, "analysis": {"enabled": False}, "realised": None}
    plan = build_plan(load_study(mine))
    # import, attack, dynamics, agreement, tables, figures, page
    assert list(_jobs(plan))[-2].split() == ["in", "all", "7", "0"]
    assert sum(reason.jobs for reason in reasons(plan)) == 7
    assert not any("not known" in line for line in told_times(plan, None, 1))
