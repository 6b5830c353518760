"""Numeric tables: all bad columns named at once, no digit lost before columns are standardised."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from memdyn.data.pool import build_pool, earliest_equals
from memdyn.data.raw import raw_data
from memdyn.data.tables import as_table, standardised

N = 60
RNG = np.random.default_rng(0)
LABELS = np.arange(N) % 2
PARTS = {"scored": 20, "sham": 20, "population": 10, "test": 10, "spare": 0}


def raw_of(values, **options):
    return raw_data(values, np.arange(len(values)) % 2, source="f", **options)


def pool_of(values, parts=PARTS):
    return build_pool(raw_of(values), parts, seed=0, label_noise=0.0)


# -- precision ---------------------------------------------------------------------------------------------------

SECONDS = 1.7e9 + 20.0 * np.arange(N)
STEPS = np.arange(N)  # what each of these columns is, but for where it begins and its step
PRECISE = {
    "timestamps": SECONDS,
    "timestamps in nanoseconds": SECONDS.astype(np.int64) * 10**9,
    "whole numbers beyond 2^53": 2**60 + STEPS,
    "negative ones": -(2**62) + STEPS,
    "of both signs": (STEPS - N // 2) * 2**57,
    "uint64": np.uint64(2**64 - 1) - STEPS.astype(np.uint64),
    "all of uint64": STEPS.astype(np.uint64) * np.uint64(2**64 // N),
    "objects": np.array([2**62 + int(i) for i in STEPS], dtype=object),
    "small differences": 1.0 + STEPS * 1e-12,
    "large numbers": 1e300 * (1 + STEPS),
    "small numbers": 1e-300 * (1 + STEPS),
    "near the smallest": 5e-324 * (1 + STEPS),
    "near the largest": 1.7e308 * (STEPS / N - 0.5),
    "coordinates": 4.1e7 + STEPS * 0.01,
    "float32": (1 + STEPS).astype(np.float32),
    "float16": STEPS.astype(np.float16),
    "long double": 1 + STEPS.astype(np.longdouble) * 1e-12,
}


@pytest.mark.parametrize("column", PRECISE.values(), ids=PRECISE.keys())
@pytest.mark.parametrize("second", [np.zeros(N), RNG.integers(0, 2, N)], ids=["alone", "beside a coin"])
def test_no_row_is_lost_and_columns_are_standardised_exactly(column, second):
    frame = pd.DataFrame({"a": column, "b": second})
    pool = pool_of(frame)
    assert pool.n_duplicates == 0
    rows = pool.sample_ids
    values = [int(x) if isinstance(x, int) else Decimal(float(x)) for x in column.tolist()]
    exact = np.array([float(Decimal(values[row]) - Decimal(values[0])) for row in rows])  # differences, exactly
    exact = exact / np.abs(exact).max()
    base = exact[pool.parts["population"]]
    expected = (exact - base.mean()) / base.std()
    np.testing.assert_allclose(pool.images[:, 0], expected, rtol=1e-6, atol=2e-6)
    assert pool.images.dtype == np.float32 and len(np.unique(pool.images[:, 0])) == len(np.unique(expected))


def test_six_hundred_times_are_six_hundred_samples():
    n = 600
    times = np.c_[1.7e9 + np.arange(n) * 20, RNG.integers(0, 2, n)]
    parts = {"scored": 400, "sham": 20, "population": 100, "test": 80, "spare": 0}
    pool = pool_of(times, parts)
    assert pool.n_duplicates == 0 and pool.n_source == 600
    assert len(np.unique(pool.images, axis=0)) == 600


def test_rows_that_differ_in_the_last_digit_are_no_duplicates_and_equal_ones_are():
    values = np.array([[1.0, 0.0], [np.nextafter(1.0, 2), 0.0], [1.0, -0.0], [1.0, 0.0]])
    assert earliest_equals(raw_of(values).images).tolist() == [0, 1, 0, 0]
    whole = np.array([[2**60], [2**60 + 1], [2**60]])
    assert earliest_equals(raw_of(whole).images).tolist() == [0, 1, 0]


def test_population_alone_decides_on_mean_and_scale():
    pool = pool_of(RNG.normal(5, 3, (N, 4)))
    base = pool.images[pool.parts["population"]].astype(np.float64)
    np.testing.assert_allclose(base.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(base.std(axis=0), 1, rtol=1e-6)
    np.testing.assert_array_equal([pool.mean, pool.std], [[0] * 4, [1] * 4])


@pytest.mark.parametrize("level", [0.0, 7.0, 0.1, 1e-320, 1e300])
def test_column_that_is_constant_over_the_population_is_only_centred(level):
    """0.1 has a mean that is off by its rounding, and so a standard deviation of 1e-17 that would blow up the rest."""
    values = np.full((12, 1), level)
    values[10:] = level + 0.5
    centred = standardised(values, slice(0, 10), ["a"], "f")
    np.testing.assert_allclose(centred[:, 0], values[:, 0] - level, rtol=1e-6)


UNFIT = {
    "an outlier that drowns the rest": (
        np.r_[1e12, RNG.integers(0, 100, N - 1)],
        r"\d+% of its values \(from \d to 1e\+12\)",
    ),
    "two levels and an outlier": (np.r_[1e30, np.arange(N - 1) % 2], r"\d+% of its values"),
    "a code for missing values": (np.where(np.arange(N) % 3, RNG.normal(size=N), 1e20), r"\d+% of its values"),
    "an outlier out of reach": (
        np.r_[np.zeros(N - 1), 1e300] + np.r_[np.arange(N - 1) % 2, 0],
        "1e[+]300 is more than",
    ),
}


@pytest.mark.parametrize("column, message", UNFIT.values(), ids=UNFIT.keys())
def test_columns_that_do_not_fit_are_named_together(column, message):
    values = np.c_[RNG.normal(size=N), column, RNG.normal(size=N), column]
    reference = slice(5, 25) if "more than" in message else slice(None)
    with pytest.raises(ValueError, match="f: after standardising, float32 has no room for 2 of 4 columns") as caught:
        standardised(values, reference, list("abcd"), "f")
    assert re.search(f"b: .*{message}.*d: .*{message}", str(caught.value))


@pytest.mark.parametrize("law", ["normal", "standard_cauchy", "lognormal", "random"])
def test_honest_columns_fit(law):
    draw = np.random.default_rng(1)
    column = draw.lognormal(0, 3, (10_000, 1)) if law == "lognormal" else getattr(draw, law)(size=(10_000, 1))
    assert standardised(column, slice(0, 2000), ["a"], "f").shape == (10_000, 1)


# -- columns that cannot be used -----------------------------------------------------------------------------------


def objects(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def column(**places):
    """Twelve numbers as objects, but for some rows."""
    values = list(range(12))
    for row, value in places.items():
        values[int(row[1:])] = value
    return objects(values)


FLOATS = np.arange(12.0)
BAD = {
    "NaN": (np.where(FLOATS % 5 == 3, np.nan, FLOATS), "2 missing or NaN, first in row 3"),
    "infinite": (np.where(FLOATS == 7, -np.inf, FLOATS), "1 infinite, first in row 7"),
    "both": (np.r_[0, np.inf, np.nan, np.nan, FLOATS[4:]], "2 missing or NaN, 1 infinite, first in row 1"),
    "None": (column(r4=None), "1 missing or NaN, first in row 4"),
    "missing Int64": (pd.array([1, None] * 6, dtype="Int64"), "6 missing or NaN, first in row 1"),
    "missing truth value": (pd.array([True, None] * 6, dtype="boolean"), "6 missing or NaN, first in row 1"),
    "only missing": (objects([None] * 12), "12 missing or NaN, first in row 0"),
    "text": (np.array(["1", "2", "red"] * 4), "text, first in row 2: 'red'"),
    "bytes": (np.array([b"1", b"red"] * 6), "text, first in row 1: b'red'"),
    "text as objects": (column(r5="red"), "text, first in row 5: 'red'"),
    "numbers as text": (FLOATS.astype(str), "numbers written as text, such as '0.0' in row 0; convert them"),
    "category": (pd.Categorical(["a", "b"] * 6), "text, first in row 0: 'a'"),
    "dates": (FLOATS.astype("M8[s]"), "dates; give numbers, such as seconds"),
    "durations": (FLOATS.astype("m8[s]"), "durations; give numbers"),
    "dates as objects": (column(r3=datetime.date(2020, 1, 1)), r"no number, first in row 3: datetime\.date"),
    "lists": (objects([[1], [2, 3]] * 6), r"no number, first in row 0: \[1\]"),
    "complex": (FLOATS * 1j, "complex numbers"),
    "whole numbers too far apart": (
        np.r_[0, 2**62, 2**62 + 1, np.arange(9)],
        "float64 cannot tell some of its numbers apart, such as those of rows 1 and 2",
    ),
    "decimals too close": (objects([Decimal(1), Decimal(f"1.{1:030d}")] * 6), "float64 cannot tell some of its"),
}


@pytest.mark.parametrize("bad, message", BAD.values(), ids=BAD.keys())
def test_bad_column_is_named_with_its_first_bad_row(bad, message):
    frame = pd.DataFrame({"good": FLOATS, "bad": bad})
    frame.index = frame.index[::-1]  # rows are counted, whatever the index says
    with pytest.raises(ValueError, match=f"own: 1 of 2 columns cannot be used as features: column 'bad': {message}"):
        raw_data(frame, LABELS[:12], source="own")


def test_all_bad_columns_are_named_at_once():
    frame = pd.DataFrame({name: pd.Series(bad) for name, (bad, _) in BAD.items()})
    with pytest.raises(ValueError, match=f"own: {len(BAD)} of {len(BAD)} columns") as caught:
        raw_data(frame, LABELS[:12], source="own")
    for name, (_, message) in BAD.items():
        assert re.search(f"column {name!r}: {message}", str(caught.value))


def test_columns_of_an_array_are_numbered():
    values = RNG.normal(size=(12, 40))
    values[3, 5], values[4, 5], values[9, 31] = np.nan, np.nan, np.inf
    message = r"2 of 40 columns .*column 5: 2 missing or NaN, first in row 3; column 31: 1 infinite, first in row 9"
    for table in (values, values.astype(np.float32), np.asfortranarray(values), values.astype(object)):
        with pytest.raises(ValueError, match=message):
            raw_data(table, LABELS[:12], source="f")


GOOD = {
    "numbers of any kind": pd.DataFrame(
        {kind: np.arange(12).astype(kind) for kind in ("b", "B", "i8", "u8", "f2", "?")}
    ),
    "nullable numbers": pd.DataFrame({"a": pd.array(range(12), "Int64"), "b": pd.array([True, False] * 6, "boolean")}),
    "Arrow's numbers": pd.DataFrame({"a": pd.array(range(12), pd.ArrowDtype(pa.uint8()))}),
    "decimals": pd.DataFrame({"a": objects([Decimal(i) / 4 for i in range(12)])}),
    "objects": pd.DataFrame({"a": objects(list(range(12))), "b": objects([0.5] * 12)}),
}


@pytest.mark.parametrize("values", GOOD.values(), ids=GOOD.keys())
def test_numbers_of_any_kind_are_taken(values):
    raw = raw_data(values, LABELS[:12], source="f")
    np.testing.assert_array_equal(raw.images, values.astype(np.float64))
    assert raw.columns == tuple(f"column {name!r}" for name in values.columns)


def test_float32_is_kept_where_it_holds_the_values():
    assert raw_of(RNG.normal(size=(N, 2)).astype(np.float32)).images.dtype == np.float32
    assert raw_of(RNG.integers(0, 255, (N, 2), dtype=np.uint8)).images.dtype == np.float32
    assert raw_of(RNG.integers(0, 255, (N, 2))).images.dtype == np.float64
    assert raw_of(RNG.integers(0, 255, (N, 2)).astype(np.int32)).images.dtype == np.float64


def test_as_table_of_an_array_is_the_plain_table():
    values = RNG.normal(size=(N, 3))
    named = [(str(at), values[:, at]) for at in range(3)]
    np.testing.assert_array_equal(as_table(named, "f"), raw_of(values).images)


# -- remarks -----------------------------------------------------------------------------------------------------


def test_constant_columns_are_noted():
    values = np.c_[np.full(N, 7.0), RNG.normal(size=N), np.zeros(N)]
    assert raw_of(values).notes == ("2 of 3 columns are constant, no features: column 0, column 2",)


@pytest.mark.parametrize("start", [0, 1, 2**60])
def test_a_column_that_numbers_the_rows_is_warned_of(start):
    frame = pd.DataFrame({"Unnamed: 0": start + np.random.default_rng(0).permutation(N), "a": RNG.normal(size=N)})
    (note,) = raw_of(frame).notes
    assert note.startswith("WARNING") and "column 'Unnamed: 0'" in note and "'a'" not in note


def test_ordinary_columns_are_not_warned_of():
    values = np.c_[np.arange(N) // 2, np.arange(N) * 2, np.arange(N) + 0.5, SECONDS]
    assert raw_of(values).notes == ()


def test_a_column_that_is_the_label_is_warned_of():
    labels = np.resize([0, 1, 2], 60)
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "y": labels.astype(float)})
    (said,) = raw_data(frame, labels, source="own").notes
    assert said.startswith("WARNING: equal to the class numbers: column 'y'")
    assert raw_data(frame, labels[::-1], source="own").notes == ()


def generated():
    yield from range(12)


FORMS = {
    "a generator": (generated(), LABELS[:12], "own: samples are a generator; allowed: an array, or lists$"),
    "a dict": ({"a": [1]}, LABELS[:12], "own: samples are a dict"),
    "a set": (np.zeros((12, 2)), {0, 1}, "own: labels are a set"),
    "sparse": (
        sparse.csr_matrix(np.eye(12)),
        LABELS[:12],
        r"samples are a csr_matrix; .* \.toarray\(\)",
    ),
    "masked": (np.ma.masked_less(np.eye(12), 1), LABELS[:12], "132 values of samples are masked"),
    "masked labels": (np.eye(12), np.ma.masked_equal(LABELS[:12], 1), r"\d+ values of labels are masked"),
    "an index in another order": (
        pd.DataFrame(np.eye(12)),
        pd.Series(LABELS[:12]).sample(frac=1, random_state=0),
        r"index of the labels is that of the samples in another order.*labels\.loc",
    ),
}


@pytest.mark.parametrize("images, labels, message", FORMS.values(), ids=FORMS.keys())
def test_forms_that_would_be_taken_otherwise_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        raw_data(images, labels, source="own")


def test_indices_of_their_own_do_not_matter():
    frame = pd.DataFrame(np.eye(12), index=np.arange(12) + 7)
    for index in (frame.index, range(12), list("abcdefghijkl")):
        raw = raw_data(frame, pd.Series(LABELS[:12], index=index), source="own")
        assert raw.labels.tolist() == list(LABELS[:12])
    assert len(raw_data(np.ma.masked_array(np.eye(12), False), LABELS[:12], source="own")) == 12


def test_ids_beyond_int64_are_refused():
    with pytest.raises(ValueError, match=r"an id is 9223372036854775819; allowed: below 2\^63"):
        raw_data(np.eye(12), LABELS[:12], source="own", ids=np.arange(12, dtype=np.uint64) + np.uint64(2**63))
