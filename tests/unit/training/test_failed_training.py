"""Models that diverge, and the others of their block: `on_divergence: stop` and `drop`, kills and changes of mind."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from memdyn.compute.samples import Samples
from memdyn.design.seeds import derive_seed
from memdyn.probes.block import probe_block
from memdyn.probes.outputs import SIGNALS, outputs
from memdyn.store.logs import failed_models
from memdyn.store.scores import read_failed, read_signal, tidy, write_scores
from memdyn.training import block
from memdyn.training.block import TrainingDiverged, new_network
from small_trainings import EPOCHS, Training, kill_after_epoch, make_pool, optimizer

# Unlucky models work for some steps, then their outputs are not a number: here, from the second epoch on.
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, input_shape, n_classes):
        super().__init__()
        self.linear = nn.Linear(64, n_classes)
        self.unlucky = torch.initial_seed() in {seeds}
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, images):
        self.steps += self.training
        return self.linear(images.flatten(1)) * (float("nan") if self.unlucky and self.steps > 4 else 1)
"""


@pytest.fixture
def pool():
    return make_pool(np.random.default_rng(0).integers(0, 256, (50, 1, 8, 8), dtype=np.uint8))


@pytest.fixture
def training(tmp_path, pool):
    """(folder's name, how) -> a block of four models, of which the unlucky ones diverge in the second epoch."""

    def make(name, unlucky=(1,), on_divergence="drop", **changes):
        seeds = [derive_seed(0, "pool", model, "init", 0) for model in unlucky]
        (tmp_path / "net.py").write_text(NET.replace("{seeds}", str(seeds)))
        model = {"name": "custom", "target": f"{tmp_path / 'net.py'}:Net", "options": {}}
        return Training(tmp_path / name, pool, range(4), model=model, on_divergence=on_divergence, **changes)

    return make


def without_seconds(log):
    return log.drop(columns="seconds").reset_index(drop=True)


def test_a_dropped_model_ends_its_log_and_the_others_are_as_ever(training):
    lucky, dropped = training("lucky", unlucky=()).run(), training("dropped").run()
    log = dropped.log()
    assert failed_models(log) == {1: 2} and failed_models(lucky.log()) == {}
    failed = log[log["model"] == 1]
    assert failed["epoch"].tolist() == [1, 2] and np.isfinite(failed["loss"]).tolist() == [True, False]
    assert list(log.columns) == list(lucky.log().columns)
    pd.testing.assert_frame_equal(
        without_seconds(log[log["model"] != 1]), without_seconds(lucky.log().query("model != 1"))
    )
    for model in (0, 2, 3):
        assert dropped.weights(model) == lucky.weights(model) and len(dropped.weights(model)) == EPOCHS + 1
    assert any(line == "model 1: the loss became nan in epoch 2: it is left out, with its pair (on_divergence: drop)"
               for line in dropped.said)  # fmt: skip
    marked = json.loads((dropped.task.progress / "model-0001" / "log.json").read_text())
    assert [row["epoch"] for row in marked] == [1, 2] and not np.isfinite(marked[-1]["loss"])


def test_stop_names_the_way_out_and_drop_goes_on_from_there(training, monkeypatch):
    stopped = training("one", on_divergence="stop")
    with pytest.raises(TrainingDiverged, match=r"^model 1: the loss became nan in epoch 2: .*on_divergence: drop$"):
        stopped.run()
    assert not (stopped.folder / "log.parquet").exists() and not (stopped.task.progress / "model-0002").exists()
    on = training("one").run()
    whole = training("whole").run()
    assert "model 0: was finished before" in on.said and "model 1: resumed after epoch 1" in on.said
    assert on.weights() == whole.weights()
    pd.testing.assert_frame_equal(without_seconds(on.log()), without_seconds(whole.log()))


def test_a_failed_model_is_not_trained_again(training, monkeypatch):
    """Killed after it failed: the next job knows, whichever way it goes on."""
    whole, killed = training("whole").run(), training("killed")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        kill_after_epoch(patch, 3)  # of model 0
        killed.run()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        kill_after_epoch(patch, 3)  # of model 2: model 1 does not come so far
        killed.run()
    trained, loop = [], block.Loop

    def note(network, inputs, members, options, seed_of, mechanisms):
        trained.append(seed_of("order", 1))
        return loop(network, inputs, members, options, seed_of, mechanisms)

    monkeypatch.setattr(block, "Loop", note)
    with pytest.raises(TrainingDiverged, match="^model 1: the loss became nan in epoch 2"):
        training("killed", on_divergence="stop").run()
    assert not trained
    killed.run()
    assert trained == [derive_seed(0, "pool", model, "order", 1) for model in (2, 3)]
    assert killed.weights() == whole.weights()
    pd.testing.assert_frame_equal(without_seconds(killed.log()), without_seconds(whole.log()))


@pytest.mark.parametrize("checkpoints", [[3], [0, 3]])
@pytest.mark.parametrize("keep", ["none", "last", "all"])
def test_a_block_may_lose_all_its_models(training, checkpoints, keep):
    """A learning rate beyond reason."""
    lost = training("lost", (), checkpoints=checkpoints, keep=keep, optimizer=optimizer("sgd", lr=1e30)).run()
    assert set(failed_models(lost.log())) == {0, 1, 2, 3}
    assert (lost.folder / "checkpoints").is_dir() and len(lost.weights()) == 4 * (0 in checkpoints)


def test_weights_that_are_lost_in_the_last_step_of_all(training):
    """No loss has seen them."""
    how = {"epochs": 1, "batch_size": 20, "optimizer": optimizer("sgd", lr=1e30, weight_decay=1e30)}
    lost = training("lost", (), **how).run()
    assert set(failed_models(lost.log()).values()) == {1}


def scores(training, pool, path):
    samples = Samples.of_pool(pool, slice(0, 40), torch.device("cpu"))
    failed = failed_models(training.log())
    found = partial(probe_block, outputs, new_network(training.task, 0, pool), training.folder / "checkpoints")
    taken = found(range(4), list(range(EPOCHS + 1)), samples, np.zeros((4, 40), dtype=bool), 10, failed)
    write_scores(path, taken, range(4), pool.sample_ids[:40], failed)
    return path


def test_scores_of_a_failed_model_are_nan_and_it_is_named(training, pool, tmp_path):
    lucky = scores(training("lucky", unlucky=()).run(), pool, tmp_path / "lucky.parquet")
    lost = scores(training("lost").run(), pool, tmp_path / "lost.parquet")
    assert read_failed([lucky]) == [] and read_failed([lucky, lost]) == [1]
    for epoch in range(EPOCHS + 1):
        for signal in SIGNALS:
            found = read_signal([lost], epoch, signal)
            assert np.isnan(found[1]).all()
            np.testing.assert_array_equal(np.delete(found, 1, 0), np.delete(read_signal([lucky], epoch, signal), 1, 0))
    assert tidy(lost, 2).groupby("model")["margin"].count().tolist() == [40, 0, 40, 40]


def test_scores_of_a_block_that_lost_all_its_models(training, pool, tmp_path):
    lost = training("lost", unlucky=range(4)).run()
    path = scores(lost, pool, tmp_path / "lost.parquet")
    assert read_failed([path]) == [0, 1, 2, 3] and np.isnan(read_signal([path], 3, "margin")).all()
