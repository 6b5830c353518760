"""Users' .parquet files: whatever is wrong inside, the message names file, column and row."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memdyn.config.datasets import ArraysDataset
from memdyn.data import arrays
from memdyn.data.check import problem
from tiny_data import CLASSES, IMAGES, load, refuse

N = 12
TABLE = np.random.default_rng(0).normal(size=(N, 2))
TEXTS = np.array(["日本", "é", "🚀"])[CLASSES]


def table_of(path, **options):
    return ArraysDataset(path=str(path), **({"features": "x", "labels": "y"} | options))


def parquet(path, columns, **options):
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, path, **options)
    return ArraysDataset(path=str(path), **({"features": "*", "labels": "y"}))


A = TABLE[:, 0]


def latin1(*texts):
    """Texts as an Arrow array of strings that are not UTF-8."""
    content = pa.array([text.encode("latin-1") for text in texts])
    return pa.Array.from_buffers(pa.string(), len(texts), content.buffers())


FRAME = pd.DataFrame({"a": A, "b": TABLE[:, 1], "y": CLASSES})
INDEXED = {
    "shuffled": (FRAME.sample(frac=1, random_state=0), ["a", "b"], ["__index_level_0__"]),
    "of some rows": (FRAME.set_index(np.arange(N) ** 2), ["a", "b"], ["__index_level_0__"]),
    "of two levels": (
        FRAME.set_index([np.arange(N) ** 2, TEXTS]),
        ["a", "b"],
        ["__index_level_0__", "__index_level_1__"],
    ),
    "named": (FRAME.set_index("b"), ["a"], ["b"]),
    "of texts": (FRAME.set_index(pd.Index(TEXTS, name="id")), ["a", "b"], ["id"]),
    "of times": (FRAME.set_index(pd.date_range("2020", periods=N, name="when")), ["a", "b"], ["when"]),
    "none": (FRAME, ["a", "b"], []),
}


@pytest.mark.parametrize("frame, features, index", INDEXED.values(), ids=INDEXED.keys())
def test_the_index_of_pandas_is_no_feature(tmp_path, frame, features, index):
    frame.to_parquet(tmp_path / "d.parquet")
    raw = load(table_of(tmp_path / "d.parquet", features="*"))
    np.testing.assert_array_equal(raw.images, frame[features])
    assert raw.labels.tolist() == frame["y"].tolist()
    left_out = [f"pandas' index is no feature, left out: {', '.join(map(repr, index))}"] * bool(index)
    assert [note for note in raw.notes if "index" in note] == left_out


@pytest.mark.parametrize("name", ["__index_level_0__", "__index_level_1__"])
def test_a_nameless_index_is_known_by_its_name(tmp_path, name):
    """As when a program that knows nothing of pandas wrote the file again."""
    dataset = parquet(tmp_path / "d.parquet", {"a": A, "y": CLASSES, name: np.arange(N)})
    np.testing.assert_array_equal(load(dataset).images[:, 0], A)
    assert load(dataset).images.shape == (N, 1)


def test_an_index_that_is_asked_for_is_read(tmp_path):
    FRAME.set_index("b").to_parquet(tmp_path / "d.parquet")
    raw = load(table_of(tmp_path / "d.parquet", features=["b", "a"]))
    np.testing.assert_array_equal(raw.images, FRAME[["b", "a"]])


def test_columns_are_names_whatever_they_look_like(tmp_path):
    columns = {"a": A, "a.b": A + 1, "a.b.c": A + 2, "日本": A + 3, "": A + 4, "y": CLASSES}
    raw = load(parquet(tmp_path / "d.parquet", columns))
    np.testing.assert_array_equal(raw.images, np.stack([A, A + 1, A + 2, A + 3, A + 4], axis=1))


def test_a_folder_named_like_a_column_adds_none(tmp_path):
    place = tmp_path / "a=7"
    place.mkdir()
    raw = load(parquet(place / "d.parquet", {"a": A, "y": CLASSES}))
    np.testing.assert_array_equal(raw.images[:, 0], A)


FEATURES = {
    "decimals": (pa.array([Decimal(i) / 4 for i in range(N)], pa.decimal128(20, 2)), np.arange(N) / 4),
    "truth values": (pa.array([True, False] * 6), [1, 0] * 6),
    "half floats": (pa.array(np.arange(N), pa.float16()), np.arange(N)),
    "uint64": (pa.array([2**63 + i for i in range(N)], pa.uint64()), np.arange(N)),
    "dictionary": (pa.array([5, 7] * 6).dictionary_encode(), [5, 7] * 6),
}


@pytest.mark.parametrize("column, expected", FEATURES.values(), ids=FEATURES.keys())
def test_numbers_of_any_kind(tmp_path, column, expected):
    raw = load(parquet(tmp_path / "d.parquet", {"x": column, "y": CLASSES}, row_group_size=5))
    np.testing.assert_array_equal(raw.images[:, 0], expected)


BAD_FEATURES = {
    "missing": (pa.array([1, 2, None] * 4), "4 missing or NaN, first in row 2"),
    "missing in a category": (pa.array([1, None] * 6).dictionary_encode(), "6 missing or NaN, first in row 1"),
    "all missing": (pa.nulls(N), "12 missing or NaN, first in row 0"),
    "missing and NaN": (pa.array([1, float("nan"), None] * 4), "8 missing or NaN, first in row 1"),
    "text": (pa.array(["1", "red"] * 6), "text, first in row 1: 'red'"),
    "missing text": (pa.array(["1", None, "red"] * 4), "text, first in row 1: None"),
    "large text": (pa.array(["1", "red"] * 6, pa.large_string()), "text, first in row 1: 'red'"),
    "category": (pa.array(["1", "red"] * 6).dictionary_encode(), "text, first in row 1: 'red'"),
    "not UTF-8": (latin1(*["1", "caf\xe9"] * 6), "text, first in row 1: 'caf\ufffd'"),
    "bytes": (pa.array([b"1", b"red"] * 6), "text, first in row 1: b'red'"),
    "dates": (pa.array([datetime.date(2020, 1, 1)] * N), "dates; give numbers, such as seconds"),
    "missing dates": (pa.array([datetime.date(2020, 1, 1), None] * 6), "dates; give numbers"),
    "timestamps": (pa.array([datetime.datetime(2020, 1, 1)] * N), "dates; give numbers"),
    "times": (pa.array([datetime.time(1)] * N), r"no number, first in row 0: datetime\.time"),
    "durations": (pa.array([datetime.timedelta(1)] * N), "durations; give numbers"),
    "lists": (pa.array([[1.0, 2.0]] * N), "no number, first in row 0: .*1., 2."),
    "fixed lists": (pa.array([[1.0, 2.0]] * N, pa.list_(pa.float64(), 2)), "no number, first in row 0"),
    "structs": (pa.array([{"u": 1}] * N), "no number, first in row 0: {'u': 1}"),
    "maps": (pa.array([[("u", 1)]] * N, pa.map_(pa.string(), pa.int64())), "no number, first in row 0"),
    "decimals too fine": (pa.array([Decimal(1), Decimal(f"1.{1:030d}")] * 6), "float64 cannot tell some"),
}


@pytest.mark.parametrize("size", [arrays.SMALL, 0])
@pytest.mark.parametrize("column, message", BAD_FEATURES.values(), ids=BAD_FEATURES.keys())
def test_bad_feature_is_named_with_its_row_before_any_job(tmp_path, monkeypatch, column, message, size):
    """Of a large file the schema and the footer's counts tell; only NaN and infinity are left to the job."""
    monkeypatch.setattr(arrays, "SMALL", size)
    dataset = parquet(tmp_path / "d.parquet", {"a": A, "x": column, "y": CLASSES}, row_group_size=5)
    expected = rf"check: .*d\.parquet: 1 of 2 columns cannot be used as features: column 'x': {message}"
    assert re.match(expected, refuse(dataset, tmp_path))


def test_all_bad_features_are_named_at_once(tmp_path):
    columns = {name: column for name, (column, _) in BAD_FEATURES.items()} | {
        "NaN": np.full(N, np.nan),
        "infinite": np.full(N, np.inf),
        "a": A,
        "y": CLASSES,
    }
    said = refuse(parquet(tmp_path / "d.parquet", columns), tmp_path)
    assert f"{len(columns) - 2} of {len(columns) - 1} columns cannot be used" in said
    assert all(f"column {name!r}: " in said for name in columns if name not in "ay")


LABELS = {
    "text": pa.array(TEXTS.tolist()),
    "large text": pa.array(TEXTS.tolist(), pa.large_string()),
    "categories": pa.array(TEXTS.tolist()).dictionary_encode(),
    "bytes": pa.array([text.encode() for text in TEXTS]),
    "numbers": pa.array(CLASSES),
    "small numbers": pa.array(CLASSES, pa.uint8()),
    "floats": pa.array(CLASSES, pa.float32()),
    "decimals": pa.array([Decimal(int(x)) for x in CLASSES]),
    "categories of numbers": pa.array(CLASSES).dictionary_encode(),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
def test_labels_of_any_kind(tmp_path, labels):
    raw = load(parquet(tmp_path / "d.parquet", {"a": A, "y": labels}, row_group_size=5))
    names = np.array(raw.class_names)[raw.labels].tolist()
    assert names == (CLASSES.astype(str) if "0" in raw.class_names else TEXTS).tolist()


BAD_LABELS = {
    "not UTF-8": (latin1(*["tea", "caf\xe9"] * 6), r"column 'y': label b'caf\\xe9' in row 1 is not UTF-8"),
    "not UTF-8 in categories": (
        latin1(*["tea", "caf\xe9"] * 6).dictionary_encode(),
        r"column 'y': label b'caf\\xe9' in row 1 is not UTF-8",
    ),
    "missing": (pa.array([0, 1, None] * 4), "column 'y': 4 labels are missing, first in row 2"),
    "missing text": (pa.array(["a", None, "b"] * 4), "column 'y': 4 labels are missing, first in row 1"),
    "all missing": (pa.nulls(N), "column 'y': 12 labels are missing, first in row 0"),
    "fractions": (pa.array([0, 0.5] * 6), "column 'y': label 0.5 in row 1 is not whole"),
    "from one": (pa.array(CLASSES + 1), "column 'y': labels are 3 different numbers from 1 to 3"),
    "lists": (pa.array([[0, 1]] * N), "labels: column 'y' is list<element: int64>; allowed: whole numbers"),
    "dates": (pa.array([datetime.date(2020, 1, 1)] * N), "labels: column 'y' is date32"),
    "structs": (pa.array([{"u": 1}] * N), "labels: column 'y' is struct"),
}


@pytest.mark.parametrize("size", [arrays.SMALL, 0])
@pytest.mark.parametrize("labels, message", BAD_LABELS.values(), ids=BAD_LABELS.keys())
def test_bad_labels_are_named_before_any_job(tmp_path, monkeypatch, labels, message, size):
    monkeypatch.setattr(arrays, "SMALL", size)
    dataset = parquet(tmp_path / "d.parquet", {"a": A, "y": labels})
    assert re.match(rf"check: .*d\.parquet: {message}", refuse(dataset, tmp_path))


TWICE = pa.table([pa.array(A), pa.array(A), pa.array(CLASSES)], ["a", "a", "y"])
NO_FEATURES = {
    "twice": (TWICE, {}, "has column 'a' 2 times; rename them; it has 'a', 'a', 'y'"),
    "asked for, twice": (TWICE, {"features": ["a"]}, "has column 'a' 2 times"),
    "labels twice": (TWICE.rename_columns(["y", "a", "y"]), {"features": ["a"]}, "has column 'y' 2 times"),
    "only labels": (pa.table({"y": CLASSES}), {}, "no columns but the labels"),
    "only labels and index": (
        pa.table({"y": CLASSES, "__index_level_0__": A}),
        {},
        "no columns but the labels and the index",
    ),
}


@pytest.mark.parametrize("table, options, message", NO_FEATURES.values(), ids=NO_FEATURES.keys())
def test_columns_that_cannot_be_told(tmp_path, table, options, message):
    pq.write_table(table, tmp_path / "d.parquet")
    dataset = table_of(tmp_path / "d.parquet", **({"features": "*"} | options))
    assert f"d.parquet: {message}" in refuse(dataset, tmp_path)


def test_no_rows(tmp_path):
    columns = {"a": A[:0], "x": pa.array([], pa.list_(pa.uint8())), "y": CLASSES[:0]}
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    for options in ({"features": ["a"]}, {"features": None, "images": "x"}):
        dataset = table_of(tmp_path / "d.parquet", **options)
        assert re.match(r"check: .*d\.parquet: no samples", refuse(dataset, tmp_path))


def test_a_column_twice_that_is_not_asked_for_does_not_matter(tmp_path):
    pq.write_table(TWICE.append_column("b", pa.array(A)), tmp_path / "d.parquet")
    assert problem(table_of(tmp_path / "d.parquet", features=["b"]).model_dump(), [f"{tmp_path}/d.parquet"], 2) is None


def test_damaged_column_is_named(tmp_path):
    path = tmp_path / "d.parquet"
    dataset = parquet(path, {"a": A, "b": A, "y": CLASSES}, compression="zstd", use_dictionary=False)
    chunk = pq.read_metadata(path).row_group(0).column(1)
    content = bytearray(path.read_bytes())
    content[chunk.data_page_offset + 20 : chunk.data_page_offset + chunk.total_compressed_size] = b"\xff" * (
        chunk.total_compressed_size - 20
    )
    path.write_bytes(content)
    assert re.match(r"check: .*d\.parquet: column 'b': cannot be read", refuse(dataset, tmp_path))


NO_PARQUET = {
    "encrypted": b"PARE" + b"\0" * 60 + (60).to_bytes(4, "little") + b"PARE",
    "no footer": b"PAR1" + b"\0" * 60 + (99).to_bytes(4, "little") + b"PAR1",
    "junk footer": b"PAR1" + b"\xff" * 60 + (50).to_bytes(4, "little") + b"PAR1",
    "npz": b"PK\x03\x04" + b"\0" * 60,
}


@pytest.mark.parametrize("content", NO_PARQUET.values(), ids=NO_PARQUET.keys())
def test_what_is_no_parquet_file_is_named(tmp_path, content):
    (tmp_path / "d.parquet").write_bytes(content)
    assert re.match(r"check: .*d\.parquet: cannot be read", refuse(table_of(tmp_path / "d.parquet"), tmp_path))


PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
FLAT = [row.tobytes() for row in IMAGES]
BAD_IMAGES = {
    "files": ([PNG] * N, "column 'x': holds PNG files; allowed: raw pixels.*image_folder"),
    "files of many sizes": ([PNG + bytes(i) for i in range(N)], "column 'x': holds PNG files"),
    "JPEG files": ([b"\xff\xd8\xff\xe0" + bytes(9)] * N, "column 'x': holds JPEG files"),
    "missing": ([*FLAT[:4], None, *FLAT[5:]], "column 'x': pixels missing in row 4"),
    "missing pixel": (pa.array([[1, None, 3]] * N, pa.list_(pa.uint8())), "column 'x': pixels missing in row 0"),
    "other size": ([*FLAT[:7], b"1", *FLAT[8:]], "column 'x': 60 bytes in row 0, but 1 in row 7"),
    "other whole numbers": (pa.array([[1, 2, 3]] * N), "column 'x' is list<element: int64>; allowed for images: bytes"),
    "nested": (pa.array([[[1], [2]]] * N, pa.list_(pa.list_(pa.uint8()))), "column 'x' is list<element: list"),
    "structs": (pa.array([{"bytes": PNG, "path": "a"}] * N), "column 'x' is struct"),
    "text": (pa.array(["a"] * N), "column 'x' is string; allowed for images"),
}


@pytest.mark.parametrize("column, message", BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_bad_images_are_named_with_their_row(tmp_path, column, message):
    pq.write_table(pa.table({"x": column, "y": CLASSES}), tmp_path / "d.parquet", row_group_size=3)
    dataset = table_of(tmp_path / "d.parquet", features=None, images="x", shape=[3, 5, 4])
    assert re.match(rf"check: .*d\.parquet: {message}", refuse(dataset, tmp_path))
