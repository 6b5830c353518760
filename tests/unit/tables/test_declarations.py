"""The declarations hang together, and hold a table to what they say."""

import numpy as np
import pandas as pd
import pytest

from memdyn.tables import AUDITED, STAGES, audit, study, study_tables, taken_over
from memdyn.tables.table import Column, Table, WrongTable

EVERY = [(stage, name, one) for stage, tables in STAGES.items() for name, one in tables.items()]


@pytest.mark.parametrize(("stage", "name", "one"), EVERY, ids=[f"{stage}-{name}" for stage, name, _ in EVERY])
def test_each_table(stage, name, one):
    names = [column.name for column in one.columns]
    assert (one.stage, one.name) == (stage, name) and len(set(names)) == len(names)
    assert names[: len(one.key)] == list(one.key) and one.about.endswith((".", "?"))
    assert all(column.about and "\n" not in column.about for column in one.columns)
    assert "sample" not in names, "a place in the pool is nobody's id"
    runs = {"run", "run_a"} & set(names)
    assert bool(runs) or one.key[0] in ("pool", "claim", "attack") if stage == "study" else not runs


def test_one_name_is_one_kind():
    """But where some tables have no certain epoch, no count; or levels that are not of confidence."""
    kinds: dict[str, set[str]] = {}
    for _, _, one in EVERY:
        for column in one.columns:
            kinds.setdefault(column.name, set()).add(column.kind)
    several = {name for name, found in kinds.items() if len(found) > 1}
    assert several == {"epoch", "epoch_to", "n_samples", "level"}


def test_the_study_takes_tables_over():
    assert set(AUDITED) - {*audit.OF_STUDY} < set(study_tables(False)) and "samples" not in AUDITED
    every = set(STAGES["study"]) - {*audit.OF_STUDY}
    assert {STAGES["attack"]["metrics"].study, "null_draws", "samples_index", "claims"} <= every
    assert set(study_tables(*[True] * 6)) == every and "curves" not in study_tables(False)
    assert set(study_tables(True)) == every - {
        *study.DISTANCES,
        *study.AGAINST_BASELINE,
        *study.UNCALIBRATED,
        *study.PROBABILITIES,
        *study.HELD_OUT,
    }
    assert STAGES["study"]["roc"].key == ("run", "attack", "epoch", "aggregation", "fpr")
    assert STAGES["study"]["curves"].key[0] == "run" and set(taken_over("analysis")) == set(STAGES["analysis"]) - {
        "smooth"
    }
    assert {"rates", "replicates"} == set(STAGES["attack"]) - set(taken_over("attack"))
    assert taken_over("uncalibrated") == ["uncalibrated"]
    taken = {one.study for tables in STAGES.values() for one in tables.values()}
    assert set(study.OWN) - {*audit.OF_STUDY} == every - taken


ONE = Table(
    "t",
    "attack",
    "Made up.",
    ("name", "epoch"),
    (
        Column("name", "text", "a word"),
        Column("epoch", "float", "may be missing"),
        Column("n", "int", "a count"),
        Column("passed", "bool", "yes or no"),
        Column("tpr_at_fpr_<fpr>_low", "float", "any number of them"),
        Column("<measure>_<models>", "float", "any number of them"),
    ),
)
GOOD = pd.DataFrame({"name": ["a", "a"], "epoch": [0.0, np.nan], "n": [1, 2], "passed": [True, False]})


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"epoch": [0, 1]},
        {"name": pd.Categorical(["a", "b"])},
        {"n": pd.array([1, 2], dtype="uint8")},
        {"tpr_at_fpr_1e-05_low": 0.5, "tpr_at_fpr_0.01_low": 0.5},
        {
            "aum_in": 1.0,
            "memorisation_in-out": 1.0,
            "prediction_depth_out": 1.0,
            "MyGradient_out": 1.0,
            "größe_in": 1.0,
        },
    ],
    ids=str,
)
def test_good_tables_pass_as_they_are(more):
    table = GOOD.assign(**more)
    assert ONE.checked(table) is table


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (GOOD.drop(columns="n"), "column 'n' is missing"),
        (GOOD.rename(columns={"n": "m"}), "column 'm' is not declared"),
        (GOOD.assign(tpr_at_fpr_x_low=1.0), "column 'tpr_at_fpr_x_low' is not declared"),
        (GOOD.assign(aum_both=1.0), "column 'aum_both' is not declared"),
        (GOOD.assign(n=[1.5, 2]), "column 'n' holds float64; declared: int"),
        (GOOD.assign(name=[1, 2]), "column 'name' holds int64; declared: text"),
        (GOOD.assign(passed=[0, 1]), "column 'passed' holds int64; declared: bool"),
        (GOOD.assign(epoch=["0", "1"]), "column 'epoch' holds .*; declared: float"),
        (GOOD.assign(epoch=np.nan), "two rows of one key: name a, epoch nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_tables_are_named(wrong, what):
    with pytest.raises(WrongTable, match=rf"table t \(attack\): {what}; see memdyn/tables/attack.py"):
        ONE.checked(wrong)


def test_whole_numbers_that_became_floats_are_whole_numbers_again():
    """As where an empty table stood among the parts of one."""
    checked = ONE.checked(GOOD.assign(n=[1.0, 2.0]))
    assert checked["n"].dtype == np.int64 and checked["n"].tolist() == [1, 2]


def test_without_rows_a_table_has_all_its_columns():
    for few in (pd.DataFrame(), pd.DataFrame(columns=["name"]), GOOD.iloc[:0]):
        assert set(ONE.checked(few)) == {"name", "epoch", "n", "passed"}
    assert ONE.checked(pd.DataFrame())["epoch"].dtype == float
    with pytest.raises(WrongTable, match="'m' is not declared"):
        ONE.checked(pd.DataFrame(columns=["m"]))
