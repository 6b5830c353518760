"""Signals against their definitions in 60 decimal digits, and a block's scores against its networks one by one."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from memdyn.compute.samples import Samples
from memdyn.data.pool import Pool
from memdyn.probes.block import probe_block
from memdyn.probes.outputs import SIGNALS, outputs, signals
from memdyn.store.checkpoints import checkpoint_file, save_checkpoint

getcontext().prec = 60


def exact(logits: list[float], label: int) -> dict[str, float]:
    """The definitions, word by word."""
    powers = [Decimal(z).exp() for z in logits]
    p = [power / sum(powers) for power in powers]
    others = [c for c in range(len(p)) if c != label]
    rest = {c: sum(p[k] for k in range(len(p)) if k != c) for c in range(len(p))}
    return {
        "margin": float((p[label] / rest[label]).ln()),
        "gap": float(Decimal(logits[label]) - max(Decimal(logits[c]) for c in others)),
        "entropy": float(-sum(q * q.ln() for q in p)),
        "modified_entropy": float(-rest[label] * p[label].ln() - sum(p[c] * rest[c].ln() for c in others)),
        "el2n": float((rest[label] ** 2 + sum(p[c] ** 2 for c in others)).sqrt()),
    }


EXTREME = {
    "confident and right": ([1000.0, -1000.0, 0.0], 0),
    "confident and wrong": ([1000.0, -1000.0, 0.0], 1),
    "wrong, and not the least": ([1000.0, -1000.0, 0.0], 2),
    "float32 would call the loss 0": ([20.0, 0.0, 0.0], 0),
    "a tie of the top two": ([3.0, 3.0, -1.0], 0),
    "all alike": ([0.5] * 10, 7),
    "far from 0": ([1000.25, 1000.5, 999.0], 1),
    "two classes": ([-2.0, 5.0], 0),
}


@pytest.mark.parametrize("case", EXTREME)
def test_extreme_logits(case):
    logits, label = EXTREME[case]
    found = signals(torch.tensor([logits]), torch.tensor([label]))
    assert tuple(found) == SIGNALS
    for name, value in exact(logits, label).items():
        assert found[name].item() == pytest.approx(value, rel=1e-6, abs=1e-37), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_random_logits(scale, dtype):
    generator = torch.Generator().manual_seed(int(scale * 100))
    logits = (scale * torch.randn(20, 5, generator=generator)).to(dtype)
    labels = torch.randint(5, (20,), generator=generator)
    found = signals(logits, labels)
    for name, values in found.items():
        expected = [
            exact(row, label)[name] for row, label in zip(logits.double().tolist(), labels.tolist(), strict=True)
        ]
        assert values.dtype == torch.float32
        np.testing.assert_allclose(values.numpy(), expected, rtol=1e-6, atol=1e-37, err_msg=name)


def test_loss_confidence_and_correctness_follow_from_the_stored_signals():
    generator = torch.Generator().manual_seed(0)
    logits, labels = 5 * torch.randn(500, 10, generator=generator), torch.randint(10, (500,), generator=generator)
    found = signals(logits, labels)
    loss = functional.cross_entropy(logits.double(), labels, reduction="none")
    torch.testing.assert_close(functional.softplus(-found["margin"].double()), loss, rtol=1e-5, atol=1e-12)
    torch.testing.assert_close(torch.sigmoid(found["margin"].double()), (-loss).exp(), rtol=1e-5, atol=1e-12)
    assert torch.equal(found["gap"] > 0, logits.argmax(1) == labels)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(
    "logits",
    [
        [[0.0, 0.0]],
        [[0.0, -0.0, 0.0]],
        [[1.5] * 10],
        [[3.0, 3.0, -1.0]],
        [[-1.0, 3.0, 3.0]],
        [[1e-30, 0.0, 1e-30]],
        [[0.0, 1e-45]],  # differ, but by less than a normal float32 holds
        [[700.0, 2.0, 700.0]],
    ],
)
def test_ties_are_correct_where_argmax_says_so(logits, dtype):
    """Every class in turn is the true one, so exactly one of them is predicted."""
    one = torch.tensor(logits, dtype=torch.float64).to(dtype)
    labels = torch.arange(one.shape[1])
    found = signals(one.expand(len(labels), -1), labels)
    assert torch.equal(found["gap"] > 0, labels == one.argmax(1))
    assert (found["gap"] != 0).all() and torch.equal(found["gap"] < 0, labels != one.argmax(1))


def test_a_net_that_starts_at_zero_has_the_accuracy_of_its_constant_prediction():
    logits, labels = torch.zeros(1000, 2), torch.randint(2, (1000,), generator=torch.Generator().manual_seed(1))
    assert (signals(logits, labels)["gap"] > 0).float().mean() == (labels == 0).float().mean()


def test_a_model_that_diverged_has_no_gap():
    assert signals(torch.tensor([[torch.nan, 0.0]]), torch.tensor([1]))["gap"].isnan().all()


@pytest.fixture
def inputs():
    images = np.random.default_rng(0).integers(0, 256, (23, 2, 6, 5), dtype=np.uint8)
    pool = Pool(
        images=images,
        labels=np.arange(23) % 3,
        sample_ids=np.arange(23),
        flipped=np.zeros(23, bool),
        parts={"scored": slice(0, 23)},
        class_names=["a", "b", "c"],
        mean=np.float32([0.4, 0.5]),
        std=np.float32([0.2, 0.3]),
        n_duplicates=0,
    )
    return Samples.of_pool(pool, slice(0, 23), torch.device("cpu"))


def network(seed: int) -> nn.Module:
    """With dropout and running statistics, which scoring must switch to evaluation."""
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(4)
    nn.init.uniform_(norm.running_mean)
    return nn.Sequential(nn.Conv2d(2, 4, 3), norm, nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(48, 3))


def nobody(n_models: int) -> np.ndarray:
    return np.zeros((n_models, 23), dtype=bool)


@pytest.mark.parametrize("batch", [1, 7, 23, 100])
def test_batches_change_nothing_but_the_last_bits(inputs, batch):
    net = network(0)
    nobody = torch.zeros(23, dtype=torch.bool)
    whole, parts = outputs(net, inputs, nobody, 23), outputs(net.train(), inputs, nobody, batch)
    for name in SIGNALS:
        assert parts[name].shape == (23,)
        np.testing.assert_allclose(parts[name], whole[name], rtol=2e-5, atol=1e-6)


def test_a_block_is_its_networks_one_by_one(inputs, tmp_path):
    models, epochs = range(8, 11), [0, 4]
    nets = {(model, epoch): network(10 * model + epoch) for model in models for epoch in epochs}
    for (model, epoch), net in nets.items():
        save_checkpoint(net, checkpoint_file(tmp_path, model, epoch))
    found = list(probe_block(outputs, network(1), tmp_path, models, epochs, inputs, nobody(3), 10))
    assert [epoch for epoch, _ in found] == epochs
    for epoch, arrays in found:
        for row, model in enumerate(models):
            with torch.inference_mode():
                logits = nets[model, epoch].eval()(inputs.normalise(inputs.samples, torch.contiguous_format))
            for name, values in signals(logits, inputs.labels).items():
                np.testing.assert_allclose(arrays[name][row], values.numpy(), rtol=2e-5, atol=1e-6)


def test_a_missing_checkpoint_is_an_error(inputs, tmp_path):
    save_checkpoint(network(0), checkpoint_file(tmp_path, 0, 1))
    with pytest.raises(FileNotFoundError, match=r"model-0001.epoch-0001"):
        list(probe_block(outputs, network(0), tmp_path, range(2), [1], inputs, nobody(2), 10))
