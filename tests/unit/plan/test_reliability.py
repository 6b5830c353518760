"""The reliability of attacks that give probabilities: planned where there is one, and renaming nothing else."""

from memdyn.config.load import load_study
from memdyn.plan.study import build_plan

LOSS, RISK, TRAINED = {"name": "loss"}, {"name": "privacy_risk_score"}, {"name": "shokri2017"}


def plan(*attacks):
    return build_plan(
        load_study({"study": "s", "pool": {}, "attacks": list(attacks), "dynamics": {"attacks": ["loss"]}})
    )


def test_it_is_planned_where_an_attack_gives_probabilities():
    before, after = plan(LOSS), plan(LOSS, RISK)
    (old,), (new,) = before.runs, after.runs
    assert old.reliability is None and "reliability" not in before.folders()[old.name]
    assert new.reliability.path.startswith(f"{new.outputs.path}/reliability-m")
    assert after.stage(new.reliability.path) is new.reliability
    assert after.folders()[new.name]["reliability"] == new.reliability.path
    assert [each["label"] for each in new.reliability.options["attacks"]] == ["privacy_risk_score"]
    assert old.attacks["loss"].path == new.attacks["loss"].path and old.dynamics.path == new.dynamics.path


def test_a_classifier_brings_the_logits():
    (run,) = plan(LOSS, RISK, TRAINED).runs
    assert set(run.reliability.needs) == set(run.attacks["shokri2017"].needs) == {"logits"}
    assert not run.attacks["privacy_risk_score"].needs
    assert run.reliability.folder != plan(LOSS, RISK).runs[0].reliability.folder
