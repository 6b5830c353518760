"""What is foretold comes to pass: jobs, intervals, and what so few false positives cannot say."""

from pathlib import Path

import pytest
import yaml

import exported_scores
from finished_studies import finish
from memdyn.__main__ import main
from memdyn.config.load import load_study
from memdyn.operations.cost import told_times
from memdyn.operations.drawn import figures
from memdyn.operations.plan import _jobs, _resolution
from memdyn.operations.why import reasons
from memdyn.operations.widths import group_sizes
from memdyn.plan.study import build_plan
from memdyn.tables import study_tables
from studies import study

LIRA = {"attacks": [{"name": "lira"}]}


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


def test_of_masks_in_folds_nothing_is_said_that_holds_of_pairs_alone(tmp_path, monkeypatch):
    plan = plan_of(tmp_path)
    monkeypatch.setattr(type(plan), "folds", property(lambda plan: [0, 0, 1, 1, 2, 2, 3, 3]))
    (line,) = _resolution(plan)
    assert line.startswith("8 models make 4 groups of the jackknife")
    assert group_sizes(plan.folds, 8, 16).tolist() == [2, 2, 2, 2]


def test_scores_are_imported_by_one_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exported_scores.write(tmp_path / "mine.npz", exported_scores.arrays())
    mine = {"study": "mine", "scores": {"path": "mine.npz"}, **LIRA, "analysis": {"enabled": False}, "realised": None}
    plan = build_plan(load_study(mine))
    # import, attack, dynamics, agreement, tables, figures, page
    assert list(_jobs(plan))[-2].split() == ["in", "all", "7", "0"]
    assert sum(reason.jobs for reason in reasons(plan)) == 7
    assert not any("not known" in line for line in told_times(plan, None, 1))
