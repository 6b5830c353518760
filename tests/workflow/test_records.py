"""Every job of a finished study has left a record, and every folder the hashes of its code."""

import re
from collections import Counter

import pytest

from memdyn.identity.recipe import RECIPE, read_recipe
from memdyn.identity.records import SUFFIX, job_records
from project import Project
from test_edit_matrix import ALL_JOBS

pytestmark = pytest.mark.slow


def test_every_job_has_left_a_record(finished: Project):
    folders = [path.parent for path in finished.results.rglob(RECIPE)]
    found = {folder: job_records(folder) for folder in folders}
    records = [record for of_folder in found.values() for record in of_folder]
    assert Counter(record.rule for record in records) == ALL_JOBS
    assert len(records) == len(list(finished.results.rglob(f"*{SUFFIX}")))
    for folder, of_folder in found.items():
        for record in of_folder:
            assert record.digest == read_recipe(folder)["digest"]
            assert 0 < record.seconds < 300 and 0 < record.cpu_seconds < 300 and 30 < record.peak_mb < 4000
            assert record.started <= record.ended and record.host and record.threads >= 1
            assert record.versions.keys() >= {"python", "torch"} and record.peak_cuda_mb is None
    assert {record.job for record in records if record.rule == "train_block"} == {"block-0000-0007/train"}
    training = min(record.peak_mb for record in records if record.rule == "train_block")
    drawing_masks = max(record.peak_mb for record in records if record.rule == "draw_membership")
    assert drawing_masks < training, "which has torch to carry"


def test_every_recipe_names_its_code(finished: Project):
    kinds = set()
    for path in finished.results.rglob(RECIPE):
        recipe = read_recipe(path.parent)
        kinds.add(recipe["kind"])
        assert set(recipe["roots"]) <= set(recipe["modules"])
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in recipe["modules"].values())
        assert not any(re.match("memdyn/(config|identity|jobs|operations|plan)/", name) for name in recipe["modules"])
        assert ("memdyn/training/loop.py" in recipe["modules"]) == (recipe["kind"] == "train")
        assert set(recipe["contents"]) == set(recipe["files"])
    assert kinds == {
        *("pool", "train", "probe", "attack", "dynamics", "agreement", "analysis", "tables", "figures", "report")
    }
