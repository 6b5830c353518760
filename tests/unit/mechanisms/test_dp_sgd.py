"""DP-SGD against what it stands for: noise, lots, whole trainings written out, resuming, and what it is for."""

import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clipped_nets import (
    CLASSES,
    CNN,
    clipped_sum,
    mechanism_of,
    one_by_one,
    samples_of,
)
from memdyn.compare.privacy import epsilon_of
from memdyn.compute.device import prepare_torch
from memdyn.compute.samples import Samples
from memdyn.design.membership import membership
from memdyn.mechanisms.build import build_mechanisms
from memdyn.mechanisms.dp_sgd import DpSgd
from memdyn.models.build import build_model
from memdyn.stats.privacy import exchange_bound
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.training.loop import Loop, LoopOptions
from rate_bands import surely_above
from slow_training import generator, seed_of, slow_training
from small_trainings import EPOCHS, MLP, Training, kill_after_epoch, optimizer, schedule, small_pool


@pytest.fixture(autouse=True)
def plain_torch():
    prepare_torch("cpu", 1)


@pytest.fixture
def pool():
    return small_pool()


# -- noise and lots --------------------------------------------------------------------------------------------------


def test_noise_has_its_size_and_no_sample_hides_it():
    """On a step without samples all that moves the weights is noise * clip / lot."""
    samples = samples_of()
    net = nn.Sequential(nn.Flatten(), nn.Linear(196, 100), nn.Linear(100, CLASSES))
    mechanism, stepper = mechanism_of(net, samples, noise=3.0, clip=0.5, lot=4)
    mechanism.batches(torch.arange(100), 1, torch.Generator().manual_seed(0))
    before = torch.cat([each.detach().flatten().clone() for each in net.parameters()])

    def nobody():
        for each in net.parameters():
            each.grad = torch.zeros_like(each)
        return torch.zeros(())

    stepper.step(nobody)
    noise = torch.cat([each.detach().flatten() for each in net.parameters()]) - before
    assert noise.std() == pytest.approx(3 * 0.5 / 4, rel=0.03) and abs(noise.mean()) < 0.01


def lots_of_15(scored):
    mechanism = DpSgd(noise=0.0, clip=None, lot=15)
    mechanism.given = SimpleNamespace(inputs=range(scored))
    return mechanism


@pytest.mark.parametrize("count", [40, 60, 80])
def test_chance_and_steps_do_not_tell_how_many_members_there_are(count):
    """The accountant's neighbours differ in one member more or less, and in nothing else."""
    mechanism = lots_of_15(scored=120)
    mechanism._noise_draws = torch.Generator()
    draw = torch.Generator().manual_seed(0)
    lots = [lot for _ in range(500) for lot in mechanism.batches(torch.arange(count), 64, draw)]
    assert mechanism.steps(count, 64) == 4 and len(lots) == 2000
    mean = sum(map(len, lots)) / 2000
    assert mean == pytest.approx(count / 4, abs=4 * math.sqrt(count * 0.25 * 0.75 / 2000))


def test_each_member_is_in_each_lot_with_one_chance():
    """Counts are binomial, in a lot and of a member, and pairs of members meet by chance."""
    members, mechanism = torch.arange(100, 160), lots_of_15(scored=120)
    mechanism._noise_draws = torch.Generator()
    draw = torch.Generator().manual_seed(0)
    lots = [lot for _ in range(1000) for lot in mechanism.batches(members, 64, draw)]
    assert len(lots) == 4000 and mechanism.steps(60, 64) == 4 and lots_of_15(scored=122).steps(61, 64) == 5
    drawn = torch.stack([torch.isin(members, lot) for lot in lots]).double()
    assert all(torch.equal(lot, lot.unique()) for lot in lots[:50])
    sizes = drawn.sum(1)
    assert sizes.mean() == pytest.approx(15, abs=0.2) and sizes.var() == pytest.approx(60 * 0.25 * 0.75, rel=0.08)
    assert (drawn.mean(0) - 0.25).abs().max() < 4.5 * math.sqrt(0.25 * 0.75 / 4000)
    met = (drawn[:, 0] * drawn[:, 1]).mean()
    assert met == pytest.approx(1 / 16, abs=4 * math.sqrt(1 / 16 / 4000))


def dp(**options):
    return {"name": "dp_sgd", "noise": 1.0, "clip": 1.0, "lot": 8, "delta": 1e-5, "norm": None, **options}


def lots_of(training, model, members, epoch, lot):
    draw = generator(model, "mechanism dp_sgd", epoch)
    seed = int(torch.randint(2**63 - 1, (), generator=draw))
    steps = math.ceil(len(members) / lot)
    rows = [torch.rand(len(members), generator=draw, dtype=torch.float64) < lot / len(members) for _ in range(steps)]
    return seed, [members[row] for row in rows]


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_whole_training_written_out(tmp_path, pool, noise):
    """Lots, sample after sample, clip, noise, and SGD with momentum and weight decay; some lots are empty."""
    lot, clip = 2, 0.3
    found = Training(tmp_path, pool, range(1), mechanisms=[dp(noise=noise, clip=clip, lot=lot)]).run()
    network = build_model(MLP, (1, 8, 8), 3)
    network.load_state_dict(load_checkpoint(checkpoint_file(found.folder / "checkpoints", 0, 0)))
    inputs = Samples.of_pool(pool, slice(0, 40), torch.device("cpu"))
    members = torch.from_numpy(np.flatnonzero(found.task.masks[0]))
    stepper = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    sizes = []
    for epoch in range(1, EPOCHS + 1):
        seed, lots = lots_of(found, 0, members, epoch, lot)
        draw = torch.Generator().manual_seed(seed)
        for rows in lots:
            sizes.append(len(rows))
            values = inputs.normalise(inputs.samples[rows], torch.contiguous_format)
            gradients, norms = one_by_one(network, values, inputs.labels[rows])
            total = clipped_sum(gradients, norms, clip) if len(rows) else [0.0] * 4
            for weights, each in zip(network.parameters(), total, strict=True):
                noisy = torch.normal(0.0, noise * clip, weights.shape, generator=draw) if noise else 0.0
                weights.grad = (each + noisy + torch.zeros_like(weights)) / lot
            stepper.step()
    assert 0 in sizes and len(sizes) == EPOCHS * 10
    expected = network.state_dict()
    for name, value in load_checkpoint(checkpoint_file(found.folder / "checkpoints", 0, EPOCHS)).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5, msg=name)
    assert np.isfinite(found.log()["loss"]).all()


def test_lots_of_everybody_without_clipping_are_the_plain_training(tmp_path, pool):
    """The whole chain against the plain one: a lot that holds all members is a batch of all."""
    found = Training(tmp_path, pool, mechanisms=[dp(noise=0.0, clip=None, lot=20)], batch_size=20).run()
    for model in (0, 1):
        expected = slow_training(found, model)
        for name, value in load_checkpoint(checkpoint_file(found.folder / "checkpoints", model, EPOCHS)).items():
            torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "muon", "custom"])
def test_the_optimizer_stays_that_of_the_recipe(tmp_path, pool, name):
    """Steps in the direction of the same gradients: of everybody, unclipped, they are those of the plain training."""
    how = {"optimizer": optimizer(name), "batch_size": 20, "model": CNN}
    found = Training(tmp_path / "lots", pool, range(1), mechanisms=[dp(noise=0.0, clip=1e6, lot=20)], **how).run()
    plain = Training(tmp_path / "plain", pool, range(1), **how).run()
    one, other = (load_checkpoint(checkpoint_file(each.folder / "checkpoints", 0, EPOCHS)) for each in (found, plain))
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], rtol=1e-3, atol=1e-4, msg=key)


def test_the_schedule_counts_lots(tmp_path, pool):
    mechanisms = build_mechanisms([dp(lot=3)], lambda _: SimpleNamespace(inputs=samples_of((1, 8, 8), 40)))
    recipe = Training(tmp_path, pool, schedule=schedule("cosine")).task.recipe
    members = torch.arange(20)
    network = build_model(MLP, (1, 8, 8), 3)
    loop = Loop(
        network,
        samples_of((1, 8, 8), 40),
        members,
        LoopOptions.of_recipe(recipe),
        lambda *of: seed_of(0, *of),
        mechanisms,
    )
    assert loop.steps == 7
    assert [loop.factor(step) for step in (0, 20)] == pytest.approx([1, (1 + math.cos(math.pi * 20 / 21)) / 2])


def test_an_epoch_may_draw_nobody(tmp_path, pool):
    found = Training(tmp_path, pool, range(1), mechanisms=[dp(noise=1.0)], epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DpSgd, "batches", lambda self, members, size, draw: [members[:0]] * 3)
        log = found.run().log()
    assert log[["loss", "accuracy"]].to_numpy().tolist() == [[0.0, 0.0]]
    assert found.weights()["model-0000 epoch-0000.safetensors"] != found.weights()["model-0000 epoch-0001.safetensors"]


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_same_bits_twice_and_after_a_kill_in_each_epoch(tmp_path, pool, monkeypatch, name):
    how = {
        "model": CNN,
        "mechanisms": [dp(lot=4)],
        "optimizer": optimizer(name),
        "schedule": schedule("one_cycle"),
        "augment": {"crop": 1, "flip": True},
        "models": range(1),
    }
    whole = Training(tmp_path / "whole", pool, **how).run()
    for epoch in range(1, EPOCHS + 1):
        parts = Training(tmp_path / f"killed-{epoch}", pool, **how)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            kill_after_epoch(patch, epoch)
            parts.run()
        torch.manual_seed(epoch)
        assert parts.run().weights() == whole.weights()
        pd.testing.assert_frame_equal(parts.log().drop(columns="seconds"), whole.log().drop(columns="seconds"))
    other = Training(tmp_path / "other", pool, **{**how, "seed": 1}).run()
    assert other.weights() != whole.weights()


def test_an_optimizer_that_asks_twice_is_refused(tmp_path, pool):
    with pytest.raises(ValueError, match="SAM calls the closure twice.*allowed"):
        Training(tmp_path, pool, mechanisms=[dp()], optimizer=optimizer("sam")).run()


# -- what it is for --------------------------------------------------------------------------------------------------


def test_it_narrows_the_gap_between_members_and_non_members(tmp_path, pool):
    """In an overfitted net: accuracy on members less that on the others, plain against noise 2."""

    def gap(**how):
        found = Training(
            tmp_path / str(len(how)), pool, range(2), model={**MLP, "hidden": [64]}, epochs=40, checkpoints=[40], **how
        ).run()
        inputs, gaps = Samples.of_pool(pool, slice(0, 40), torch.device("cpu")), []
        for model, mask in zip(found.task.models, found.task.masks, strict=True):
            network = build_model(found.task.recipe["model"], (1, 8, 8), 3)
            network.load_state_dict(load_checkpoint(checkpoint_file(found.folder / "checkpoints", model, 40)))
            logits = network(inputs.normalise(inputs.samples, torch.contiguous_format))
            right = (logits.argmax(1) == inputs.labels).numpy()
            gaps.append(right[mask].mean() - right[~mask].mean())
        return np.mean(gaps)

    assert gap() > 0.5 and gap(mechanisms=[dp(noise=4.0)]) < 0.3


def scores_of(pool, noise, pairs, epochs, lot):
    """Masks and scores (minus the loss), [model, sample] each, of logistic nets that are trained on exact halves."""
    inputs, scores = Samples.of_pool(pool, slice(0, 40), torch.device("cpu")), []
    mask = membership(40, range(2 * pairs), 0, "pool", "scored")
    options = LoopOptions(
        epochs, lot, "float32", 0, False, optimizer(lr=2.0, momentum=0.0, weight_decay=0.0), schedule()
    )
    for model, members in enumerate(mask):
        mechanisms = build_mechanisms([dp(noise=noise, lot=lot)], lambda _: SimpleNamespace(inputs=inputs))
        torch.manual_seed(model)
        network = build_model({"name": "logistic"}, (1, 8, 8), 3)
        rows = torch.from_numpy(np.flatnonzero(members))
        loop = Loop(network, inputs, rows, options, partial(seed_of, model), mechanisms)
        for epoch in range(1, epochs + 1):
            loop.run_epoch(epoch)
        with torch.no_grad():
            logits = network(inputs.normalise(inputs.samples, torch.contiguous_format))
        scores.append(-F.cross_entropy(logits, inputs.labels, reduction="none").numpy())
    return mask, np.stack(scores)


def with_canary(pool):
    """The first sample has pixels of its own, which are the mean in all others: what is learned of it shows."""
    images = pool.images.copy()
    images[1:, :, :2] = images[0, :, 2:] = 128
    return replace(pool, images=images)


@pytest.mark.slow
def test_the_rates_of_a_private_run_lie_under_its_bound(pool):
    """At all thresholds, within what counts allow; those of the same training without noise do not.

    On one sample the models of different pairs are independent trials, so its counts are binomial.
    """
    epochs, lot, deltas = 3, 1, (0.01, 0.1)
    epsilons = [epsilon_of(1.0, lot / 20, 20 * epochs, delta)[0] for delta in deltas]
    above = {}
    for noise in (1.0, 0.0):
        mask, scores = scores_of(with_canary(pool), noise, 48, epochs, lot)
        of, members = scores[:, 0], mask[:, 0]
        above[noise] = surely_above(of[members], of[~members], lambda fpr: exchange_bound(fpr, epsilons, deltas))
    assert above[1.0] <= 0 < above[0.0], above
