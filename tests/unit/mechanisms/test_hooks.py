"""Each hook against a training that is written out, and the order in which the loop calls them."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import own_mechanisms
from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import HOOKS, Batch, Mechanism
from memdyn.mechanisms.build import build_mechanisms
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.training.block import new_network
from memdyn.training.loop import Loop, LoopOptions
from own_mechanisms import Noise, Records
from slow_training import generator, seed_of, slow_training
from small_trainings import EPOCHS, Training, net_in, optimizer, small_pool
from small_trainings import mechanism as section


@pytest.fixture
def pool():
    return small_pool()


@pytest.fixture
def training(tmp_path, pool):
    """(mechanisms' sections, recipe's changes) -> a finished block of two models."""
    made = []

    def make(*sections, **changes):
        made.append(Training(tmp_path / str(len(made)), pool, mechanisms=list(sections), **changes).run())
        return made[-1]

    return make


def last(training, model=0):
    return load_checkpoint(checkpoint_file(training.folder / "checkpoints", model, EPOCHS))


def assert_bits(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def assert_near(found, expected):
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6, msg=name)


def differ(one, other):
    return any(not torch.allclose(one[name], other[name], atol=1e-4) for name in one)


# -- without mechanisms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("augment", [{"crop": 0, "flip": False}, {"crop": 2, "flip": True}])
@pytest.mark.parametrize("own", [False, True])
def test_the_baseline_is_a_training_written_out(training, tmp_path, augment, own):
    """To the last bit: several batches at once, hooks that nobody overrides and parts of a state change nothing."""
    changes = {"augment": augment, **({"model": net_in(tmp_path)} if own else {})}
    found = training(**changes)

    def fused(network):
        return torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, fused=True)

    for model in (0, 1):
        assert_bits(last(found, model), slow_training(found, model, optimizer=fused))


def test_hooks_that_are_not_overridden_are_never_called(training, monkeypatch):
    plain = training()

    def never(*_):
        raise AssertionError

    for hook in HOOKS:
        monkeypatch.setattr(Mechanism, hook, never)
    assert training(section("Nothing")).weights() == plain.weights()


def test_what_a_mechanism_draws_moves_nobody_elses_draws(training, tmp_path):
    how = {"model": net_in(tmp_path), "augment": {"crop": 1, "flip": True}}  # dropout draws, and so do crops
    plain, silent = training(**how), training(section("Noise", scale=0.0), **how)
    assert_bits(last(silent), last(plain))


# -- one hook after the other ----------------------------------------------------------------------------------------


def test_objective_label_smoothing_is_torchs(training):
    found = training(section("LabelSmoothing", alpha=0.3))
    expected = slow_training(
        found, loss=lambda logits, labels, *_: F.cross_entropy(logits, labels, label_smoothing=0.3)
    )
    assert_near(last(found), expected)
    assert differ(expected, slow_training(found))


def test_a_plain_loss_is_an_objective(training):
    found = training(section("compute_loss", power=2.0))
    expected = slow_training(found, loss=lambda logits, labels, _, epoch: F.cross_entropy(logits, labels) ** 2 / epoch)
    assert_near(last(found), expected)
    assert differ(expected, slow_training(found))
    with pytest.raises(ValueError, match="compute_loss is a loss of labels, and another mechanism made soft targets"):
        training(section("Mixup"), section("compute_loss"))


def test_a_function_may_make_a_mechanism(training):
    assert (
        training(section("smoothing", alpha=0.2)).weights() == training(section("LabelSmoothing", alpha=0.2)).weights()
    )


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.995])
def test_label_smoothing_and_its_gradient_are_torchs(alpha):
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    labels = torch.arange(7) % 4
    batch = Batch(torch.zeros(7, 1), None, labels, torch.arange(7))
    mechanism = own_mechanisms.LabelSmoothing(alpha)
    for loss in (mechanism.objective(logits, batch, 1), F.cross_entropy(logits, labels, label_smoothing=alpha)):
        (gradient,) = torch.autograd.grad(loss, logits)
        p = logits.detach().softmax(1)
        q = (1 - alpha) * F.one_hot(labels, 4) + alpha / 4
        torch.testing.assert_close(gradient, (p - q) / 7, rtol=1e-6, atol=1e-8)  # targets are float32
        torch.testing.assert_close(loss.detach(), -(q * p.log()).sum(1).mean(), rtol=1e-6, atol=1e-8)


def test_penalty(training):
    found = training(section("LogitPenalty", weight=0.7))
    expected = slow_training(
        found,
        loss=lambda logits, labels, *_: (
            F.cross_entropy(logits, labels) + 0.7 * sum((row**2).mean() for row in logits) / len(logits)
        ),
    )
    assert_near(last(found), expected)
    assert differ(expected, slow_training(found))


@pytest.mark.parametrize("name", ["mixup", "another"])
def test_batch_mixup_is_one_sample_after_the_other(training, name):
    """The generator is the mechanism's own, by its name, model and epoch, and goes through the epoch's batches."""
    found = training(section("Mixup", name, low=0.4))
    for model in (0, 1):
        draws = {epoch: generator(model, f"mechanism {name}", epoch) for epoch in range(1, EPOCHS + 1)}

        def change(inputs, labels, rows, epoch, draws=draws):
            share = 0.4 + 0.6 * torch.rand((), generator=draws[epoch]).item()
            other = torch.randperm(len(rows), generator=draws[epoch]).tolist()
            mixed, targets = torch.empty_like(inputs), torch.zeros(len(rows), 3)
            for index, partner in enumerate(other):
                mixed[index] = share * inputs[index] + (1 - share) * inputs[partner]
                targets[index, labels[index]] += share
                targets[index, labels[partner]] += 1 - share
            return mixed, targets

        def loss(logits, targets, *_):
            log_p = logits.log_softmax(1)
            return -sum(
                t * p for row, those in zip(targets, log_p, strict=True) for t, p in zip(row, those, strict=True)
            ) / len(logits)

        assert_near(last(found, model), slow_training(found, model, change=change, loss=loss))


def test_batches_poisson_sampling(training):
    found = training(section("Poisson"), augment={"crop": 1, "flip": False})

    def sampled(members, epoch):
        draw = generator(0, "mechanism poisson", epoch)
        chance = torch.rand(3, 20, generator=draw)
        batches = [
            [member for member, u in zip(members.tolist(), row, strict=True) if u < 8 / 20] for row in chance.tolist()
        ]
        return [torch.tensor(rows or [int(members[0])]) for rows in batches]

    sizes = [len(rows) for epoch in (1, 2, 3) for rows in sampled(torch.arange(20), epoch)]
    assert len(set(sizes)) > 3 and 8 not in (min(sizes), max(sizes))
    assert_near(last(found), slow_training(found, sampled=sampled))


def test_the_log_of_uneven_batches_counts_samples(training, pool):
    """With next to no learning rate the network stays what it was, so the mean over all drawn samples is known."""
    found = training(section("Poisson"), optimizer=optimizer(lr=1e-12), epochs=1)
    draw = generator(0, "mechanism poisson", 1)
    members = torch.from_numpy(np.flatnonzero(found.task.masks[0]))
    rows = torch.cat(own_mechanisms.Poisson().batches(members, 8, draw))
    inputs = Samples.of_pool(pool, slice(0, 40), torch.device("cpu"))
    logits = new_network(found.task, 0, pool)(inputs.normalise(inputs.samples[rows], torch.contiguous_format))
    log = found.log().query("model == 0")
    assert log["loss"].item() == pytest.approx(F.cross_entropy(logits, inputs.labels[rows]).item(), rel=1e-5)
    assert log["accuracy"].item() == pytest.approx((logits.argmax(1) == inputs.labels[rows]).float().mean().item())


def test_network_is_put_around_and_the_inner_one_is_saved(training):
    found = training(section("Dropout", share=0.4))
    expected = slow_training(found, wrap=lambda network: nn.Sequential(nn.Dropout(0.4), network))
    assert_near(last(found), expected)
    assert differ(expected, slow_training(found))


def test_update(training):
    found = training(section("SignSteps"), optimizer=optimizer(lr=0.003))

    def signs(network):
        for weights in network.parameters():
            weights.grad.sign_()

    expected = slow_training(
        found,
        before_step=signs,
        optimizer=lambda net: torch.optim.SGD(net.parameters(), lr=0.003, momentum=0.9, weight_decay=5e-4),
    )
    assert_near(last(found), expected)


def test_after_epoch_and_a_state(training):
    found = training(section("MovingTarget", "pull", weight=0.5))
    states, firsts = {0: torch.zeros(3)}, []

    class Slow:
        """The state moves between two epochs, when the weights are those of the epoch's last step."""

        network = None

        def wrap(self, network):
            self.network = network
            return network

        def loss(self, logits, labels, inputs, epoch):
            if epoch - 1 not in states:
                draw = generator(0, "mechanism pull", epoch - 1)
                weights = next(self.network.parameters()).detach()
                states[epoch - 1] = 0.5 * states[epoch - 2] + 0.1 * torch.randn(3, generator=draw) + weights.mean()
                firsts.append(float(states[epoch - 1][0]))
            pull = ((logits.sum(0) / len(logits) - states[epoch - 1]) ** 2).sum()
            return F.cross_entropy(logits, labels) + 0.5 * pull

    slow = Slow()
    assert_near(last(found), slow_training(found, wrap=slow.wrap, loss=slow.loss))
    log = found.log().query("model == 0")
    assert list(found.log().columns)[-2:] == ["pull.first", "pull.epochs"]
    assert log["pull.epochs"].tolist() == [1.0, 2.0, 3.0]
    np.testing.assert_allclose(log["pull.first"][:2], firsts, rtol=1e-5)


def test_sam_with_a_mechanism(training):
    """By hand: the batch is drawn once a step, the penalty is in both gradients."""
    found = training(
        section("Noise", scale=0.3), section("LogitPenalty", weight=0.2), optimizer=optimizer("sam", rho=0.2)
    )
    draws = {epoch: generator(0, "mechanism noise", epoch) for epoch in range(1, EPOCHS + 1)}

    def change(inputs, labels, rows, epoch):
        return inputs + 0.3 * torch.randn(inputs.shape, generator=draws[epoch]), labels

    def step(network, stepper, closure):
        closure()
        weights = [each.detach().clone() for each in network.parameters()]
        norm = sum((each.grad**2).sum() for each in network.parameters()) ** 0.5
        with torch.no_grad():
            for each in network.parameters():
                each += 0.2 * each.grad / norm
        closure()
        with torch.no_grad():
            for each, before in zip(network.parameters(), weights, strict=True):
                each.copy_(before)
        stepper.step()

    expected = slow_training(
        found,
        change=change,
        loss=lambda logits, labels, *_: F.cross_entropy(logits, labels) + 0.2 * (logits**2).mean(),
        step=step,
    )
    assert_near(last(found), expected)


def test_output_leaves_logits_alone():
    logits = torch.randn(2, 3)
    assert Mechanism().output(logits, torch.Generator()) is logits


def test_hooks_are_the_methods_of_the_base():
    assert {name for name, value in vars(Mechanism).items() if inspect.isfunction(value)} == set(HOOKS)


def test_the_example_of_the_docs(training, tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "extending.md").read_text()
    (example,) = re.findall(r"```python\n([^`]*class LogitPenalty.*?)```", text, re.DOTALL)
    (tmp_path / "penalty.py").write_text(example)
    found = training(section("LogitPenalty", weight=0.7) | {"target": f"{tmp_path / 'penalty.py'}:LogitPenalty"})
    assert found.weights() == training(section("LogitPenalty", weight=0.7)).weights()


# -- order ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "passes"), [("sgd", 1), ("sam", 2)])
def test_the_order_of_hooks(training, pool, name, passes):
    task = training(epochs=1).task
    inputs = Samples.of_pool(pool, slice(0, 40), torch.device("cpu"))
    mechanism = Records()
    mechanism.calls = []
    options = LoopOptions.of_recipe(task.recipe | {"optimizer": optimizer(name)})
    members = torch.from_numpy(np.flatnonzero(task.masks[0]))
    loop = Loop(new_network(task, 0, pool), inputs, members, options, lambda *of: seed_of(0, *of), {"it": mechanism})
    loop.run_epoch(1)
    step = [("batch", 1), *[("objective", 1), ("penalty", 1)] * passes]
    assert mechanism.calls == [("network",), ("update",), ("batches", 20, 8), *step * 3, ("after_epoch", 1)]


def test_mechanisms_are_applied_in_their_order(training):
    """Mixed and then clipped is not clipped and then mixed."""
    one = training(section("Mixup"), section("Damp"))
    other = training(section("Damp"), section("Mixup"))
    assert differ(last(one), last(other))
    for names in (["mixup", "damp"], ["damp", "mixup"]):
        assert list(build_mechanisms([section(name.capitalize()) for name in names])) == names

    draws = {epoch: generator(0, "mechanism mixup", epoch) for epoch in range(1, EPOCHS + 1)}

    def damp_then_mix(inputs, labels, rows, epoch):
        inputs = inputs.clamp(-0.5, 0.5)
        share = 0.5 + 0.5 * torch.rand((), generator=draws[epoch])
        other = torch.randperm(len(rows), generator=draws[epoch])
        one_hot = torch.eye(3)[labels]
        return share * inputs + (1 - share) * inputs[other], share * one_hot + (1 - share) * one_hot[other]

    def loss(logits, targets, *_):
        return -(targets * logits.log_softmax(1)).sum(1).mean()

    assert_near(last(other), slow_training(other, change=damp_then_mix, loss=loss))


def test_names_models_and_epochs_have_draws_of_their_own(training):
    one, again, renamed = (training(section("Noise", name)) for name in ("a", "a", "b"))
    assert one.weights() == again.weights()
    assert differ(last(one), last(renamed))
    twice = training(section("Noise", "a"), section("Noise", "b"))
    assert differ(last(twice), last(one)) and differ(last(twice), last(renamed))
    noise = [
        Noise(1.0).batch(_batch(), epoch, generator(model, "mechanism a", epoch)).inputs
        for model in (0, 1)
        for epoch in (1, 2)
    ]
    assert len({tuple(each.flatten().tolist()) for each in noise}) == 4


def _batch():
    return Batch(torch.zeros(2, 3), None, torch.zeros(2, dtype=torch.int64), torch.arange(2))


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NoMechanism", "must return a memdyn.mechanisms.base.Mechanism, returned NoMechanism; a plain"),
        ("Misspelt", "'misspelt' overrides none of the hooks: network, members, steps, batches, batch, objective"),
        ("TwoNumbers", r"'twonumbers': its `objective` must return one number .*, not a tensor of shape \(8,\)"),
        ("OneBatch", "'onebatch': `batches` must return 3 batches.*`steps` says.*it returned 1"),
        ("Replaces", "'replaces': its `network` changed the names or shapes of the weights"),
        (
            "OddState",
            r"'oddstate': state\['kept'\]\[0\]\['inner'\] is a object, which cannot be saved",
        ),
    ],
)
def test_what_no_mechanism_may_do(training, name, message):
    with pytest.raises(ValueError, match=message):
        training(section(name))


def test_two_that_override_a_hook_of_which_there_is_one():
    with pytest.raises(ValueError, match="'a' and 'b' both override `objective`.*each claims 'objective'"):
        build_mechanisms([section("LabelSmoothing", "a", alpha=0.1), section("Records", "b")])
    with pytest.raises(ValueError, match="'a' and 'b' both override `batches`.*each claims 'sampling'"):
        build_mechanisms([section("Poisson", "a"), section("Poisson", "b")])
    with pytest.raises(KeyError, match="'mixupp' is not registered"):
        build_mechanisms([{"name": "mixupp", "alpha": 1}])
