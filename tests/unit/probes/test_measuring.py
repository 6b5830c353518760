"""Measures of a block: each model by its own weights at the measure's epoch, with its own members; and their file."""

import numpy as np
import torch
from torch import nn

from memdyn.compute.samples import Samples
from memdyn.probes.depth import prediction_depth
from memdyn.probes.grand import grand
from memdyn.probes.measuring import measure_block
from memdyn.store.checkpoints import checkpoint_file, save_checkpoint
from memdyn.store.measures import read_measures, write_measures

MODELS, EPOCHS, N = range(8, 11), (1, 5), 20
OPTIONS = {"grand": {"epoch": 1}, "prediction_depth": {"epoch": 5, "neighbours": 3}}


def new_network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))


def test_a_block(tmp_path):
    torch.manual_seed(0)
    inputs = Samples(torch.randn(N, 2), torch.randint(0, 2, (N,)), torch.ones(1, 2), torch.zeros(1, 2))
    masks = np.random.default_rng(0).random((len(MODELS), N)) < 0.5
    networks = {(model, epoch): new_network() for model in MODELS for epoch in EPOCHS}
    for (model, epoch), network in networks.items():
        save_checkpoint(network, checkpoint_file(tmp_path, model, epoch))
    found = measure_block(new_network(), tmp_path, MODELS, masks, inputs, 7, OPTIONS)
    for row, model in enumerate(MODELS):
        members = torch.from_numpy(masks[row])
        expected = (
            grand(networks[model, 1], inputs, members, 7),
            prediction_depth(networks[model, 5], inputs, members, 7, 3),
        )
        for values, name in zip(expected, OPTIONS, strict=True):
            np.testing.assert_allclose(found[name][row], values, rtol=1e-6)
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}

    checkpoint_file(tmp_path, 9, 1).unlink()
    without = measure_block(new_network(), tmp_path, MODELS, masks, inputs, 7, OPTIONS, failed={9})
    for name, values in without.items():
        assert np.isnan(values[1]).all()
        np.testing.assert_array_equal(values[[0, 2]], found[name][[0, 2]])


def test_files(tmp_path):
    rng = np.random.default_rng(1)
    blocks = [{name: rng.random((size, 6), dtype=np.float32) for name in OPTIONS} for size in (8, 4)]
    paths = [tmp_path / name / "measures.parquet" for name in "ab"]
    for path, models, block in zip(paths, (range(8), range(8, 12)), blocks, strict=True):
        write_measures(path, models, block)
    found = read_measures(paths)
    assert list(found) == list(OPTIONS)
    for name, values in found.items():
        np.testing.assert_array_equal(values, np.concatenate([block[name] for block in blocks]))
    assert read_measures([]) == {}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["measures.parquet"]
