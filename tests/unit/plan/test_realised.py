"""What is realised on held-out targets: one stage a run of all attacks, renaming nothing else, or none."""

import pytest

from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.plan.study import build_plan

LOSS, TRAINED = {"name": "loss"}, {"name": "shokri2017"}


def plan(attacks=(LOSS,), **more):
    raw = {"study": "s", "pool": {}, "attacks": list(attacks), "dynamics": {"attacks": ["loss"]}}
    return build_plan(load_study(raw | more))


def test_a_stage_of_all_attacks_that_renames_no_other():
    without, with_it = plan(realised=None), plan()
    (old,), (new,) = without.runs, with_it.runs
    assert old.realised is None and "realised" not in without.folders()[old.name]
    assert new.realised.path.startswith(f"{new.outputs.path}/realised-m032-")
    assert with_it.stage(new.realised.path) is new.realised
    assert with_it.folders()[new.name]["realised"] == new.realised.path
    assert [stage.path for stage in old.stages()] == [stage.path for stage in new.stages() if stage is not new.realised]
    assert without.tables.folder != with_it.tables.folder


def test_its_options_and_attacks_are_in_its_name():
    folders = {
        plan(**more).runs[0].realised.folder
        for more in ({}, {"realised": {"fdr": 0.2}}, {"attacks": [LOSS, TRAINED]}, {"shadow_models": 16})
    }
    assert len(folders) == 4 and plan(realised={}).runs[0].realised.folder in folders


def test_it_reads_what_its_attacks_read():
    (run,) = plan([LOSS, TRAINED]).runs
    assert set(run.realised.needs) == {"logits"}
    assert [each["label"] for each in run.realised.options["attacks"]] == ["loss", "shokri2017"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fprs": [0]}, "realised.fprs"),
        ({"fprs": []}, "realised.fprs"),
        ({"priors": [0.1, 0.1]}, "realised.priors"),
        ({"fdr": 1}, "realised.fdr"),
        ({"checkpoints": 0}, "realised.checkpoints"),
        ({"fpr": [0.1]}, "fprs"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        plan(realised=options)
