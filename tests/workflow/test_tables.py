"""Every table of a finished study is as declared, and a sample is the same one in all of them.

The data set gives ids of its own, shuffled and not from 0 on: a place in the pool taken for an id finds another sample,
or none.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from memdyn.data.pool import read_pool
from memdyn.tables import STAGES, study_tables
from project import PROJECT, Project, write_data

pytestmark = pytest.mark.slow

DATA = """
import numpy as np

def load(files):
    stored = np.load(files[0])
    ids = 20 + 3 * np.random.default_rng(5).permutation(len(stored["labels"]))
    return {"images": stored["images"][:, None], "labels": stored["labels"], "ids": ids}
"""
STUDY = {
    "study": "ids",
    "pool": {
        "dataset": {"name": "custom", "target": "own.py:load", "files": ["data.npz"]},
        "label_noise": 0.1,
        "parts": {"scored": 120, "sham": 40, "population": 60, "test": 60, "spare": 0},
    },
    "base": {"model": {"name": "logistic"}, "epochs": 2, "batch_size": 30, "checkpoints": [0, 1, 2]},
    "runs": [{"name": "slow", "optimizer": {"name": "sgd", "lr": 0.02}}, {"name": "fast"}],
    "regularization": {"baseline": "fast", "known": 20},
    "shadow_models": 8,
    "attacks": [{"name": "lira"}, {"name": "loss"}, {"name": "privacy_risk_score"}],
    "dynamics": {"attacks": ["lira"], "thresholds": ["lr1", 0.1]},
    "statistics": {"null_draws": 12},
    "analysis": {"splits": 2, "jackknife_splits": 1},
    "level_distance": {"samples": 60, "known": 20, "models": 8, "levels": ["q0.9", "gap"], "curvature_draws": 0},
    "report": {"png_dpi": 50, "pdf": False, "plane_epochs": 2, "top_samples": 2},
}
RUNS = ["slow", "fast"]
DOCS = PROJECT / "docs" / "tables.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Project:
    project = Project.copy(PROJECT, tmp_path_factory.mktemp("ids") / "checkout")
    write_data(project.folder / "data.npz")
    (project.folder / "own.py").write_text(DATA)
    project.write_study(STUDY)
    project.run("--until", "compare_runs")
    (tables,) = project.results.glob("studies/ids/versions/tables-*")
    (tables.parents[1] / "tables").symlink_to(tables)  # as the report does, which is not of interest here
    return project


@pytest.fixture(scope="module")
def tables(made):
    """(name) -> a table of the study."""
    return lambda name: pd.read_parquet(made.results / "studies" / "ids" / "tables" / f"{name}.parquet")


@pytest.fixture(scope="module")
def source(made):
    """The data set as it is given: sample_id -> image and label."""
    stored = np.load(made.folder / "data.npz")
    ids = 20 + 3 * np.random.default_rng(5).permutation(len(stored["labels"]))
    samples = zip(stored["images"], stored["labels"].tolist(), strict=True)
    return dict(zip(ids.tolist(), samples, strict=True))


def stage_of(path: Path) -> str:
    if path.stem == "log":
        return "train"
    kind = path.parent.name.split("-")[0]
    kinds = ("agreement", "dynamics", "analysis", "distance", "uncalibrated", "reliability", "realised")
    return kind if kind in kinds else "attack"


def test_every_written_table_is_as_declared(made, tables):
    for name in study_tables(True, True, True, True, True):
        STAGES["study"][name].checked(tables(name))
    found = set()
    for path in made.results.glob("*-*/**/*.parquet"):
        if path.stem != "signals":
            STAGES[stage_of(path)][path.stem].checked(pd.read_parquet(path))
            found.add((stage_of(path), path.stem))
    elsewhere = ("study", "audit")  # an audit has no other results
    assert found == {(stage, name) for stage, names in STAGES.items() if stage not in elsewhere for name in names}


def test_runs_are_called_by_their_names_everywhere(made, tables):
    for name in study_tables(True, True, True, True, True):
        table = tables(name)
        for column in {"run", "run_a", "run_b"} & set(table.columns):
            none = {""} if name == "mechanism_selection" else set()  # a rule may take no run
            assert set(table[column]) <= set(RUNS) | none, (name, column)
    for folder in tables("runs")["run_folder"]:
        assert list((made.results / folder).glob("block-*/log.parquet"))


def test_the_index_is_the_pool_and_the_source(made, tables, source):
    index = tables("samples_index")
    (path,) = made.results.glob("*/pool.arrow")
    pool = read_pool(str(path))
    assert index["sample_id"].tolist() == pool.sample_ids.tolist(), "in the order of the pool"
    assert set(index["pool"]) == {path.parent.name} == set(tables("runs")["pool"])
    assert index["part"].value_counts().to_dict() == {"scored": 120, "sham": 40, "population": 60, "test": 60}
    for k, row in enumerate(index.itertuples()):
        image, label = source[row.sample_id]
        np.testing.assert_array_equal(pool.images[k, 0], image)
        assert (row.label == label) != row.flipped and row.class_name == str(row.label) and row.file == ""
    assert index["flipped"].sum() == 12 and set(index.loc[index["flipped"], "part"]) == {"scored"}


def test_a_join_on_sample_id_finds_the_same_sample(made, tables):
    """Against a walk over the arrays by place: masks, scores and the pool."""
    index = tables("samples_index").set_index("sample_id")
    runs = tables("runs").set_index("run")
    for run in RUNS:
        samples, summary, hard = (
            tables(name).query(f"run == '{run}'") for name in ("samples", "summary", "difficulty")
        )
        last = samples.query("epoch == 2 and threshold == 'lr1'")
        joined = last.merge(summary, on=["attack", "threshold", "sample_id"], suffixes=("", "_last"))
        joined = joined.merge(hard, on="sample_id").set_index("sample_id")
        assert len(joined) == 120 and set(index.loc[joined.index, "part"]) == {"scored"}
        assert (index.loc[joined.index, "label"] == joined["label"]).all()
        (masks,) = (made.results / runs.loc[run, "pool"]).glob("membership/*.npz")
        file = np.load(masks)
        mask = np.unpackbits(file["bits"], axis=1, count=int(file["samples"])).astype(bool)[:8]
        (scores,) = (made.results / runs.loc[run, "run_folder"]).glob("outputs-*/block-*/signals.parquet")
        wide = pd.read_parquet(scores).query("epoch == 2").sort_values("model")
        margins, gaps = (np.stack(wide[name].to_numpy()).astype(float) for name in ("margin", "gap"))
        (rates,) = scores.parents[1].glob("lira-m*/rates.parquet")
        rates = pd.read_parquet(rates).query("epoch == 2 and threshold == 'lr1'").set_index("sample_id")
        for place in range(120):
            sample = joined.loc[index.index[place]]
            outside = margins[~mask[:, place], place]
            assert sample["loss_out"] == pytest.approx(np.logaddexp(0, -outside).mean(), rel=1e-4)
            assert sample["c_score_out"] == pytest.approx((gaps[~mask[:, place], place] > 0).mean())
            assert sample["advantage"] == pytest.approx(sample["severity"], abs=1e-6)
            assert sample["d_prime"] == pytest.approx(sample["d_prime_last"], abs=1e-5)
            assert str(sample["zone_counted"]) == str(sample["zone_counted_last"])
            assert str(sample["zone_tracked"]) == str(sample["zone_tracked_last"])
            mine_of = rates.loc[index.index[place]]
            assert sample["tpr"] == mine_of["d_in"] / 4 and mine_of["part"] == "scored"


def test_smooth_and_rates_name_sham_samples_too(made, tables):
    index = tables("samples_index").set_index("sample_id")["part"]
    for name in ("smooth", "rates"):
        for path in made.results.glob(f"*/*/*/*/{name}.parquet"):
            table = pd.read_parquet(path)
            assert (index.loc[table["sample_id"]].to_numpy() == table["part"].to_numpy()).all()
            assert table["sample_id"].nunique() == 160


def test_the_share_of_highly_vulnerable_is_one_number(tables):
    keys = ["run", "attack", "threshold", "epoch"]
    shares = tables("zones").query("zone == 'highly_vulnerable'").set_index(keys)["share"]
    curves = tables("curves").query("figure == 'share_highly_vulnerable' and samples == 'all'").set_index(keys)["value"]
    counted = tables("samples").groupby(keys)["zone_counted"].apply(lambda zone: (zone == "highly_vulnerable").mean())
    assert len(shares) == len(curves) == len(counted) == 2 * 2 * 3
    np.testing.assert_allclose(shares.loc[counted.index], counted)
    np.testing.assert_allclose(curves.loc[counted.index], counted)


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```python\n(.*?)```", DOCS.read_text(), re.DOTALL))


def test_the_lines_of_the_docs_do_what_they_say(made, tables, monkeypatch):
    found, code = {"pd": pd, "np": np}, examples()
    assert set(code) == {"trajectory", "join", "mask"} and len(code["trajectory"].splitlines()) == 3
    monkeypatch.chdir(made.results / "studies" / "ids")
    exec(code["trajectory"] + code["join"], found)
    path = found["trajectory"]
    assert path["run"].tolist() == ["fast"] * 3 + ["slow"] * 3 and path["epoch"].tolist() == [0, 1, 2] * 2
    assert path["sample_id"].nunique() == 1 and path["sample_id"].iloc[0] == tables("samples_index")["sample_id"][0]
    assert found["named"]["class_name"].tolist() == path["label"].astype(str).tolist()
    (pool,) = made.results.glob("*/pool.arrow")
    monkeypatch.chdir(pool.parent)
    exec(code["mask"], found)
    assert found["mask"].shape[1] == 160 and (found["mask"][0] != found["mask"][1]).all()
    assert found["mask"][:, :120].sum(axis=1).tolist() == [60] * len(found["mask"])
