"""Score files give back what was written, a checkpoint at a time."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from memdyn.probes.outputs import SIGNALS
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
