"""Samples of one's own data are known before their pool is built."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from memdyn.config.load import load_study
from memdyn.operations.effort import efforts
from memdyn.operations.shapes import shape_of
from memdyn.plan.study import build_plan
from studies import study

PARTS = {"base.batch_size": 16, "pool.parts": {"scored": 40, "sham": 20, "population": 20, "test": 20, "spare": 0}}


def shape(dataset: dict, **more):
    plan = build_plan(load_study(study({"pool.dataset": dataset} | PARTS | more)))
    return shape_of(plan, plan.runs[0])


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_headers_of_arrays():
    rng, labels = np.random.default_rng(0), np.arange(120) % 3
    np.savez("rgb.npz", x=rng.integers(0, 256, (120, 9, 7, 3), dtype=np.uint8), labels=labels)
    assert shape({"name": "arrays", "path": "rgb.npz", "images": "x"}) == ((3, 9, 7), 3)
    np.savez("table.npz", x=rng.normal(size=(120, 5)), labels=np.array(["a", "b"] * 60))
    assert shape({"name": "arrays", "path": "table.npz", "features": "x"}) == ((5,), 2)
    pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120), "labels": labels}).to_parquet("t.parquet")
    assert shape({"name": "arrays", "path": "t.parquet", "features": "*"}) == ((2,), 3)
    plan = build_plan(load_study(study({"pool.dataset": {"name": "arrays", "path": "rgb.npz", "images": "x"}} | PARTS)))
    assert efforts(plan)[1].checkpoint == 4 * (3 * 9 * 7 + 1) * 3, "so that time and disk are known"


def test_folders_of_images(here):
    for number in range(120):
        folder = here / "mine" / "abcd"[number % 4]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    assert shape({"name": "image_folder", "path": "mine", "size": 8}) == ((3, 8, 8), 4)


def test_what_only_code_knows(here):
    (here / "own.py").write_text("def load(files):\n    return {}\n")
    assert shape({"name": "custom", "target": "own.py:load"}) is None
    assert shape({"name": "digits"}) == ((1, 8, 8), 10)
