"""What is lost and what then runs: what is missing and needed, and nothing whose artifact is there.

Dry runs of a study that looks finished, of a teacher and its student, whose weights are gone as ever. Most ask for one
more attack, which reads the pool, the masks and the scores of both: what is lost of these is made again, and with
Snakemake's own rules all that was ever made of it would be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finished_studies import finish
from memdyn.config.load import load_study
from memdyn.plan.study import build_plan
from memdyn.tables import STAGES
from project import Project

pytestmark = pytest.mark.slow

STUDY = {
    "runs": [{"name": "base"}, {"name": "student", "mechanisms": {"distillation": {"temperature": 2}}}],
    "attacks": [{"name": "loss"}],
    "dynamics": {"attacks": ["loss"]},
}
STUDY_JOBS = {"compare_runs": 1, "draw_figures": 1, "write_report": 1}
MORE = {"run_attack": 2, "compare_attacks": 2, **STUDY_JOBS}  # the jobs of one more attack
ALL = MORE | {
    "build_pool": 1,
    "draw_membership": 1,
    "train_block": 2,
    "probe_block": 2,
    "compute_dynamics": 2,
    "analyse_dynamics": 2,
}

# below the results, by what lies there
PLACES = {
    "pool": "arrays-*/pool.arrow",
    "masks": "arrays-*/membership/*.npz",
    "base's log": "arrays-*/mlp-sgd-e2-??????????/block-*/log.parquet",
    "student's log": "arrays-*/mlp-sgd-e2-distil*/block-*/log.parquet",
    "base's scores": "arrays-*/mlp-sgd-e2-??????????/outputs-*/block-*/signals.parquet",
    "student's scores": "arrays-*/mlp-sgd-e2-distil*/outputs-*/block-*/signals.parquet",
    "attacks": "arrays-*/*/outputs-*/loss-*/*.parquet",
    "a table of each attack": "arrays-*/*/outputs-*/loss-*/roc.parquet",
    "agreement": "arrays-*/*/outputs-*/agreement-*/*.parquet",
    "tables": "studies/*/versions/tables-*/*.parquet",
    "figures": "studies/*/versions/figures-*",
    "page": "studies/*/versions/report-*/report.html",
}
MADE_OF = ["pool", "masks", "base's log", "student's log", "base's scores", "student's scores"]
BEHIND = [*MADE_OF, "attacks", "agreement"]

# what is lost; further arguments; the jobs that run
FINISHED = [
    (["pool"], [], {}),
    ([*BEHIND, "tables", "figures"], [], {}),
    (["page"], [], {"write_report": 1}),
    ([*BEHIND, "page"], [], {"write_report": 1}),
    (["pool", "figures", "page"], [], {"build_pool": 1, "draw_figures": 1, "write_report": 1}),
    (["pool", "masks", "tables", "figures", "page"], [], {"build_pool": 1, **STUDY_JOBS}),
    (["a table of each attack", "tables", "figures", "page"], [], {"run_attack": 2, **STUDY_JOBS}),
    (["pool", "tables", "figures", "page", "attacks"], ["--until", "run_attack"], {"build_pool": 1, "run_attack": 2}),
    (["pool"], ["--forcerun", "draw_figures"], {"build_pool": 1, "draw_figures": 1}),
    ([], ["--forcerun", "run_attack"], {"run_attack": 2}),
    ([], ["--forcerun", "probe_block"], {"train_block": 2, "probe_block": 2}),
    (["pool"], ["--forceall"], ALL),
]
WITH_ONE_MORE_ATTACK = [
    (["pool"], [], {"build_pool": 1} | MORE),
    (["masks"], [], {"draw_membership": 1} | MORE),
    (["pool", "masks", "attacks"], [], {"build_pool": 1, "draw_membership": 1} | MORE | {"run_attack": 4}),
    (["tables", "figures", "page"], [], MORE),
    # the study's table of runs tells of each training
    (["base's log"], [], {"train_block": 1} | MORE),
    (["student's log"], [], {"train_block": 2} | MORE),
    (["base's scores"], [], {"train_block": 1, "probe_block": 1} | MORE),
    (["pool", "student's scores"], [], {"build_pool": 1, "train_block": 2, "probe_block": 1} | MORE),
]


@pytest.fixture(scope="module")
def made(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """All is there but weights."""
    copy = project.duplicate(tmp_path_factory.mktemp("lost") / "clone")
    copy.write_study(copy.study() | STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(copy.folder)
        plan = build_plan(load_study(copy.study()))
        finish(plan)
        for path, stage in plan.stages.items():
            for name in STAGES.get(stage.kind.name, ()):
                Path(plan.results, path, f"{name}.parquet").touch()
        for name in STAGES["study"]:
            Path(plan.versions, plan.tables.folder, f"{name}.parquet").touch()
    return copy


@contextmanager
def lost(project: Project, names: list[str]) -> Iterator[None]:
    """What these places hold is away."""
    found = {place: place.with_name(f".{place.name}.away") for name in names for place in found_at(project, name)}
    for place, away in found.items():
        place.rename(away)
    try:
        yield
    finally:
        for place, away in found.items():
            away.rename(place)


def found_at(project: Project, name: str) -> list[Path]:
    found = sorted(project.results.glob(PLACES[name]))
    assert found, name
    return found


@pytest.mark.parametrize(("names", "arguments", "jobs"), FINISHED)
def test_of_a_finished_study(names: list[str], arguments: list[str], jobs: dict[str, int], made: Project):
    with lost(made, names):
        assert made.planned(*arguments, "--config", "allow_retrain=true") == jobs


def test_the_cost_of_a_part_is_told_to_be_of_the_whole(made: Project):
    with lost(made, ["page"]):
        told = "cost: what follows is of the whole study, of which --until draw_figures makes a part\n"
        assert told in made.run("--dry-run", "--until", "draw_figures")
        assert "of the whole study" not in made.run("--dry-run")
        assert told.replace("--until ", "") in made.run("--dry-run", "draw_figures")


@pytest.mark.parametrize(("names", "arguments", "jobs"), WITH_ONE_MORE_ATTACK)
def test_with_one_more_attack(names: list[str], arguments: list[str], jobs: dict[str, int], made: Project):
    more = ("allow_retrain=true", 'attacks=[{"name": "loss"}, {"name": "lira"}]')
    with lost(made, names):
        assert made.planned(*arguments, "--config", *more) == jobs
