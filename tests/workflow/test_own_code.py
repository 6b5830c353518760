"""A user's own code: the examples of docs/extending.md as they are printed, to the end of the report, and edits."""

import re

import pandas as pd
import pytest
import yaml

from project import PROJECT, Project

pytestmark = pytest.mark.slow
DATA = """from dataclasses import dataclass

from read import values


@dataclass
class Table:
    x: object
    y: object


def load(files, scale=1):
    table = Table(*values(files[0]))
    return {"images": table.x * scale, "labels": table.y}
"""
READ = """import numpy as np


def values(path):
    data = np.load(path)
    return data["images"].reshape(len(data["labels"]), -1) / 255, data["labels"]
"""


EXTENSIONS = {"my/penalty.py", "my/steady.py", "my/gradient.py", "my/extended.yaml"}


@pytest.fixture
def mine(clone: Project) -> Project:
    """A checkout with the files of the examples, and the study of the own model."""
    text = (PROJECT / "docs" / "extending.md").read_text()
    examples = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    assert set(examples) == {"my/net.py", "my/parts.py", "my/study.yaml"} | EXTENSIONS
    for name, content in examples.items():
        (clone.folder / name).parent.mkdir(exist_ok=True)
        (clone.folder / name).write_text(content)
    clone.write_study(yaml.safe_load(examples["my/study.yaml"]))
    return clone


def test_a_mechanism_an_attack_and_a_probe_to_the_end_of_the_report(mine: Project):
    study = yaml.safe_load((mine.folder / "my" / "extended.yaml").read_text())
    mine.write_study(study | {"report": {"png_dpi": 50, "pdf": False, "plane_epochs": 2, "top_samples": 2}})
    mine.run()
    tables = mine.results / "studies" / "extended" / "tables"
    difficulty = pd.read_parquet(tables / "difficulty.parquet")
    assert difficulty["input_gradient_out"].gt(0).all() and difficulty["run"].nunique() == 2
    correlations = pd.read_parquet(tables / "correlations.parquet")
    assert set(correlations.loc[correlations["difficulty"] == "input_gradient", "models"]) == {"in", "out"}
    metrics = pd.read_parquet(tables / "attack_metrics.parquet").query("aggregation == 'per_model'")
    assert set(metrics["attack"]) == {"lira", "Steady"} and metrics.groupby("run")["auc"].max().min() > 0.5
    assert metrics["null_auc"].sub(0.5).abs().max() < 0.02
    page = (mine.results / "studies" / "extended" / "report.html").read_text()
    assert "Steady" in page and "penalty" in page and "input_gradient" in page
    probes = {path.parts[-3].rpartition("-")[0] for path in mine.results.glob("digits-*/*/*/block-*/signals.parquet")}
    assert probes == {"outputs", "logits", "views", "input-gradient"}
    assert len(list(mine.results.glob("digits-*/mlp-*-penalty.0.01-*/block-*/log.parquet"))) == 1

    # taking all three away again leaves what they gave, and makes nothing anew of the plain run
    study["runs"], study["attacks"] = study["runs"][:1], study["attacks"][:1]
    study.pop("difficulty")
    mine.write_study(study)
    assert not {"train_block", "probe_block", "run_attack", "compute_dynamics"} & set(mine.planned())


def test_the_example_and_its_edits(mine: Project):
    mine.run("--until", "probe_block")
    runs = list(mine.results.glob("digits-*/net-*"))
    assert len(runs) == 2 and all(list(run.glob("outputs-*/block-*/signals.parquet")) for run in runs)
    # neither comments count, nor where the code lies, nor how that is written
    (mine.folder / "my").rename(mine.folder / "yours")
    parts = mine.folder / "yours" / "parts.py"
    text = parts.read_text()
    parts.write_text(f'"""Better."""\n# better\n{text}')
    study = mine.study()
    study["base"]["model"]["target"] = "./yours//net.py:Net"
    mine.write_study(study)
    assert not {"train_block", "probe_block"} & set(mine.planned())
    parts.write_text(text.replace("x + self", "x - self"))
    said = mine.refused()
    assert said.count("(would become net-") == said.count("): changed: own:parts.py\n") == 2
    parts.write_text(f"{text}\nclass\n")
    said = mine.refused()
    assert f"yours/parts.py, line {text.count(chr(10)) + 2}, is not Python" in said and "Traceback" not in said


def test_a_net_that_ends_in_softmax_stops_before_it_is_trained(mine: Project):
    net = mine.folder / "my" / "net.py"
    net.write_text(
        net.read_text().replace(
            "nn.Linear(width, n_classes)", "nn.Sequential(nn.Linear(width, n_classes), nn.Softmax(1))"
        )
    )
    done = mine.snakemake("--until", "train_block")
    assert done.returncode != 0
    assert re.search(
        r"FAILED: train_block .*\n    ValueError: model.target = my/net.py:Net returns probab", done.stdout
    )
    assert "as if it ended in Softmax; allowed: logits" in done.stdout
    assert not list(mine.results.rglob("*.safetensors"))


def test_a_data_set_in_two_files(clone: Project):
    (clone.folder / "own").mkdir()
    (clone.folder / "own" / "data.py").write_text(DATA)
    (clone.folder / "own" / "read.py").write_text(READ)
    study = clone.study()
    study["pool"]["dataset"] = {"name": "custom", "target": "own/data.py:load", "files": ["data.npz"]}
    study["base"]["model"] = {"name": "logistic"}
    study["runs"] = []
    clone.write_study(study)
    clone.run("--until", "build_pool")
    (clone.folder / "own" / "read.py").write_text(READ.replace("255", "256"))
    assert clone.planned("--until", "build_pool") == {"build_pool": 1}
