"""A study of exported scores: those of the finished study, given to another one as a file."""

import numpy as np
import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from conftest import STUDY
from designs import half_of_the_models
from exported_scores import arrays, rows, write
from memdyn.attacks.signals import Signals
from memdyn.data.pool import read_pool
from memdyn.store.masks import read_masks
from memdyn.store.scores import read_epochs, read_signal
from project import Project
from slow_calibrated import slow_published

pytestmark = pytest.mark.slow
PUBLISHED = {"name": "lira", "dialect": "carlini2022", "mode": "online", "variance": "global"}
ORDER = ("margin", "mask", "population")
APART = np.array([0, 2, 4, 6, 1, 3, 5, 7])  # the models of a pair do not lie side by side
MINE = {
    "study": "mine",
    "scores": {"path": "mine.npz"},
    **{key: STUDY[key] for key in ("statistics", "dynamics", "report")},
    "attacks": [*STUDY["attacks"], PUBLISHED],
    "uncalibrated": {"known": 40},
}


def export(project: Project) -> dict[str, np.ndarray]:
    """What another tool would know of the first run."""
    folders = yaml.safe_load((project.results / "studies" / "matrix" / "tables" / "folders.yaml").read_text())["mlp"]
    pool = read_pool(str(project.results / folders["pool"] / "pool.arrow"))
    files = sorted((project.results / folders["probes"]["outputs"]).glob("block-*/signals.parquet"))
    masks = sorted((project.results / folders["pool"] / "membership").glob("*.npz"))
    given = {name: [] for name in ("margin", "gap", "el2n")}
    epochs = read_epochs(files[0])
    for name, values in given.items():
        values += [read_signal(files, epoch, name)[APART] for epoch in epochs]
    margin, parts = np.array(given["margin"]), pool.parts
    return {
        "margin": margin[..., parts["scored"]],
        "sham": margin[..., parts["sham"]],
        "population": margin[..., parts["population"]],
        "gap": np.array(given["gap"])[..., parts["scored"]],
        "el2n": np.array(given["el2n"])[..., parts["scored"]],
        "mask": read_masks(masks, range(8))[APART][:, parts["scored"]],
        "labels": pool.labels[parts["scored"]],
        "sample_ids": pool.sample_ids[parts["scored"]],
        "epochs": epochs,
    }


def tables(project: Project, study: str, name: str, run: str) -> pd.DataFrame:
    table = pd.read_parquet(project.results / "studies" / study / "tables" / f"{name}.parquet")
    return table[table["run"] == run].drop(columns="run").reset_index(drop=True)


def own_numbers(given: dict[str, np.ndarray]) -> list[float]:
    """The published code's mean AUC of a model at each checkpoint, of the exported arrays in pairs."""
    models = np.argsort(APART)
    world = Signals.of_margins(*(given[name][-1][models] if name != "mask" else given[name][models] for name in ORDER))
    found = []
    for margins in given["margin"][:, models].astype(float):
        scores = slow_published(world, margins[..., None], "pairs", "online", "global", "carlini2022")
        found.append(np.mean([roc_auc_score(*model) for model in zip(world.mask, scores, strict=True)]))
    return found


def test_exported_scores_give_the_numbers_of_the_study_that_they_are_of(copy: Project):
    """Everything but the null, whose swaps are of each pool's own, and what the sham part's other mask changes.

    In a published tool's dialect the study gives what that tool's definition, as a loop, makes of the exported arrays.
    """
    given = export(copy)
    np.savez(copy.folder / "mine.npz", **given)
    copy.write_study(MINE)
    planned = copy.planned()
    assert planned.pop("import_scores") == 1 and not {rule for rule in planned if "train" in rule or "probe" in rule}
    said = copy.run()
    assert "nothing is trained: mine.npz has scores of 8 models at 2 checkpoints" in said

    for name in ("attack_metrics", "roc", "most_vulnerable", "samples", "summary", "accuracy", "correlations", "early"):
        mine, theirs = tables(copy, "mine", name, "scores"), tables(copy, "matrix", name, "mlp")
        if "attack" in mine:
            mine = mine[~mine["attack"].str.contains("carlini2022")].reset_index(drop=True)
        same = [column for column in theirs if not column.startswith("null_") and column != "accuracy_test"]
        assert len(mine) and mine.columns.tolist() == theirs.columns.tolist()
        assert_frame_equal(mine[same], theirs[same], check_exact=True)
    metrics = tables(copy, "mine", "attack_metrics", "scores").query("aggregation == 'per_model'")
    published = metrics[metrics["attack"].str.contains("carlini2022")]
    np.testing.assert_allclose(published.sort_values("epoch")["auc"], own_numbers(given), rtol=0, atol=1e-9)
    plain = tables(copy, "mine", "uncalibrated", "scores").query("metric == 'advantage' and epoch == 2")
    assert (plain["value"] > 0).all() and plain["null_value"].abs().max() < 0.02
    run = pd.read_parquet(copy.results / "studies" / "mine" / "tables" / "runs.parquet").iloc[0]
    assert run["architecture"] == run["optimizer"] == run["augment"] == run["device"] == ""
    assert run[["learning_rate", "batch_size", "seconds_per_model", "accuracy_test"]].isna().all()
    assert (run["epochs"], run["n_models"], run["n_failed"]) == (2, 8, 0)
    page = (copy.results / "studies" / "mine" / "report.html").read_text()
    assert "trained by another tool" in page and "hidden: [" not in page and "optimizer:" not in page

    (copy.folder / "mine.npz").unlink()
    assert copy.planned() == {}, "what was imported stands for the file"


def test_models_in_folds_and_files_side_by_side(clone: Project):
    """Two files of masks that are no pairs, the second in Parquet, with half of the leak and a model that failed."""
    given = arrays(masks=half_of_the_models, n_models=10, n_samples=60)
    weaker = given["margin"] - np.array([0.25, 0.75])[:, None, None] * given["mask"]
    weaker[1, 3, 5] = np.nan
    write(clone.folder / "sgd.npz", given)
    rows(given | {"margin": weaker, "gap": weaker}).to_parquet(clone.folder / "adam.parquet")
    runs = [{"name": name, "scores": {"path": path}} for name, path in (("sgd", "sgd.npz"), ("adam", "adam.parquet"))]
    limits = {"lira": {"auc": 0.55}}
    study = {"study": "folds", "scores": {}, "runs": runs, "attacks": [{"name": "lira"}], "fail_above": limits}
    clone.write_study(study | {"dynamics": {"thresholds": ["lr1"]}})
    assert "dynamics: it needs complementary pairs of models, and sgd.npz has none; leave it out" in clone.refused()
    clone.write_study(study)
    jobs = {"import_scores_0": 1, "import_scores_1": 1, "attack_in_folds": 2, "compare_folds": 1, "draw_figures": 1}
    assert clone.planned() == jobs | {"write_report": 1, "judge_limits": 1}
    done = clone.snakemake()
    assert done.returncode != 0 and "Traceback" not in done.stdout, "the leak is above its limit"
    said = done.stdout
    assert "attacks are made in 10 folds of models; left out" in said and "lira on sgd: AUC (limit 0.55) is " in said

    metrics = tables(clone, "folds", "attack_metrics", "sgd")
    last = metrics.query("epoch == 2 and aggregation == 'pooled'").iloc[0]
    assert last["auc_low"] > 0.6 and last["folds"] == "10 folds" and last["n_models"] == 10
    lost = tables(clone, "folds", "attack_metrics", "adam").iloc[-1]
    assert lost["folds"] == "9 folds" and lost["n_models"] == 9
    folder = clone.results / "studies" / "folds"
    difference = pd.read_parquet(folder / "tables" / "differences.parquet").query("epoch == 2 and metric == 'auc'")
    assert len(difference) == 2 and (difference["low"] > 0).all() and not difference["high"].isna().any()
    assert pd.read_parquet(folder / "tables" / "null.parquet")["passed"].all()
    kinds = pd.read_parquet(folder / "tables" / "runs.parquet").set_index("run")
    assert kinds["n_models"].tolist() == [10, 9] and kinds["n_failed"].tolist() == [0, 1]
    assert (kinds["accuracy_in"].isna() == [True, False]).all() and kinds["pool"].nunique() == 1
    page = (folder / "report.html").read_text()
    assert "not in complementary pairs" in page and "with its pair" not in page and "1 of 10 models diverged" in page
