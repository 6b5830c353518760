"""Tables are written part by part as they would be in one piece."""

import gzip

import pandas as pd
import pyarrow.parquet as pq
import pytest

from memdyn.report.rows import select_threshold, shown_rows
from memdyn.store.tables import write_csv, write_parts, write_table

PARTS = [
    pd.DataFrame({"run": "a", "zone": ["chance", None], "advantage": [0.25, float("nan")], "n_in": [16, 16]}),
    pd.DataFrame({"run": "b, c", "zone": [None, None], "advantage": [1.0, -0.5], "n_in": [16, 16]}),
]


def test_parts_make_one_table(tmp_path):
    write_parts(iter(PARTS), tmp_path / "parts.parquet")
    write_table(pd.concat(PARTS, ignore_index=True), tmp_path / "whole.parquet")
    parts, whole = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("parts", "whole"))
    pd.testing.assert_frame_equal(parts, whole)
    assert pq.read_metadata(tmp_path / "parts.parquet").num_row_groups == 2, "never one below the other in memory"


def test_numbers_that_are_all_missing_stay_numbers(tmp_path):
    empty = pd.DataFrame([], columns=["low"])
    with_objects = pd.concat([empty, pd.DataFrame({"low": [float("nan")]})], ignore_index=True).astype(object)
    write_table(with_objects, tmp_path / "table.parquet")
    assert pd.read_parquet(tmp_path / "table.parquet")["low"].abs().isna().all()


def test_csv_of_parts_has_one_header(tmp_path):
    write_csv(iter(PARTS), tmp_path / "parts.csv.gz")
    write_csv([pd.concat(PARTS)], tmp_path / "whole.csv")
    assert gzip.decompress((tmp_path / "parts.csv.gz").read_bytes()) == (tmp_path / "whole.csv").read_bytes()


def test_no_part_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"none.parquet: there is no table"):
        write_parts([], tmp_path / "none.parquet")
    assert not list(tmp_path.iterdir())


def test_the_filter_keeps_what_is_shown(tmp_path):
    rows = [(a, t, e) for a, t in [("lira", "lr1"), ("lira", "fpr0.1"), ("rmia", "fpr0.1")] for e in (0, 5)]
    table = pd.DataFrame(rows, columns=["attack", "threshold", "epoch"])
    table.to_parquet(tmp_path / "t.parquet")
    found = pd.read_parquet(tmp_path / "t.parquet", filters=shown_rows(table, "lr1"))
    pd.testing.assert_frame_equal(found, select_threshold(table, "lr1").reset_index(drop=True))
