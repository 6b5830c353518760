import json
import os
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memdyn.data.pool import (
    METADATA_KEY,
    _with_flips,
    build_pool,
    duplicates_note,
    earliest_equals,
    proportional,
    read_pool,
    write_pool,
)
from memdyn.data.raw import raw_data
from memdyn.terms import PARTS

SIZES = {"scored": 40, "sham": 10, "population": 20, "test": 20, "spare": 10}


def images_of(n, classes=5, shape=(2, 4, 3), seed=0):
    rng = np.random.default_rng(seed)
    labels = np.resize(np.arange(classes), n)
    ids = rng.permutation(10 * n)[:n]
    return raw_data(rng.integers(0, 256, (n, *shape), dtype=np.uint8), labels, source="test", ids=ids)


def table_of(n, classes=3, columns=6):
    rng = np.random.default_rng(0)
    return raw_data(rng.normal(3, 2, (n, columns)), np.resize(np.arange(classes), n), source="test")


@pytest.mark.parametrize("raw", [images_of(150), table_of(150)], ids=["images", "table"])
def test_parts_are_disjoint_exact_and_in_order(raw):
    pool = build_pool(raw, SIZES, seed=3, label_noise=0.0)
    assert tuple(pool.parts) == PARTS
    assert [rows.stop - rows.start for rows in pool.parts.values()] == [SIZES[part] for part in PARTS]
    assert pool.parts["scored"].start == 0
    assert all(left.stop == right.start for left, right in pairwise(pool.parts.values()))
    row_of = {int(sample): row for row, sample in enumerate(raw.ids)}
    rows = [row_of[int(sample)] for sample in pool.sample_ids]
    assert len(set(rows)) == len(rows) == 100
    values = raw.images[rows]
    if values.ndim == 2:
        base = values[pool.parts["population"]]
        values = ((values - base.mean(axis=0)) / base.std(axis=0)).astype(np.float32)
    np.testing.assert_allclose(pool.images, values, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(pool.labels, raw.labels[rows])


def test_every_part_has_the_class_shares_of_the_data_set():
    labels = np.repeat([0, 1, 2], [500, 300, 200])
    raw = raw_data(np.arange(1000.0)[:, None], labels, source="test")
    parts = {"scored": 200, "sham": 10, "population": 55, "test": 3, "spare": 0}
    pool = build_pool(raw, parts, seed=0, label_noise=0.0)
    for part, rows in pool.parts.items():
        size = rows.stop - rows.start
        counts = np.bincount(pool.labels[rows], minlength=3)
        assert np.abs(counts - size * np.array([0.5, 0.3, 0.2])).max() <= 1, part


def test_whole_data_set_can_be_used():
    pool = build_pool(images_of(100), SIZES, seed=0, label_noise=0.0)
    assert sorted(pool.labels.tolist()) == sorted(np.resize(np.arange(5), 100).tolist())


def test_order_inside_a_part_is_random_in_class_and_source():
    pool = build_pool(table_of(3000), SIZES | {"scored": 2000}, seed=0, label_noise=0.0)
    labels = pool.labels[pool.parts["scored"]]
    assert (labels[1:] == labels[:-1]).mean() == pytest.approx(1 / 3, abs=0.05)
    assert abs(np.corrcoef(np.arange(2000), pool.sample_ids[:2000])[0, 1]) < 0.08


def test_split_is_frozen_and_depends_on_the_seed():
    """Finished work rests on these draws: they may never change."""
    raw = images_of(60, classes=3)
    sizes = {"scored": 6, "sham": 2, "population": 2, "test": 2, "spare": 0}

    def ids(seed):
        return build_pool(raw, sizes, seed=seed, label_noise=0.0).sample_ids.tolist()

    assert ids(0) == ids(0)
    assert ids(0) != ids(1)
    rows = [raw.ids.tolist().index(sample) for sample in ids(0)]
    assert rows == [55, 48, 20, 3, 13, 11, 46, 2, 59, 21, 15, 58]


def test_duplicates_are_dropped_before_splitting_whatever_their_labels():
    raw = images_of(120)
    copies = np.concatenate([raw.images, raw.images[:15]])
    labels = np.concatenate([raw.labels, raw.labels[:10], (raw.labels[10:15] + 1) % 5])
    pool = build_pool(raw_data(copies, labels, source="test"), SIZES | {"spare": 30}, seed=0, label_noise=0.0)
    assert (pool.n_duplicates, pool.n_contradictory, pool.n_source) == (15, 5, 135)
    assert sorted(pool.sample_ids) == list(range(120))  # the first copy of each stays
    assert len({image.tobytes() for image in pool.images}) == 120


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_earliest_equals_in_a_table(dtype):
    rows = np.array([[0.0, 1], [2, 3], [-0.0, 1], [2, 3], [2, 4]], dtype=dtype)
    assert earliest_equals(rows).tolist() == [0, 1, 0, 1, 4]


def test_many_duplicates_are_warned_of_with_numbers():
    raw = images_of(120)
    for copies, warned in ((1, False), (15, True)):
        images = np.concatenate([raw.images, raw.images[:copies]])
        labels = np.concatenate([raw.labels, raw.labels[:copies]])
        pool = build_pool(raw_data(images, labels, source="test"), SIZES, seed=0, label_noise=0.0)
        note = duplicates_note(pool)
        assert f"{copies} of {120 + copies} samples" in note and note.startswith("WARNING") == warned
        assert "another label" not in note
    other = np.concatenate([raw.labels, (raw.labels[:15] + 1) % 5])
    pool = build_pool(raw_data(images, other, source="test"), SIZES, seed=0, label_noise=0.0)
    assert duplicates_note(pool).endswith("15 of them had another label")


def test_a_class_of_nothing_but_copies_of_others_is_refused():
    raw = images_of(120)
    images, labels = np.concatenate([raw.images] * 2), np.concatenate([raw.labels, np.full(120, 5)])
    labels[-1], images[-1] = 6, 255 - images[-1]
    with pytest.raises(ValueError, match=r"^test: no sample is left of '5': all equal earlier ones with another label"):
        build_pool(raw_data(images, labels, source="test"), SIZES, seed=0, label_noise=0.0)
    images[-2] = 254 - images[-2]
    pool = build_pool(raw_data(images, labels, source="test"), SIZES, seed=0, label_noise=0.0)
    assert pool.n_duplicates == 118


def test_pool_larger_than_the_different_samples_is_refused():
    raw = images_of(99)
    twice = raw_data(np.concatenate([raw.images] * 2), np.concatenate([raw.labels] * 2), source="test")
    with pytest.raises(ValueError, match=r"pool\.parts: 100 samples.*99 different ones \(198 samples, 99 duplicates"):
        build_pool(twice, SIZES, seed=0, label_noise=0.0)


@pytest.mark.parametrize("parts", [{"scored": 4}, SIZES | {"extra": 1}, SIZES | {"test": -1}])
def test_misnamed_or_negative_parts_are_refused(parts):
    with pytest.raises(ValueError, match="parts must give a size"):
        build_pool(images_of(150), parts, seed=0, label_noise=0.0)


def test_mean_and_std_come_from_the_population_alone():
    pool = build_pool(images_of(150), SIZES, seed=0, label_noise=0.0)
    pixels = pool.images[pool.parts["population"]].astype(np.float64) / 255
    np.testing.assert_allclose(pool.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(pool.std, pixels.std(axis=(0, 2, 3)), rtol=1e-6)
    assert pool.mean.dtype == pool.std.dtype == np.float32


def test_without_population_mean_and_std_come_from_all():
    pool = build_pool(table_of(150), SIZES | {"population": 0}, seed=0, label_noise=0.0)
    np.testing.assert_allclose(pool.images.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(pool.images.std(axis=0, dtype=np.float64), 1, rtol=1e-6)


def test_constant_column_becomes_zero():
    values = np.random.default_rng(0).normal(size=(150, 2))
    values[:, 1] = 0.1
    pool = build_pool(raw_data(values, np.resize([0, 1], 150), source="test"), SIZES, seed=0, label_noise=0.0)
    assert not pool.images[:, 1].any() and pool.mean[1] == 0 and pool.std[1] == 1


@given(
    available=st.lists(st.integers(0, 50), min_size=1, max_size=12).map(np.array),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_proportional_is_exact_possible_and_within_one_of_the_quota(available, share, seed):
    size = int(share * available.sum())
    shares = proportional(size, available, np.random.default_rng(seed).permutation(len(available)))
    assert shares.sum() == size
    assert (shares >= 0).all() and (shares <= available).all()
    if size:
        assert (np.abs(shares - size * available / available.sum()) < 1).all()


@pytest.mark.parametrize("raw", [images_of(150), table_of(150)], ids=["images", "table"])
def test_round_trip(raw, tmp_path):
    path = tmp_path / "pool.arrow"
    pool = build_pool(raw, SIZES, seed=0, label_noise=0.0)
    write_pool(pool, path)
    again = read_pool(path)
    for name in ("images", "labels", "sample_ids", "mean", "std"):
        left, right = getattr(pool, name), getattr(again, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    for name in ("parts", "class_names", "n_duplicates", "n_contradictory", "n_source"):
        assert getattr(again, name) == getattr(pool, name)
    assert list(again.parts) == list(PARTS)


def test_reading_copies_nothing(tmp_path):
    path = tmp_path / "pool.arrow"
    write_pool(build_pool(images_of(150), SIZES, seed=0, label_noise=0.0), path)
    before = pa.total_allocated_bytes()
    again = read_pool(path)
    assert pa.total_allocated_bytes() == before
    assert not again.images.flags.owndata and not again.images.flags.writeable and not again.labels.flags.owndata


def test_same_pool_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_pool(build_pool(images_of(150), SIZES, seed=0, label_noise=0.0), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("keep", [0, 3, 100, -200])
def test_damaged_pool_names_the_file(tmp_path, keep):
    path = tmp_path / "pool.arrow"
    write_pool(build_pool(images_of(150), SIZES, seed=0, label_noise=0.0), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="pool.arrow: not a pool file"):
        read_pool(path)


def test_other_arrow_file_or_format_is_refused(tmp_path):
    for name, metadata in {"other": {}, "newer": {METADATA_KEY: json.dumps({"format": 99})}}.items():
        table = pa.table({"x": [1]}).replace_schema_metadata(metadata)
        with pa.ipc.new_file(os.fspath(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
        with pytest.raises(ValueError, match=f"{name}: not a pool file of format"):
            read_pool(tmp_path / name)


def test_label_noise_flips_the_stated_share_of_scored_samples_and_records_them(tmp_path):
    raw = images_of(400)
    parts = {"scored": 200, "sham": 20, "population": 50, "test": 20, "spare": 10}
    clean = build_pool(raw, parts, seed=1, label_noise=0.0)
    noisy = build_pool(raw, parts, seed=1, label_noise=0.1)
    assert not clean.flipped.any()
    assert noisy.flipped.sum() == 20 and not noisy.flipped[200:].any()
    assert np.array_equal(noisy.labels != clean.labels, noisy.flipped)
    assert set(noisy.labels) <= set(range(len(raw.class_names)))
    write_pool(noisy, tmp_path / "pool.arrow")
    assert np.array_equal(read_pool(tmp_path / "pool.arrow").flipped, noisy.flipped)


def test_label_noise_moves_to_every_other_class():
    labels = np.zeros(6000, dtype=np.int64)
    moved = _with_flips(labels, np.ones(6000, dtype=bool), 4, seed=0)
    counts = np.bincount(moved, minlength=4)
    assert counts[0] == 0 and counts[1:].min() > 1850
