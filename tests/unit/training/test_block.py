"""Training blocks: deterministic, resumed bit by bit, paired by model, and without a trace of non-members."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.optim import REGISTRY as OPTIMIZERS
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.training import block, loop
from memdyn.training.block import TrainingDiverged, new_network
from small_trainings import EPOCHS, Training, kill_after_epoch, make_pool, net_in, optimizer, schedule, small_pool


@pytest.fixture
def pool():
    return small_pool()


@pytest.fixture
def net(tmp_path):
    return net_in(tmp_path)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_resuming_at_any_epoch_gives_the_same_bits(pool, net, tmp_path, monkeypatch, name):
    how = {
        "model": net,
        "optimizer": optimizer(name),
        "schedule": schedule("one_cycle"),
        "augment": {"crop": 1, "flip": True},
    }
    whole = Training(tmp_path / "whole", pool, **how).run()
    assert len(whole.weights()) == 2 * (EPOCHS + 1)
    for epoch in range(1, EPOCHS + 1):
        parts = Training(tmp_path / f"killed-{epoch}", pool, **how)
        for _ in parts.task.models:
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                kill_after_epoch(patch, epoch)
                parts.run()
            assert not (parts.folder / "checkpoints").exists()
            torch.manual_seed(epoch)  # another process has other random states
        parts.run()
        assert any(f"model 0: resumed after epoch {epoch}" in line for line in parts.said)
        assert parts.weights() == whole.weights()
        pd.testing.assert_frame_equal(parts.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"x" * 100])
def test_a_model_with_an_unreadable_state_starts_again_and_says_so(pool, tmp_path, monkeypatch, damage):
    whole = Training(tmp_path / "whole", pool).run()
    torn = Training(tmp_path / "torn", pool)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        kill_after_epoch(patch, 2)
        torn.run()
    state = torn.folder / "progress" / "model-0000" / "state.pt"
    state.write_bytes(damage(state.read_bytes()))
    torn.run()
    assert any("model 0: its saved state is unreadable" in line and "from the start" in line for line in torn.said)
    assert torn.weights() == whole.weights()


def test_finished_models_are_not_trained_again(pool, tmp_path, monkeypatch):
    training = Training(tmp_path, pool).run()
    weights = training.weights()
    (tmp_path / "log.parquet").unlink()  # killed in publishing
    monkeypatch.setattr(block, "Loop", None)
    training.run()
    assert training.weights() == weights
    assert [line for line in training.said if "was finished before" in line] == [
        "model 0: was finished before",
        "model 1: was finished before",
    ]


def test_a_block_that_another_job_published_is_left_alone(pool, tmp_path, monkeypatch):
    training = Training(tmp_path, pool).run()
    monkeypatch.setattr(block, "Samples", None)
    training.run()
    assert "the other job has published the block" in training.said[-1]


def test_a_model_is_the_same_alone_and_in_a_block(pool, net, tmp_path):
    block_of_four = Training(tmp_path / "block", pool, range(4), model=net).run()
    alone = Training(tmp_path / "alone", pool, range(2, 3), model=net).run()
    assert alone.weights() == block_of_four.weights(2)
    assert len(set(block_of_four.weights().values())) == 4 * (EPOCHS + 1)


def test_only_seed_pool_and_model_decide(pool, tmp_path):
    def initial(**changes):
        training = Training(tmp_path / str(len(list(tmp_path.iterdir()))), pool, **changes).run()
        return training.weights()["model-0000 epoch-0000.safetensors"]

    same = initial()
    assert initial(optimizer=optimizer("adam", lr=0.1), epochs=1, batch_size=4) == same
    assert initial(seed=1) != same
    assert initial(pool_key="other") != same


def spy_on_rows(monkeypatch):
    """The rows of each batch that is trained on."""
    monkeypatch.setattr(loop, "PREPARED_VALUES", 1)  # a batch at a time
    monkeypatch.setattr(loop, "READY_VALUES", 0)
    monkeypatch.setattr(block, "_check", lambda *_: [])  # trains nothing
    seen, take = [], Samples.take

    def note(self, rows):
        seen.append(rows.tolist())
        return take(self, rows)

    monkeypatch.setattr(Samples, "take", note)
    return seen


def test_runs_that_differ_in_the_learning_rate_see_the_same_order(pool, tmp_path, monkeypatch):
    seen = spy_on_rows(monkeypatch)
    orders = []
    for rate in (0.01, 0.1):
        Training(tmp_path / str(rate), pool, optimizer=optimizer(lr=rate)).run()
        orders.append(seen.copy())
        seen.clear()
    assert orders[0] == orders[1]


def test_an_epoch_is_all_members_in_a_new_order(pool, tmp_path, monkeypatch):
    seen = spy_on_rows(monkeypatch)
    training = Training(tmp_path, pool).run()
    assert [len(rows) for rows in seen] == [8, 8, 4] * EPOCHS * 2
    epochs = [[row for rows in seen[first : first + 3] for row in rows] for first in range(0, len(seen), 3)]
    for number, epoch in enumerate(epochs):
        assert sorted(epoch) == np.flatnonzero(training.task.masks[number // EPOCHS]).tolist()
    assert len({tuple(epoch) for epoch in epochs[:EPOCHS]}) == EPOCHS


def test_how_many_batches_are_prepared_at_once_changes_nothing(pool, tmp_path, monkeypatch):
    weights = []
    for values in (1, 600, 10**6):  # 1, 2 and all batches of 8 images of 64 pixels
        monkeypatch.setattr(loop, "PREPARED_VALUES", values)
        weights.append(Training(tmp_path / str(values), pool, augment={"crop": 2, "flip": True}).run().weights())
    assert weights[0] == weights[1] == weights[2]


@pytest.mark.parametrize("kind", ["images", "convolved", "table"])
def test_samples_that_are_normalised_once_are_the_same(pool, tmp_path, monkeypatch, kind):
    model = net_in(tmp_path) if kind == "convolved" else {"name": "mlp", "hidden": [5], "activation": "relu"}
    source = make_pool(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)) if kind == "table" else pool
    ready = Training(tmp_path / "ready", source, model=model).run()
    monkeypatch.setattr(loop, "READY_VALUES", 0)
    assert Training(tmp_path / "not", source, model=model).run().weights() == ready.weights()


@pytest.mark.parametrize("name", ["sgd", "custom"])
def test_an_optimizer_that_forgets_gradients_its_own_way_is_asked(pool, tmp_path, monkeypatch, name):
    plain = Training(tmp_path / "plain", pool, range(1), optimizer=optimizer(name)).run()
    asked, build = [], loop.build_optimizer

    def noting(options, network):
        made = build(options, network)
        made.zero_grad = lambda set_to_none=True: asked.append(network.zero_grad(set_to_none))
        return made

    monkeypatch.setattr(loop, "build_optimizer", noting)
    assert Training(tmp_path / "own", pool, range(1), optimizer=optimizer(name)).run().weights() == plain.weights()
    assert len(asked) == 3 * EPOCHS


def test_augmentation_is_drawn_anew_for_each_sample_and_epoch(pool, tmp_path, monkeypatch):
    seen, apply = [], loop.apply

    def note(images, draws, crop):
        seen.append(draws)
        return apply(images, draws, crop)

    monkeypatch.setattr(loop, "apply", note)
    Training(tmp_path, pool, range(1), augment={"crop": 4, "flip": True}).run()
    draws = torch.cat(seen)
    assert draws.shape == (20 * EPOCHS, 3)
    assert len(draws.unique(dim=0)) > 30, "of 162 possible draws"
    assert not torch.equal(draws[:20], draws[20:40])


def test_non_members_leave_no_trace(pool, tmp_path):
    whole = Training(tmp_path / "whole", pool, range(1)).run()
    images, labels = pool.images.copy(), pool.labels.copy()
    outside = np.setdiff1d(np.arange(50), np.flatnonzero(whole.task.masks[0]))
    images[outside], labels[outside] = 255 - images[outside], 0
    changed = dataclasses.replace(pool, images=images, labels=labels)
    assert Training(tmp_path / "changed", changed, range(1)).run().weights() == whole.weights()
    members = np.flatnonzero(whole.task.masks[0])
    images[members[0]] = 0
    assert Training(tmp_path / "member", changed, range(1)).run().weights() != whole.weights()


def test_the_log_tells_what_happened(pool, tmp_path):
    """With a learning rate of next to nothing the network stays what it was, so its loss is known."""
    training = Training(tmp_path, pool, optimizer=optimizer(lr=1e-12), schedule=schedule("step", milestones=[1])).run()
    log = training.log()
    assert list(log.columns) == ["model", "epoch", "loss", "accuracy", "learning_rate", "seconds"]
    assert log[["model", "epoch"]].values.tolist() == [[model, epoch] for model in (0, 1) for epoch in (1, 2, 3)]
    inputs = Samples.of_pool(pool, slice(0, 40), torch.device("cpu"))
    for model, mask in enumerate(training.task.masks):
        logits = new_network(training.task, model, pool)(inputs.normalise(inputs.samples, torch.contiguous_format))[
            mask
        ]
        labels = inputs.labels[torch.from_numpy(mask)]
        rows = log[log["model"] == model]
        np.testing.assert_allclose(rows["loss"], functional.cross_entropy(logits, labels).item(), rtol=1e-5)
        np.testing.assert_allclose(rows["accuracy"], (logits.argmax(1) == labels).float().mean().item(), rtol=1e-6)
    np.testing.assert_allclose(log["learning_rate"], [1e-12, 1e-13, 1e-13] * 2)
    assert (log["seconds"] > 0).all()


def test_training_fits_the_members(pool, tmp_path):
    training = Training(tmp_path, pool, range(1), epochs=60, optimizer=optimizer(lr=0.1), checkpoints=[60]).run()
    assert training.log()["accuracy"].iloc[-1] == 1
    assert training.log()["loss"].iloc[-1] < 0.1


def test_bfloat16_is_close_and_keeps_its_weights_in_float32(pool, tmp_path):
    single = Training(tmp_path / "single", pool, range(1)).run()
    half = Training(tmp_path / "half", pool, range(1), precision="bfloat16").run()
    assert single.weights() != half.weights()
    np.testing.assert_allclose(half.log()["loss"], single.log()["loss"], rtol=0.05)
    found = load_checkpoint(checkpoint_file(tmp_path / "half" / "checkpoints", 0, EPOCHS))
    assert {value.dtype for value in found.values()} == {torch.float32}


def test_a_diverging_model_is_named_and_the_others_stay(tmp_path):
    """Sample 0 has an infinite feature, and only model 1 trains on it."""
    table = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    table[0] = np.inf
    training = Training(tmp_path, make_pool(table), range(3))
    training.task.masks[:, 0] = [False, True, False]
    with pytest.raises(TrainingDiverged, match="^model 1: the loss became nan in epoch 1"):
        training.run()
    assert not (tmp_path / "checkpoints").exists() and not (tmp_path / "log.parquet").exists()
    log = json.loads((tmp_path / "progress" / "model-0000" / "log.json").read_text())
    assert [row["epoch"] for row in log] == [1, 2, 3]
    with pytest.raises(TrainingDiverged):
        training.run()
    assert "model 0: was finished before" in training.said


@pytest.mark.parametrize(("keep", "kept"), [("none", []), ("last", ["model-0000/epoch-0003.safetensors"]), ("all", [])])
def test_the_last_weights_are_kept_where_asked_for(pool, tmp_path, keep, kept):
    training = Training(tmp_path, pool, range(1), keep=keep).run()
    found = sorted((tmp_path / "last").rglob("*.safetensors"))
    assert [file.relative_to(tmp_path / "last").as_posix() for file in found] == kept
    assert len(training.weights()) == EPOCHS + 1
    fate = {"none": "deleted once scored", "last": "all but the last epoch's deleted", "all": "kept"}
    assert fate[keep] in training.said[0]


def test_published_weights_cost_no_disk(pool, tmp_path):
    training = Training(tmp_path, pool, range(1)).run()
    for epoch in range(EPOCHS + 1):
        published = checkpoint_file(tmp_path / "checkpoints", 0, epoch)
        assert published.samefile(checkpoint_file(training.task.progress, 0, epoch))


def test_arithmetic_is_deterministic_with_the_given_threads():
    assert prepare_torch("cpu", 1) == torch.device("cpu")
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory  # a tenth of a small net's time


def test_scoring_does_not_load_what_only_training_needs():
    """torch's compiler, which its optimizers import, and torchvision: a second or two of every job."""
    program = """
import sys
from memdyn.models.build import build_model
from memdyn.probes.block import build_probe, probe_block
from memdyn.store.scores import write_scores
from memdyn.compute.device import prepare_torch
prepare_torch("cpu", 1)
build_model({"name": "mlp", "hidden": [4], "activation": "relu"}, (1, 4, 4), 2)
build_probe({"name": "outputs"}, "outputs")
print([name for name in ("torch._dynamo", "torchvision") if name in sys.modules])
"""
    environment = os.environ | {"PYTHONPATH": str(Path(block.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told():
    with pytest.raises(RuntimeError, match="device: cuda, but torch sees no GPU here; allowed: cpu"):
        prepare_torch("cuda", 1)
