"""Score files give back what was written, a checkpoint at a time."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from memdyn.probes.outputs import SIGNALS
from memdyn.store import scores
from memdyn.store.scores import read_epochs, read_sample_ids, read_signal, tidy, write_scores

EPOCHS = [0, 3, 20]
MODELS = range(8, 16)
IDS = np.array([5, 2, 2**40, 0, 7, 11, 13])


def values(first_model=8):
    """Random arrays [models, samples], with what floats can be, per checkpoint and signal."""
    rng = np.random.default_rng(first_model)
    arrays = rng.normal(0, 100, (len(EPOCHS), len(SIGNALS), len(MODELS), len(IDS))).astype(np.float32)
    arrays[:, :, 0, :4] = [np.inf, -np.inf, -0.0, 1e-42]
    return {epoch: dict(zip(SIGNALS, arrays[number], strict=True)) for number, epoch in enumerate(EPOCHS)}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "block" / "scores.parquet"
    write_scores(file, iter(values().items()), MODELS, IDS)
    return file


def test_every_signal_of_every_checkpoint_comes_back(path):
    assert read_epochs(path) == EPOCHS
    np.testing.assert_array_equal(read_sample_ids(path), IDS)
    for epoch, signals in values().items():
        for signal, array in signals.items():
            found = read_signal([path], epoch, signal)
            assert found.dtype == np.float32
            assert found.tobytes() == array.tobytes()


def test_blocks_lie_one_below_the_other_in_the_given_order(path, tmp_path):
    other = tmp_path / "other.parquet"
    write_scores(other, iter(values(0).items()), range(8), IDS)
    found = read_signal([other, path], 3, "margin")
    expected = np.concatenate([values(0)[3]["margin"], values()[3]["margin"]])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read_signal([other, path], 3, "margin", slice(2, 5)), expected[:, 2:5])


def test_a_checkpoint_is_a_row_group_and_is_read_alone(path):
    with pq.ParquetFile(path) as file:
        assert file.metadata.num_row_groups == len(EPOCHS)
        for group, epoch in enumerate(EPOCHS):
            table = file.read_row_group(group, columns=["epoch", "model"]).to_pydict()
            assert table == {"epoch": [epoch] * len(MODELS), "model": list(MODELS)}


def test_the_tidy_table_says_the_same(path):
    table = tidy(path, 3)
    assert list(table.columns) == ["epoch", "model", "sample_id", *SIGNALS]
    assert len(table) == len(MODELS) * len(IDS) and set(table["epoch"]) == {3}
    for row in table.itertuples():
        model, sample = MODELS.index(row.model), IDS.tolist().index(row.sample_id)
        for signal in SIGNALS:
            assert getattr(row, signal) == values()[3][signal][model, sample]


@pytest.mark.parametrize("read", [lambda path: read_signal([path], 4, "margin"), lambda path: tidy(path, 4)])
def test_a_missing_checkpoint_is_named(path, read):
    with pytest.raises(KeyError, match=r"scores.parquet has no checkpoint 4; it has \[0, 3, 20\]"):
        read(path)


def test_a_failing_checkpoint_leaves_no_file(tmp_path):
    def checkpoints():
        yield 0, values()[0]
        raise FileNotFoundError("model-0003/epoch-0003.safetensors")

    with pytest.raises(FileNotFoundError):
        write_scores(tmp_path / "scores.parquet", checkpoints(), MODELS, IDS)
    assert list(tmp_path.iterdir()) == []


WIDE = {"margin": (), "logits": (10,), "logits_views": (2, 10)}


@pytest.fixture
def wide(tmp_path, monkeypatch):
    """Signals of several shapes and types, whose wide columns hold 6 samples, and 3."""
    monkeypatch.setattr(scores, "VALUES_A_COLUMN", 64)
    rng, types = np.random.default_rng(0), {"margin": np.float32, "logits": np.float16, "logits_views": np.float32}
    ids = np.arange(20)
    blocks = {
        epoch: {name: rng.normal(0, 9, (4, 20, *shape)).astype(types[name]) for name, shape in WIDE.items()}
        for epoch in (1, 2)
    }
    write_scores(tmp_path / "wide.parquet", iter(blocks.items()), range(4), ids)
    monkeypatch.undo()  # how a file is read is told by the file
    return tmp_path / "wide.parquet", blocks


SLICES = [
    slice(None),
    slice(0, 6),
    slice(5, 7),
    slice(6, 18),
    slice(19, 20),
    slice(-3, None),
    slice(4, 4),
    slice(20, 20),
]


@pytest.mark.parametrize("samples", SLICES, ids=str)
def test_signals_of_any_shape_and_type_come_back_by_any_slice(wide, samples):
    path, blocks = wide
    assert scores.read_shapes(path) == WIDE
    for epoch, signals in blocks.items():
        for name, array in signals.items():
            found = read_signal([path, path], epoch, name, samples)
            expected = np.concatenate([array, array])[:, samples]
            assert (found.dtype, found.shape) == (array.dtype, expected.shape)
            assert found.tobytes() == expected.tobytes()


def test_only_the_columns_with_the_samples_are_read(wide, monkeypatch):
    path, asked = wide[0], []
    read = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile,
        "read_row_group",
        lambda self, group, columns: asked.append(columns) or read(self, group, columns),
    )
    read_signal([path], 1, "logits", slice(7, 11))
    read_signal([path], 1, "logits_views", slice(5, 7))
    read_signal([path], 1, "margin", slice(5, 7))
    assert asked == [["logits.1"], ["logits_views.1", "logits_views.2"], ["margin"]]


def test_the_tidy_table_has_the_signals_of_one_number(wide):
    path, blocks = wide
    table = tidy(path, 2)
    assert list(table) == ["epoch", "model", "sample_id", "margin"]
    np.testing.assert_array_equal(table["margin"], blocks[2]["margin"].ravel())


def test_signals_of_one_number_lie_as_they_always_did(path):
    """Names of columns, types, compression and metadata: files of older releases and newer ones are the same bytes."""
    with pq.ParquetFile(path) as file:
        schema, columns = file.schema_arrow, file.metadata.row_group(0)
        assert schema.names == ["epoch", "model", *SIGNALS]
        assert set(schema.metadata) == {b"sample_ids"}
        for k, name in enumerate(SIGNALS, start=2):
            assert str(schema.field(name).type) == f"fixed_size_list<element: float>[{len(IDS)}]"
            assert columns.column(k).path_in_schema == f"{name}.list.element"
            assert columns.column(k).compression == "ZSTD"
            assert columns.column(k).encodings == ("RLE", "BYTE_STREAM_SPLIT")


BAD = {
    "too few models": {"margin": np.zeros((7, 7), np.float32)},
    "too few samples": {"margin": np.zeros((8, 6), np.float32)},
    "whole numbers": {"margin": np.zeros((8, 7), int)},
    "no values": {"logits": np.zeros((8, 7, 0), np.float32)},
    "a dot in its name": {"a.b": np.zeros((8, 7), np.float32)},
}


@pytest.mark.parametrize("signals", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_written_is_told(signals, tmp_path):
    with pytest.raises(
        ValueError, match=r"epoch 3: .* allowed: float16 or float32 or float64 \[8 models, 7 samples, ...\]"
    ):
        write_scores(tmp_path / "a.parquet", iter([(3, signals)]), MODELS, IDS)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_must_be_alike(tmp_path):
    first = {"margin": np.zeros((8, 7), np.float32)}
    for other in ({"gap": first["margin"]}, {"margin": first["margin"].astype(np.float16)}, first | {"gap": BAD}):
        other = {name: values if isinstance(values, np.ndarray) else first["margin"] for name, values in other.items()}
        with pytest.raises(ValueError, match=r"epoch 2 has .*, the epochs before it"):
            write_scores(tmp_path / "a.parquet", iter([(1, first), (2, other)]), MODELS, IDS)
    with pytest.raises(ValueError, match="no checkpoint to write"):
        write_scores(tmp_path / "a.parquet", iter([]), MODELS, IDS)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_signal_is_named(path):
    with pytest.raises(KeyError, match=r"scores.parquet has no signal 'logits'; it has margin, gap"):
        read_signal([path], 3, "logits")
