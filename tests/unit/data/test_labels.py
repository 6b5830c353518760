"""Labels in every form in which people keep them: accepted by one rule, or refused with the row and the mend."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from memdyn.data.labels import class_numbers
from memdyn.data.raw import raw_data

NUMBERS = np.array([0, 2, 1, 1, 0, 2])
TEXTS = np.array(["tea", "milk", "éclair", "milk", "tea", "日本"])
CATEGORY = pd.Categorical(TEXTS, categories=["tea", "日本", "milk", "éclair", "unused"], ordered=True)
STRING = np.dtypes.StringDType()

WHOLE = {
    **{str(np.dtype(kind)): NUMBERS.astype(kind) for kind in "bBhHiIqQfdeg"},
    "big-endian": NUMBERS.astype(">i8"),
    "one column": NUMBERS[:, None],
    "list": NUMBERS.tolist(),
    "objects": NUMBERS.astype(object),
    "numpy objects": np.array([np.int8(x) for x in NUMBERS], dtype=object),
    "floats as objects": NUMBERS.astype(float).astype(object),
    "decimals": np.array([Decimal(int(x)) for x in NUMBERS], dtype=object),
    "Series": pd.Series(NUMBERS, index=NUMBERS[::-1]),
    "nullable Series": pd.Series(NUMBERS, dtype="Int64"),
    "floating Series": pd.Series(NUMBERS, dtype="Float64"),
    "Arrow's Series": pd.Series(NUMBERS, dtype=pd.ArrowDtype(pa.int8())),
    "category of numbers": pd.Series(NUMBERS).astype("category"),
    "frame of one column": pd.DataFrame({"y": NUMBERS}),
    "Arrow": pa.array(NUMBERS),
    "Arrow's column": pa.chunked_array([NUMBERS[:2], NUMBERS[2:]]),
}


@pytest.mark.parametrize("labels", WHOLE.values(), ids=WHOLE.keys())
def test_whole_numbers_of_any_kind(labels):
    targets, names = class_numbers(labels, 6, "y")
    assert targets.dtype == np.int64 and targets.tolist() == NUMBERS.tolist()
    assert names == ("0", "1", "2")


TEXT = {
    "fixed": TEXTS,
    "variable": TEXTS.astype(STRING),
    "bytes": np.strings.encode(TEXTS, "utf-8"),
    "objects": TEXTS.astype(object),
    "bytes as objects": np.array([text.encode() for text in TEXTS], dtype=object),
    "list": TEXTS.tolist(),
    "one column": TEXTS[:, None],
    "one column of objects": TEXTS.astype(object)[:, None],
    "Series": pd.Series(TEXTS),
    "Series of objects": pd.Series(TEXTS, dtype=object),
    "Series of strings": pd.Series(TEXTS, dtype="string"),
    "Arrow's Series": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
    "category": pd.Series(CATEGORY),
    "categorical": CATEGORY,
    "index": pd.Index(TEXTS),
    "frame of one column": pd.DataFrame({"y": TEXTS}),
    "Arrow": pa.array(TEXTS.tolist()),
    "Arrow's categories": pa.array(TEXTS.tolist()).dictionary_encode(),
}


@pytest.mark.parametrize("labels", TEXT.values(), ids=TEXT.keys())
def test_texts_of_any_kind_are_classes_in_sorted_order(labels):
    targets, names = class_numbers(labels, 6, "y")
    assert names == ("milk", "tea", "éclair", "日本")
    assert targets.tolist() == [1, 0, 2, 0, 1, 3]
    assert all(type(name) is str for name in names)


def test_truth_values():
    for labels in ([True, False, True], pd.Series([True, False, True], dtype="boolean")):
        targets, _ = class_numbers(labels, 3, "y")
        assert targets.tolist() == [1, 0, 1]


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


ONE_HOT = np.eye(3)[NUMBERS]
REFUSED = {
    "one-hot": (ONE_HOT, r"y: labels of shape \(6, 3\) look one-hot, a column a class: give class numbers, .*argmax"),
    "one-hot frame": (pd.get_dummies(pd.Series(TEXTS)), r"labels of shape \(6, 4\) look one-hot"),
    "a row": (NUMBERS[None], r"labels of shape \(1, 6\) are one row: give one label a sample, labels\.ravel"),
    "too few": (NUMBERS[:4], "6 samples, but 4 labels; allowed: one a sample"),
    "cube": (NUMBERS[:, None, None], r"6 samples, but labels of shape \(6, 1, 1\)"),
    "single": (np.int64(3), "labels are a single value"),
    "fraction": (NUMBERS / 2, "label 0.5 in row 2 is not whole"),
    "fraction as object": (objects(0, 1, 0.5, 1, 0, 1), "label 0.5 in row 2 is not whole"),
    "fraction as decimal": (objects(*map(Decimal, "01")).repeat(3) / 2, "label 0.5 in row 3 is not whole"),
    "infinite": (np.array([0, 1, np.inf, 0, 1, 0]), "label inf in row 2 is not whole"),
    "infinite object": (objects(0, 1, np.inf, 0, 1, 0), "label inf in row 2 is not whole"),
    "too large": (np.array([0, 1, 1e30, 0, 1, 0]), "label 1e[+]30 in row 2 is no class number"),
    "NaN": (np.array([0, 1, np.nan, 0, np.nan, 0]), "2 labels are missing, first in row 2; leave these samples out"),
    "None": (objects("a", "b", None, "a", "b", "a"), "1 label is missing, first in row 2"),
    "missing number": (pd.Series([0, 1, None, 1, 0, 1], dtype="Int64"), "1 label is missing, first in row 2"),
    "missing truth value": (pd.Series([True, None] * 3, dtype="boolean"), "3 labels are missing, first in row 1"),
    "missing text": (pd.Series(["a", None, "b"] * 2), "2 labels are missing, first in row 1"),
    "missing category": (pd.Series(["a", None, "b"] * 2).astype("category"), "2 labels are missing, first in row 1"),
    "missing numpy string": (
        np.array(["a", None, "b"] * 2, dtype=np.dtypes.StringDType(na_object=None)),
        "2 labels are missing, first in row 1",
    ),
    "empty text": (np.array(["a", " ", "b"] * 2), r"the label in row 1 is an empty text \(2 in all\)"),
    "text and numbers": (objects("a", 1, "b", 1, "a", 1), "label 1 in row 1 is a number, while 'a' in row 0 is text"),
    "numbers and text": (objects(0, 1, "b", 1, 0, 1), "label 'b' in row 2 is text, while 0 in row 0 is a number"),
    "text and bytes": (objects("a", b"a").repeat(3), "label b'a' in row 3 is bytes, while 'a' in row 0 is text"),
    "lists": (objects(*[[1]] * 6), r"label \[1\] in row 0 is of type list"),
    "dates as objects": (objects(*[datetime.date(2020, 1, 1)] * 6), "in row 0 is of type date"),
    "not UTF-8": (np.array([b"tea", b"caf\xe9"] * 3), r"label b'caf\\xe9' in row 1 is not UTF-8"),
    "dates": (
        np.arange(6).astype("M8[D]"),
        r"labels are dates \(datetime64\[D\]\); allowed: whole numbers 0\.\.K-1, or",
    ),
    "durations": (np.arange(6).astype("m8[s]"), "labels are durations"),
    "complex": (NUMBERS * 1j, "labels are complex numbers"),
    "records": (np.zeros(6, [("a", int)]), "labels are records"),
    "from one": (
        NUMBERS + 1,
        r"labels are 3 different numbers from 1 to 3; allowed: 0\.\.K-1.*np\.unique.*astype\(str\)",
    ),
    "negative": (np.array([-1, 1] * 3), "labels are 2 different numbers from -1 to 1"),
    "sparse": (NUMBERS * 10, "labels are 3 different numbers from 0 to 20"),
    "sparse objects": ((NUMBERS * 10).astype(object), "labels are 3 different numbers from 0 to 20"),
    "sparse and large": (
        NUMBERS.astype(np.uint64) * 2**62,
        "labels are 3 different numbers from 0 to 9223372036854775808",
    ),
    "one class": (NUMBERS * 0, "one class only"),
    "one class of text": (np.array(["a"] * 6), "one class only"),
    "spaces": (np.array(["tea", "tea "] * 3), "class names 'tea' and 'tea ' look the same"),
    "a space without a break": (np.array(["a b", "a\u00a0b"] * 3), "look the same"),
    "two spaces": (np.array(["a b", "a  b"] * 3), "look the same"),
    "a space of no width": (np.array(["tea", "te\u200ba"] * 3), "look the same"),
    "a mark of byte order": (np.array(["tea", "\ufefftea"] * 3), "look the same"),
    "letters turned round": (np.array(["ab", "a\u202eb"] * 3), "look the same"),
    "a line separator": (np.array(["a\u2028b", "c"] * 3), "control characters"),
    "two ways to write an accent": (np.array(["caf\u00e9", "cafe\u0301"] * 3), "look the same"),
    "line break": (np.array(["a", "b\nc"] * 3), r"class name 'b\\nc' is empty, not Unicode, or has control characters"),
}


@pytest.mark.parametrize("labels, message", REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_row_and_mend(labels, message):
    with pytest.raises(ValueError, match=message) as caught:
        class_numbers(labels, 6, "f.npz: y")
    assert str(caught.value).startswith("f.npz: y: ")
    with pytest.raises(ValueError, match=re.escape(str(caught.value))):  # of a user's own loader as well
        raw_data(np.zeros((6, 2)), labels, source="f.npz: y")


def test_class_names_give_the_order_of_texts():
    targets, names = class_numbers(["tea", "milk", "tea"], 3, "y", ["tea", "milk"])
    assert targets.tolist() == [0, 1, 0] and names == ("tea", "milk")
    targets, names = class_numbers([b"tea", b"milk", b"tea"], 3, "y", np.array([b"tea", b"milk"]))
    assert targets.tolist() == [0, 1, 0] and names == ("tea", "milk")
    targets, names = class_numbers([0, 1, 0], 3, "y", ["tea", 5])
    assert targets.tolist() == [0, 1, 0] and names == ("tea", "5")


NAMES = {
    "other names": (["a", "b"], ["tea", "milk"], "labels are 'a', 'b', but class_names are 'tea', 'milk'"),
    "a name that labels nothing": (["a", "b"], ["a", "b", "c"], "class_names are 'a', 'b', 'c'; allowed: the same"),
    "too many": ([0, 1], ["a", "b", "c"], "samples of 2 classes, but 3 class names"),
    "one text": ([0, 1], "ab", "class_names is 'ab'; allowed: a list, in order, with a name a class"),
    "without an order": ([0, 1], {"tea", "milk"}, "class_names is {.*allowed: a list, in order"),
    "by number": ([0, 1], {1: "tea", 0: "milk"}, "class_names is {1: 'tea'.*allowed: a list, in order"),
    "twice": ([0, 1], ["a", "a"], "class names 'a' and 'a' look the same"),
    "empty": ([0, 1], ["a", ""], "class name '' is empty"),
}


@pytest.mark.parametrize("labels, names, message", NAMES.values(), ids=NAMES.keys())
def test_bad_class_names_are_refused(labels, names, message):
    with pytest.raises(ValueError, match=message):
        class_numbers(labels, len(labels), "y", names)


def test_labels_that_look_missing_and_classes_of_one_sample_are_warned_of():
    texts = np.array(["tea", "nan", "tea", "NaN ", "nan", "milk", "NaN ", "?", "?"])
    for values in (np.eye(9), np.zeros((9, 1, 2, 2), np.uint8)):
        missing, single = (line for line in raw_data(values, texts, source="f").notes if "WARNING" in line)
        assert missing.startswith("WARNING: classes that look like a missing label: '?', 'NaN ', 'nan'; leave")
        assert single == "WARNING: 1 of 5 classes have one sample: 'milk'"
        plain = raw_data(values, ["nancy", "none of it", "no"] * 3, source="f")
        assert not any("WARNING" in line for line in plain.notes)
