"""recipe.yaml, and jobs whose code changed while they waited."""

import time

import pytest

from memdyn.config.load import load_study
from memdyn.identity.recipe import RECIPE, CodeChanged, open_stage, read_recipe
from memdyn.jobs import atomic
from memdyn.plan.study import build_plan
from studies import study


@pytest.fixture
def stage():
    return build_plan(load_study(study())).runs[0].train.params()


def test_a_recipe_says_what_with_what_when_and_where(stage, tmp_path):
    open_stage(stage, tmp_path / "run", data="hash")
    recipe = read_recipe(tmp_path / "run")
    assert {key: recipe[key] for key in stage} == stage
    assert recipe["inputs"] == {"data": "hash"}
    assert recipe["versions"].keys() >= {"python", "torch", "numpy"} and recipe["made"].keys() >= {
        "at",
        "host",
        "commit",
    }


def test_the_first_job_of_a_folder_writes_it(stage, tmp_path):
    open_stage(stage, tmp_path, data="first")
    open_stage(stage, tmp_path, data="second")
    assert read_recipe(tmp_path)["inputs"] == {"data": "first"}


def test_one_that_another_job_swept_away_half_written_is_written_again(stage, tmp_path, monkeypatch):
    """The jobs of a stage write one recipe, and each deletes what is older than its start."""
    sync, swept = atomic._sync, []

    def sweep_once(temporary):
        if not swept:
            swept.append(temporary.name)
            atomic.sweep_older([tmp_path / "run" / RECIPE], before=time.time() + 60)
        else:
            sync(temporary)

    monkeypatch.setattr(atomic, "_sync", sweep_once)
    open_stage(stage, tmp_path / "run", data="hash")
    assert swept and [path.name for path in (tmp_path / "run").iterdir()] == [RECIPE]
    assert read_recipe(tmp_path / "run")["inputs"] == {"data": "hash"}


def test_changed_code_is_refused_before_anything_is_written(stage, tmp_path):
    with pytest.raises(CodeChanged, match=r"planned with 0000000000, now [0-9a-f]{10}.*run snakemake again"):
        open_stage(stage | {"digest": "0" * 64}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_without_recipe(tmp_path):
    assert read_recipe(tmp_path) is None
