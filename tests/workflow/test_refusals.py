"""What people see when they start a study that cannot run: one message, before any job."""

from collections.abc import Callable

import pytest
import yaml

from project import Project


def typo(study):
    study["base"]["optimiser"] = study["base"].pop("optimizer")


def odd(study):
    study["shadow_models"] = 9


def beyond(study):
    study["runs"][1]["checkpoints"] = [0, 3]


def no_file(study):
    study["pool"]["dataset"]["path"] = "nowhere.npz"


def too_large(study):
    study["pool"]["parts"]["test"] = 2000


def single_sample(study):
    study["runs"].append({"name": "deep", "model": {"name": "resnet18", "width": 4}, "batch_size": 33})


MISTAKES = {
    typo: "base.optimiser = ",
    odd: "shadow_models: must be even",
    beyond: "runs.1 (logistic).checkpoints: 3 lies beyond the last epoch (epochs: 2)",
    no_file: "no such file or folder: nowhere.npz",
    too_large: "data.npz has 400",
    single_sample: "run 'deep': batch_size = 33: of 100 members (half of pool.parts.scored) the last of 4 batches",
}
# Snakemake's own words
TEXTS = {"": "keys at top level", "- study: x\n": "keys at top level", "study: x\n\tpool: {}\n": "not valid"}


@pytest.mark.parametrize(("mistake", "message"), MISTAKES.items(), ids=[mistake.__name__ for mistake in MISTAKES])
def test_a_mistake_is_told_before_any_job(clone: Project, mistake: Callable, message: str):
    study = clone.study()
    mistake(study)
    clone.write_study(study)
    said = clone.refused()
    assert message in said and "Traceback" not in said
    assert not list(clone.results.glob("*/pool.arrow"))


@pytest.mark.parametrize(("text", "message"), TEXTS.items(), ids=["empty", "a list", "a tab"])
def test_a_file_that_is_no_config(clone: Project, text: str, message: str):
    (clone.folder / "study.yaml").write_text(text)
    said = clone.refused()
    assert message in said and "Traceback" not in said


def test_a_value_from_the_command_line(clone: Project):
    said = clone.refused("--config", "shadow_models=many")
    assert 'shadow_models = "many": must be a whole number' in said and "Traceback" not in said


def test_values_below_the_top_from_the_command_line(clone: Project):
    """As a job on another machine is told them: Snakemake passes on what it was given."""
    assert clone.planned("--config", 'base={"epochs": 3, "checkpoints": [0, 3]}', "runs=[]")["train_block"] == 1
    said = clone.refused("--config", 'base={"epochs": "many"}')
    assert 'base.epochs = "many": must be a whole number' in said and "Traceback" not in said


def test_a_key_given_twice(clone: Project):
    text = (clone.folder / "study.yaml").read_text()
    (clone.folder / "study.yaml").write_text(f"{text}shadow_models: 16\n")
    line = text.splitlines().index("shadow_models: 8") + 1
    said = clone.refused()
    assert f"study.yaml: shadow_models is given twice (line {line}, line {text.count(chr(10)) + 1})" in said
    assert "Traceback" not in said
    done = clone.memdyn("adopt", "--configfile", "study.yaml", "--reason", "none")
    assert done.returncode != 0 and "shadow_models is given twice" in done.stdout and "Traceback" not in done.stdout


def test_one_config_file_overrides_another(clone: Project):
    (clone.folder / "more.yaml").write_text("shadow_models: 16\n")
    assert clone.planned("--configfile", "study.yaml", "more.yaml")["train_block"] == 4


def test_no_such_config(clone: Project):
    assert "other.yaml" in clone.refused(config="other.yaml")


def test_adopting_for_a_bad_config(clone: Project):
    (clone.folder / "study.yaml").write_text(yaml.safe_dump(clone.study() | {"shadow_models": 9}))
    done = clone.memdyn("adopt", "--configfile", "study.yaml", "--reason", "none")
    assert done.returncode != 0 and "shadow_models: must be even" in done.stdout and "Traceback" not in done.stdout
