"""Tables are written as they are declared, and part by part as they would be in one piece."""

import gzip

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from memdyn.report.rows import select_threshold, shown_rows
from memdyn.stats.jackknife import TooFewModels
from memdyn.store.tables import empty_if_too_few, read_reason, with_ids, write_csv, write_parts, write_table
from memdyn.tables import STAGES
from memdyn.tables.table import WrongTable

PARTS = [
    pd.DataFrame({"run": run, "metric": "accuracy_test", "epoch": [0, 5], "value": values})
    for run, values in (("a", [0.25, float("nan")]), ("b, c", [1.0, -0.5]))
]


def test_parts_make_one_table(tmp_path):
    paths = tmp_path / "parts" / "clocks.parquet", tmp_path / "whole" / "clocks.parquet"
    for path in paths:
        path.parent.mkdir()
    write_parts(iter(PARTS), paths[0], "study")
    write_table(pd.concat(PARTS, ignore_index=True), paths[1], "study")
    pd.testing.assert_frame_equal(*map(pd.read_parquet, paths))
    assert pq.read_metadata(paths[0]).num_row_groups == 2, "never one below the other in memory"


def test_numbers_that_are_all_missing_stay_numbers(tmp_path):
    empty = pd.DataFrame([], columns=["value"])
    row = {"metric": ["accuracy_test"], "epoch": [1], "value": [float("nan")]}
    with_objects = pd.concat([empty, pd.DataFrame(row)], ignore_index=True).astype({"value": object})
    write_table(with_objects, tmp_path / "clocks.parquet", "analysis")
    assert pd.read_parquet(tmp_path / "clocks.parquet")["value"].abs().isna().all()


def test_csv_of_parts_has_one_header(tmp_path):
    write_csv(iter(PARTS), tmp_path / "clocks.csv.gz", "study")
    write_csv([pd.concat(PARTS)], tmp_path / "clocks.csv", "study")
    parts = gzip.decompress((tmp_path / "clocks.csv.gz").read_bytes())
    assert parts == (tmp_path / "clocks.csv").read_bytes() and parts.count(b"accuracy_test") == 4


def test_no_part_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"clocks.parquet: there is no table"):
        write_parts([], tmp_path / "clocks.parquet", "study")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("writer", [write_csv, write_parts, lambda parts, *to: write_table(pd.concat(parts), *to)])
def test_nothing_is_written_that_is_not_declared(tmp_path, writer):
    for wrong, what in (
        ([part.assign(sample=1) for part in PARTS], "'sample' is not declared"),
        ([part.drop(columns="value") for part in PARTS], "'value' is missing"),
        ([PARTS[0], PARTS[1].assign(epoch="late")], "'epoch' holds .*; declared: int"),
    ):
        with pytest.raises(WrongTable, match=rf"table clocks \(study\): column {what}; see memdyn/tables/study.py"):
            writer(wrong, tmp_path / "clocks.parquet", "study")
        assert not list(tmp_path.iterdir()), "whole or not at all"


def test_two_rows_of_one_key_are_named(tmp_path):
    with pytest.raises(WrongTable, match=r"two rows of one key: run a, metric accuracy_test, epoch 0"):
        write_table(pd.concat([*PARTS, PARTS[0]]), tmp_path / "clocks.parquet", "study")


def test_places_become_source_rows_where_the_table_is_written():
    table = pd.DataFrame({"part": "scored", "sample": [2, 0, 2], "value": [1, 2, 3]})
    written = with_ids(table, np.array([70, 10, 40]))
    assert list(written) == ["part", "sample_id", "value"] and written["sample_id"].tolist() == [40, 70, 40]
    assert with_ids(written, np.array([70, 10, 40])) is written


def test_the_filter_keeps_what_is_shown(tmp_path):
    rows = [(a, t, e) for a, t in [("lira", "lr1"), ("lira", "fpr0.1"), ("rmia", "fpr0.1")] for e in (0, 5)]
    table = pd.DataFrame(rows, columns=["attack", "threshold", "epoch"])
    table.to_parquet(tmp_path / "t.parquet")
    found = pd.read_parquet(tmp_path / "t.parquet", filters=shown_rows(table, "lr1"))
    pd.testing.assert_frame_equal(found, select_threshold(table, "lr1").reset_index(drop=True))


STAGES_OF_RUNS = ("attack", "dynamics", "analysis")


@pytest.mark.parametrize("stage", STAGES_OF_RUNS)
def test_too_few_models_leave_empty_tables_with_the_reason(tmp_path, monkeypatch, stage):
    monkeypatch.setattr("memdyn.store.tables.read_failed", lambda files: [3])
    paths, said = [tmp_path / f"{name}.parquet" for name in STAGES[stage]], []
    with empty_if_too_few(paths, stage, ["signals"], said.append):
        raise TooFewModels("2 models are too few")
    assert said == ["no numbers, because 2 models are too few"]
    for path in paths:
        table = pd.read_parquet(path)
        assert not len(table) and read_reason(path) == "2 models are too few"
        STAGES[stage][path.stem].checked(table)
    assert STAGES[stage][paths[0].stem].study, "the study takes it over"


def test_only_models_that_failed_excuse_empty_tables(tmp_path, monkeypatch):
    for failed, error in (([], TooFewModels), ([1], KeyError)):
        monkeypatch.setattr("memdyn.store.tables.read_failed", lambda files, failed=failed: failed)
        with pytest.raises(error), empty_if_too_few([tmp_path / "metrics.parquet"], "attack", [], print):
            raise error("x")
    assert not list(tmp_path.iterdir())


def test_a_table_with_rows_has_no_reason(tmp_path):
    write_table(PARTS[0].drop(columns="run"), tmp_path / "clocks.parquet", "analysis")
    assert read_reason(tmp_path / "clocks.parquet") == ""
