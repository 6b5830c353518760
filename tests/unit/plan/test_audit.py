"""The plan of an audit: pool, training, outputs and bounds; nothing of complementary pairs."""

import pytest

from memdyn.config.audit import UNUSED
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.scores import UNUSED as UNUSED_OF_SCORES
from memdyn.plan.study import build_plan
from memdyn.terms import SCORED_PARTS
from studies import plan, study

AUDIT = {"audit.targets": 8, "shadow_models": 16}


def refused(changes):
    with pytest.raises(ConfigError) as error:
        build_plan(load_study(study(AUDIT | changes)))
    return "\n".join(error.value.problems)


def test_an_audit_has_no_stage_that_needs_pairs():
    made = plan(AUDIT)
    kinds = [stage.kind.name for stage in made.stages.values()]
    assert kinds == ["pool", "train", "probe", "audit", "train", "probe", "audit"]
    for run in made.runs:
        assert run.audit.options["epoch"] == 4 and run.audit.options["models"] == 16
        assert run.audit.path.startswith(f"{run.outputs.path}/audit-m016-")
        assert set(run.outputs.options["parts"]) == set(SCORED_PARTS)
        assert made.folders()[run.name]["audit"] == run.audit.path
    assert made.tables.roots == ("compare_audits.py",)


def test_runs_tell_the_epoch_that_is_audited():
    """The accountant is asked about it: training may go on after the last checkpoint."""
    described = plan(AUDIT | {"base.checkpoints": [1]}).run_descriptions()
    assert [(run["audited"], run["recipe"]["epochs"]) for run in described] == [(1, 4)] * 2
    assert not any("audited" in run for run in plan().run_descriptions())


def test_its_pool_is_another_one_whose_masks_are_coins():
    """Else the models of an ordinary study would be taken for those of an audit, or for such of older code."""
    audited, ordinary = plan(AUDIT).runs[0].pool, plan({"shadow_models": 16}).runs[0].pool
    assert audited.options["membership"] == "coins" and "membership" not in ordinary.options
    assert audited.options_hash != ordinary.options_hash
    assert (audited.roots[1], ordinary.roots[1]) == ("draw_coins.py", "draw_membership.py")


def test_options_that_change_bounds_rename_bounds_alone():
    first, second = plan(AUDIT).runs[0], plan(AUDIT | {"audit.delta": 1e-6}).runs[0]
    assert first.outputs.path == second.outputs.path and first.audit.path != second.audit.path


@pytest.mark.parametrize("key", sorted(set(UNUSED) - {"scores"}))
def test_what_needs_pairs_is_refused_by_name(key):
    given = {
        "attacks": [{"name": "lira"}],
        "difficulty": {"measures": []},
        "level_distance": {},
        "regularization": {"baseline": "mlp"},
        "fail_above": {"auc": 0.9},
        "realised": {"checkpoints": 1},
        "uncalibrated": {"known": 10},
        "probes": {"views": {"flip": True}},
        "claims": {"early_share": 0.5},
        "statistics": {"level": 0.9},
        "analysis": {"enabled": False},
        "dynamics": {"thresholds": ["lr1"]},
    }
    assert f"audit: beside it these keys have no use, leave them out: {key} ({UNUSED[key]})" in refused(
        {key: given[key]}
    )


def test_scores_have_no_audit():
    assert "audit" in UNUSED_OF_SCORES
    with pytest.raises(ConfigError, match=r"scores: .* audit \(it draws memberships of its own\)"):
        load_study({"study": "mine", "scores": {"path": "mine.npz"}, "audit": {}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audit.targets": 13}, "audit.targets = 13: of shadow_models = 16, 4 are to choose by; allowed: 1 to 12"),
        ({"shadow_models": 8}, "audit.targets = 8: of shadow_models = 8, 4 are to choose by; allowed: 1 to 4"),
        ({"audit.targets": 0}, "audit.targets = 0: must be at least 1"),
        (
            {"audit.delta": 0.005},
            "audit.delta = 0.005: one of 200 members could be published whole; allowed: less than",
        ),
        ({"audit.delta": 0.0}, "audit.delta = 0.0: must be greater than 0"),
        ({"audit.confidence": 1.0}, "audit.confidence = 1.0: must be less than 1"),
        ({"audit.target": 3}, "audit.target = 3"),
        (
            {"base.model": {"name": "resnet18", "width": 8}, "runs": []},
            "model.norm = batch: in an audit a model has any number of members",
        ),
    ],
)
def test_bad_audits_are_refused(changes, words):
    assert words in refused(changes)


def test_what_is_stated_of_an_audit_is_what_it_uses():
    stated = plan(AUDIT).study.config.stated()
    assert stated["audit"]["targets"] == 8 and not set(UNUSED) & set(stated)
    assert "audit" not in plan().study.config.stated()
