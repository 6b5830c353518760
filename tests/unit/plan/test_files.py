"""The files that rules name, of all runs in order."""

from pathlib import Path

import pytest

from memdyn.plan.files import Files
from studies import plan

BLOCKS = ["block-0000-0007", "block-0008-0015"]


def files_of(**changes):
    made = plan({"results": "results", "shadow_models": 16} | changes)
    return made, Files(made)


def test_blocks_and_masks():
    made, files = files_of()
    pool = made.runs[0].pool.path
    assert files.blocks == BLOCKS
    assert files.masks("pool", range(120, 136)) == [
        f"results/pool/membership/models-{name}.npz" for name in ("00000-00127", "00128-00255")
    ]
    assert files.all_masks == 2 * [f"results/{pool}/membership/models-00000-00127.npz"]
    assert files.pools == 2 * [f"results/{pool}/pool.arrow"]


def test_logs_and_outputs_are_of_all_blocks_of_each_run():
    made, files = files_of()
    assert files.logs == [f"results/{run.train.path}/{block}/log.parquet" for run in made.runs for block in BLOCKS]
    assert files.outputs == [
        f"results/{run.outputs.path}/{block}/signals.parquet" for run in made.runs for block in BLOCKS
    ]


def test_tables_come_one_after_the_other():
    made, files = files_of(attacks=[{"name": "loss"}, {"name": "lira"}])
    assert files.tables("dynamics", ["centre", "clocks"]) == [
        f"results/{run.dynamics.path}/{name}.parquet" for name in ("centre", "clocks") for run in made.runs
    ]
    assert files.tables("distance", ["level_distance"]) == [], "the study does not ask for it"
    assert files.attacks(["metrics", "roc"]) == [
        f"results/{run.attacks[label].path}/{name}.parquet"
        for name in ("metrics", "roc")
        for run in made.runs
        for label in ("loss", "lira")
    ]


def test_weights_of_teachers():
    runs = [{"name": "base"}, {"name": "student", "mechanisms": {"distillation": {"temperature": 2}}}]
    made, files = files_of(runs=runs)
    base, student = made.runs
    assert files.teachers(base.train.path, BLOCKS[1]) == []
    assert files.teachers(student.train.path, BLOCKS[1]) == [f"results/{base.train.path}/{BLOCKS[1]}/checkpoints"]


def test_a_folder_that_is_no_part_of_the_study():
    with pytest.raises(LookupError, match="results/elsewhere is not part of the study"):
        files_of()[1].signals("elsewhere")


def test_data_that_are_to_be_downloaded(tmp_path):
    made, files = files_of(**{"pool.dataset": {"name": "cifar10"}, "data_dir": str(tmp_path)})
    pool = made.runs[0].pool.path
    wanted = files.downloaded(pool)
    assert wanted == files.samples(pool) and files.missing_downloads() == {"cifar10": wanted}
    for file in map(Path, wanted):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert files.missing_downloads() == {}


def test_data_that_are_not_downloaded():
    made, files = files_of()
    assert files.downloaded(made.runs[0].pool.path) == [] and files.missing_downloads() == {}
