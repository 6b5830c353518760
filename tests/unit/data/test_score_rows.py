"""Exported scores in Parquet: the arrays of an .npz file, and what is said of rows that do not fit."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exported_scores import arrays, rows, write
from memdyn.data import npz, score_rows
from memdyn.data.exported import examine
from memdyn.data.imports import Import

EPOCHS = (3, 7)


def whole():
    """Every kind of array; a model that failed at the second checkpoint."""
    given = arrays(sham=40, population=30)
    given |= {"sample_ids": np.arange(120)[::-1] * 3, "together": np.arange(8) // 2, "epochs": np.array(EPOCHS)}
    given |= {"gap": given["margin"].astype(np.float16), "logits": np.random.default_rng(0).normal(size=(2, 8, 120, 3))}
    given |= {"population_labels": np.arange(30) % 3, "margin_views": given["margin"][..., None] + np.arange(2.0)}
    given["margin"][1, 5, 7] = np.nan
    return given


def test_the_arrays_are_those_of_the_npz_file_whatever_the_order_of_rows(tmp_path):
    given = whole()
    table = rows(given, EPOCHS).sample(frac=1, random_state=0)
    assert "__index_level_0__" in pa.Table.from_pandas(table).column_names, "pandas writes the index then"
    table.to_parquet(tmp_path / "mine.parquet")
    theirs, ours = write(tmp_path / "mine.npz", given), str(tmp_path / "mine.parquet")
    assert score_rows.array_headers(ours) == npz.array_headers(theirs)
    for name, array in given.items():
        found = score_rows.read(ours, name)
        assert found.dtype == array.dtype and found.shape == array.shape
        np.testing.assert_array_equal(found, array, err_msg=name)


def test_a_study_of_them_is_the_same(tmp_path):
    given = {name: array for name, array in whole().items() if not name.startswith(("logits", "margin_views"))}
    rows(given, EPOCHS).to_parquet(tmp_path / "mine.parquet")
    paths = write(tmp_path / "mine.npz", given), str(tmp_path / "mine.parquet")
    known = [examine(path, 16) for path in paths]
    assert known[0] == known[1]
    one, other = (Import(path, known[0], 0, "key") for path in paths)
    assert one.failed == other.failed == {5: 1}
    np.testing.assert_array_equal(one.sample_ids, other.sample_ids)
    for (epoch, values), (again, same) in zip(one.epochs(range(8)), other.epochs(range(8)), strict=True):
        assert epoch == again and values.keys() == same.keys()
        assert all(np.array_equal(values[name], same[name], equal_nan=True) for name in values)


def test_of_one_checkpoint_epochs_may_be_left_out(tmp_path):
    given = {name: array[:1] if name == "margin" else array for name, array in arrays().items()}
    rows(given, [1]).drop(columns="epoch").to_parquet(tmp_path / "mine.parquet")
    found = examine(str(tmp_path / "mine.parquet"), 16)
    assert found.checkpoints == [1] and found == examine(write(tmp_path / "mine.npz", given), 16)


def test_lists_of_fixed_size_and_large_ones(tmp_path):
    given = arrays()
    table = pa.Table.from_pandas(rows(given), preserve_index=False)
    for name, kind in (("margin", pa.list_(pa.float64(), 120)), ("mask", pa.large_list(pa.bool_()))):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    pq.write_table(table, tmp_path / "mine.parquet")
    for name in ("margin", "mask"):
        np.testing.assert_array_equal(score_rows.read(str(tmp_path / "mine.parquet"), name), given[name])


def changed(column, row, value):
    def change(table):
        table.at[row, column] = value
        return table

    return change


BAD = {
    "no model": (lambda t: t.drop(columns="model"), ["no column 'model'"]),
    "a row is missing": (lambda t: t.drop(index=9), ["0 rows are of model 11 at epoch 2", "one row a model and epoch"]),
    "a row is there twice": (changed("model", 1, 10), ["2 rows are of model 10 at epoch 1"]),
    "a row a sample": (lambda t: t.explode(["margin", "mask", "labels"]), ["120 rows are of model 10", "are lists"]),
    "no rows": (lambda t: t[:0], ["has no rows"]),
    "names of models": (lambda t: t.assign(model=t["model"].map("m{}".format)), ["'model'", "a whole number"]),
    "text": (lambda t: t.assign(note="x"), ["column 'note' holds ", "string; allowed: numbers"]),
    "another array": (lambda t: t.assign(popluation=t["margin"]), ["'popluation'; did you mean 'population'?"]),
    "a shorter list": (changed("margin", 3, [0.0]), ["'margin': row 3 has shape (1,), in row 0 (120,)"]),
    "no list": (changed("margin", 3, None), ["'margin': row 3 is missing"]),
    "another mask later": (changed("mask", 9, [True] * 120), ["'mask': row 9", "at all checkpoints of a model"]),
    "other labels": (changed("labels", 4, [1] * 120), ["'labels': row 4 differs", "the same in all rows"]),
    "a label is missing": (changed("labels", 4, [None] * 120), ["'labels': row 4 holds a missing value"]),
}


@pytest.mark.parametrize("case", BAD)
def test_rows_that_do_not_fit_are_named(case, tmp_path):
    change, words = BAD[case]
    path = str(tmp_path / "mine.parquet")
    change(rows(arrays())).to_parquet(path)
    with pytest.raises(ValueError, match=r"mine\.parquet: ") as caught:
        examine(path, 16)
        score_rows.read(path, "margin")
    assert all(word in str(caught.value) for word in words)


def test_no_parquet(tmp_path):
    (tmp_path / "mine.parquet").write_text("margin")
    for path in ("mine.parquet", "none.parquet"):
        with pytest.raises(ValueError, match=f"{path}: cannot be read"):
            examine(str(tmp_path / path), 16)
