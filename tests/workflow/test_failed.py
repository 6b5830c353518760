"""Models that diverge in a whole study: they stop it, or are left out with their pairs; or a run has none left."""

import numpy as np
import pandas as pd
import pytest
import yaml

from memdyn.attacks.base import build
from memdyn.attacks.evaluate import Settings, evaluate
from memdyn.attacks.signals import Signals
from memdyn.config.load import load_study
from memdyn.data.pool import read_pool
from memdyn.design.seeds import derive_seed
from memdyn.plan.study import build_plan
from memdyn.stats import jackknife
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_signal
from project import PROJECT, Project
from worlds import prepared_by

pytestmark = pytest.mark.slow

STUDY = {
    "study": "failed",
    "pool": {
        "dataset": {"name": "digits"},
        "parts": {"scored": 200, "sham": 60, "population": 60, "test": 60, "spare": 0},
    },
    "base": {"model": {"name": "logistic"}, "optimizer": {"name": "sgd", "lr": 0.05}, "epochs": 2},
    "runs": [{"name": "logistic"}],
    "shadow_models": 16,
    "attacks": [{"name": "loss"}, {"name": "lira"}],
    "dynamics": {"thresholds": ["lr1", 0.1]},
    "analysis": {"splits": 2, "jackknife_splits": 1},
    "report": {"png_dpi": 50, "pdf": False, "plane_epochs": 2, "top_samples": 2},
}
WILD = {"name": "wild", "optimizer": {"lr": 1e30}}  # all its models diverge at once
OWN = {"name": "own", "model": {"name": "custom", "target": "own.py:Net"}}
UNLUCKY, PAIR = 11, 5
WHY = "16 of 16 models failed: the loss became infinite or NaN in epoch 1; no pair of models is left"
# after so many steps the unlucky model's outputs are not a number: in the second of two epochs of two steps
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, input_shape, n_classes):
        super().__init__()
        self.linear = nn.Linear(64, n_classes)
        self.unlucky = torch.initial_seed() == SEED
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, images):
        self.steps += self.training
        return self.linear(images.flatten(1)) * (float("nan") if self.unlucky and self.steps > 2 else 1)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    made = Project.copy(PROJECT, tmp_path_factory.mktemp("failed") / "checkout")
    pool = build_plan(load_study(STUDY)).runs[0].pool
    seed = derive_seed(pool.options["seed"], pool.options_hash, UNLUCKY, "init", 0)
    (made.folder / "own.py").write_text(NET.replace("SEED", str(seed)))
    made.write_study(STUDY | {"runs": [*STUDY["runs"], WILD, OWN]})
    return made


@pytest.fixture(scope="module")
def stopped(project: Project) -> str:
    """What Snakemake says where a model that diverges stops the study."""
    done = project.snakemake()
    assert done.returncode != 0
    return done.stdout


@pytest.fixture(scope="module")
def dropped(project: Project, stopped: str) -> str:
    """What it says when the study goes on without the model."""
    project.write_study(project.study() | {"on_divergence": "drop"})
    return project.run()


@pytest.fixture(scope="module")
def tables(project: Project, dropped: str):
    """(name) -> a table of the study."""
    folder = project.results / "studies" / "failed" / "tables"
    return lambda name: pd.read_parquet(folder / f"{name}.parquet")


def folders(project: Project, run: str) -> dict:
    return yaml.safe_load((project.results / "studies" / "failed" / "tables" / "folders.yaml").read_text())[run]


def test_a_study_stops_and_says_how_it_can_go_on(stopped: str):
    assert (
        f"TrainingDiverged: model {UNLUCKY}: the loss became nan in epoch 2: a lower learning rate may help" in stopped
    )
    assert "on_divergence: drop" in stopped
    assert stopped.count("model 8: trained in") == 2, "each run's: one failure does not stop the others"


def test_it_goes_on_where_it_stopped(project: Project, dropped: str):
    assert f"model {UNLUCKY}: the loss became nan in epoch 2: it is left out, with its pair" in dropped
    assert "model 10: was finished before" in dropped and "model 12: trained in" in dropped
    assert "logistic" not in "".join(line for line in dropped.splitlines() if "model 12: trained in" in line)
    assert f"model {UNLUCKY} diverged in epoch 2: its signals are NaN" in dropped
    assert project.planned() == {}
    project.write_study(project.study() | {"on_divergence": "stop"})
    assert project.planned() == {}, "what is finished stays"
    project.write_study(project.study() | {"on_divergence": "drop"})


def test_the_report_says_so(project: Project, dropped: str):
    page = (project.results / "studies" / "failed" / "report.html").read_text()
    assert "own: 1 of 16 models diverged and is left out with its pair." in page
    assert "logistic: 1 of 16" not in page
    assert f"wild: failed, because {WHY}" in page and "Left out, since failed (table of runs): wild." in page


def test_a_run_without_models_is_a_row_with_the_reason(tables, dropped: str):
    assert dropped.count("no numbers, because no pair of models is left: 16 of 16 models failed") == 6
    runs = tables("runs").set_index("run")
    assert runs["status"].to_dict() == {"logistic": "ok", "wild": "failed", "own": "ok"}
    assert runs["reason"].to_dict() == {"logistic": "", "wild": WHY, "own": ""}
    for name in ("attack_metrics", "samples", "centre", "accuracy", "summary", "null", "clocks"):
        assert set(tables(name)["run"]) == {"logistic", "own"}, name
    parts = tables("claims")["part"].tolist()
    assert parts.count("wild: failed") == 2 and "optimizer: a run failed" in parts


def test_tables_tell_the_models_that_were_used(tables):
    runs = tables("runs").set_index("run")
    assert runs[["n_models", "n_failed", "n_planned"]].loc["own"].tolist() == [14, 1, 16]
    assert runs[["n_models", "n_failed", "n_planned"]].loc["logistic"].tolist() == [16, 0, 16]
    assert tables("attack_metrics").groupby("run")["n_models"].unique().map(list).to_dict() == {
        "logistic": [16],
        "own": [14],
    }
    assert tables("samples").groupby("run")["n_in"].unique().map(list).to_dict() == {"logistic": [8], "own": [7]}
    replicates = tables("curve_replicates").groupby("run")["group"].unique().map(sorted)
    assert replicates["own"] == [-1, 0, 1, 2, 3, 4, 6, 7] and replicates["logistic"] == list(range(-1, 8))
    centre = tables("centre")
    assert centre.notna().all(axis=None)


def by_hand(project: Project, run: str, left: list[int]):
    """Attack metrics and replicates of some pairs, numbered anew, from the score files."""
    place = project.results / folders(project, run)["probes"]["outputs"]
    files = sorted(place.glob("block-*/signals.parquet"))
    pool = place.parents[1]
    parts = read_pool(pool / "pool.arrow").parts
    masks = read_masks(sorted(pool.glob("membership/*.npz")), range(16))
    models = [model for pair in left for model in (2 * pair, 2 * pair + 1)]

    def margins_at(epoch: int) -> Signals:
        margins = read_signal(files, epoch, "margin")[models]
        scored = parts["scored"]
        return Signals.of_margins(margins[:, scored], masks[models][:, scored], margins[:, parts["population"]])

    settings = Settings(0.95, 16, 10, 0, (0.001, 0.01), (0.1,), 10)
    attack = build({"name": "lira", "mode": "online", "variance": "shrunken"})
    load = prepared_by(attack, margins_at)
    found = evaluate(attack, [2], load, load, settings)
    deleted = found["replicates"].query("aggregation == 'pooled' and metric == 'auc'")["value"].to_numpy()
    return found["metrics"].set_index("aggregation").loc["pooled"], deleted


def test_numbers_are_those_without_the_pair(project: Project, tables):
    left = [pair for pair in range(8) if pair != PAIR]
    row, own = by_hand(project, "own", left)
    metrics = tables("attack_metrics").query("epoch == 2 and aggregation == 'pooled' and attack == 'lira'")
    metrics = metrics.set_index("run")
    for column in ("auc", "auc_low", "auc_high", "tpr_at_fpr_0.01"):
        assert metrics.loc["own", column] == pytest.approx(row[column])
    assert row["n_models"] == 14

    other, logistic = by_hand(project, "logistic", list(range(8)))
    deleted = np.insert(own, PAIR, row["auc"]) - logistic
    difference = row["auc"] - other["auc"]
    low, high = jackknife.interval(np.array(difference), deleted, np.ones(8), 0.95)
    found = tables("differences").query(
        "epoch == 2 and aggregation == 'pooled' and attack == 'lira' and metric == 'auc'"
    )
    assert found[["run_a", "run_b"]].values.tolist() == [["logistic", "own"]]
    assert found[["difference", "low", "high"]].values[0] == pytest.approx([-difference, -high, -low])
    factors = tables("factor_differences").query(
        "metric == 'auc' and attack == 'lira' and matched_by == 'epoch' and at == 2"
    )
    assert factors[["difference", "low", "high"]].values[0] == pytest.approx([-difference, -high, -low])
