"""Every registered mechanism in one study of 8 models, in as few runs as slots allow, through to the report."""

import pandas as pd
import pytest

from every_mechanism import RULES, packed
from memdyn.mechanisms import REGISTRY
from project import Project

pytestmark = pytest.mark.slow

PACKED = {f"train{k}": {"mechanisms": run} for k, run in enumerate(packed())}
LAST = list(PACKED)[-1]
(PRIVATE,) = (name for name, run in PACKED.items() if "dp_sgd" in run["mechanisms"])  # it has no teachers to train anew
PACKED[PRIVATE] |= {"augment": {"crop": 1, "flip": True}, "optimizer": {"weight_decay": 0.01}}
# those that train, output rules, a combination, an earlier end, one that diverges
RUNS = {
    "baseline": {},
    **PACKED,
    "rules": {"mechanisms": RULES},
    "both": {"mechanisms": PACKED[LAST]["mechanisms"] | RULES},
    "stop1": {"epochs": 1, "checkpoints": [1]},
    "wild": {"mechanisms": {"dp_sgd": {"noise": 1.0, "clip": 1e30, "lot": 64}}},
}
ELSEWHERE = {"random_crop", "flip", "weight_decay"}
FAILED = "8 of 8 models failed: the loss became infinite or NaN in epoch 1; no pair of models is left"
UNTRAINED = {"rules", "both", "stop1"}  # another run's models, behind rules or at an earlier checkpoint


def mechanisms_of(row: str) -> set[str]:
    """`a x=1 y=2 + b` -> {a, b}."""
    return {part.split()[0] for part in row.split(" + ")}


@pytest.fixture(scope="module")
def studied(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project.duplicate(tmp_path_factory.mktemp("mechanisms") / "checkout")
    study = made.study()
    study["pool"]["parts"]["spare"] = 40
    study["base"] |= {"model": {"name": "cnn", "width": 4, "hidden": 8}, "checkpoints": [1, 2]}
    study["base"]["optimizer"]["weight_decay"] = 0.0
    study["runs"] = [{"name": name, **changes} for name, changes in RUNS.items()]
    study |= {"attacks": [{"name": "lira"}], "analysis": {"enabled": False}, "realised": None, "on_divergence": "drop"}
    study["regularization"] = {"baseline": "baseline", "known": 40, "draws": 2}
    study["dynamics"] = {"thresholds": ["lr1"], "attacks": ["lira"]}
    study["report"] |= {"show_images": False, "plane_epochs": 1}  # drawing takes as long as training
    made.write_study(study)
    made.run()
    return made


@pytest.fixture(scope="module")
def tables(studied: Project):
    """(name) -> a table of the study."""
    folder = studied.results / "studies" / "matrix" / "tables"
    return lambda name: pd.read_parquet(folder / f"{name}.parquet")


def test_they_come_through_to_the_report(studied: Project, tables):
    runs = tables("runs").set_index("run")
    assert list(runs.index) == list(RUNS) and set(runs.loc[runs["status"] == "ok", "n_models"]) == {8}
    assert runs["reason"].to_dict() == dict.fromkeys(RUNS, "") | {"wild": FAILED}
    page = (studied.results / "studies" / "matrix" / "report.html").read_text()
    assert f"wild cannot be compared: {FAILED}" in page
    assert all(f"{run} (" in page for run in RUNS if run not in ("baseline", "wild"))


def test_none_is_forgotten(tables):
    """Each has its name in the tables, and numbers."""
    table = tables("mechanisms")
    there = table[(table["comparison"] == "released") & table["difference"].notna()]
    named = {name for row in there["mechanism"].unique() for name in mechanisms_of(row)}
    assert named == {*REGISTRY} - {"custom"} | ELSEWHERE
    whole = table[table["status"] == "compared"]
    assert whole[["value", "baseline_value", "difference", "low", "high"]].notna().all(axis=None)
    assert set(there["run"]) == set(RUNS) - {"baseline", "wild"}
    assert set(there["attack"]) == {"lira", "avg", "pow", "best strong", "max(avg, pow)", ""}


def test_each_is_judged(tables):
    verdicts = tables("regularization_verdicts").set_index(["claim", "by", "run"])["verdict"]
    for claim, by in (("R1", ""), ("R2", ""), ("R4", "attack")):
        found = verdicts.loc[claim, by]
        assert set(found.index) == set(RUNS) - {"baseline"}
        assert found["wild"] == "not tested" and "not tested" not in set(found.drop("wild"))
    assert verdicts.loc["R3", ""].drop("both").empty
    assert set(verdicts.loc["R4", "distance"]) == {"not tested"}, "the study has none"
    parts = tables("combinations").query("run == 'both'")["part"]
    assert set(parts) == {"rules", LAST}


def test_other_tables_have_all_runs(tables):
    left = set(RUNS) - {"wild"}
    ranks = tables("loss_rank_correlation")
    assert set(ranks["run"]) == set(ranks["other"]) == left and len(ranks) == len(left) ** 2
    assert ranks["correlation"].between(-1, 1).all()
    budget = tables("dp").query(f"stated and run == '{PRIVATE}'").sort_values("epoch")
    assert budget["epsilon"].iloc[0] > 0 and budget["epsilon"].is_monotonic_increasing and len(budget) == 2
    assert set(tables("mechanism_course")["run"]) == set(tables("vulnerable_overlap")["run"]) == left - {"baseline"}


def test_folders_are_named_after_them(studied: Project):
    trained = sorted(path.parent.parent.name for path in studied.results.glob("*/*/block-*/log.parquet"))
    hidden = 3 + 1  # SELENA's sub-models and the first stage of label DP; other teachers are the baseline
    assert len(trained) == len(RUNS) - len(UNTRAINED) + hidden
    words = ["advreg2-ccl.3", "disturb.5", "dmp1-relax1", "labeldp2st.5", "ls.3", "selena3-2", "selena3-2f1"]
    assert not [word for word in words if not any(word in name for name in trained)]
    (log,) = studied.results.glob("*/*advreg2*/block-*/log.parquet")
    told = {"early_stopping.loss", "early_stopping.weights_of", "mmd.gap", "past.penalty"}
    assert told < set(pd.read_parquet(log).columns)


def test_an_earlier_end_is_what_the_longer_run_was_then(tables):
    metrics = tables("attack_metrics")
    columns = metrics.columns.drop("run")
    one, other = (
        metrics[(metrics["run"] == run) & (metrics["epoch"] == 1)][columns].reset_index(drop=True)
        for run in ("stop1", "baseline")
    )
    assert len(one)
    pd.testing.assert_frame_equal(one, other)
