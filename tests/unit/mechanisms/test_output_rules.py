"""Output rules: each against its definition, sample by sample."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from defended_trainings import built
from every_mechanism import NOTHING, RULES
from memdyn.compute.samples import Samples

LOGITS = torch.tensor([[2.0, 0.5, -1.0, 0.0], [0.0, 0.0, 9.0, -9.0], [800.0, -800.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def given(shape=(1, 4, 4), network=None):
    """A linear network of four classes, and samples of pixels."""
    torch.manual_seed(3)
    network = network or nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 4)).eval()
    pixels = torch.zeros(2, *shape, dtype=torch.uint8)
    inputs = Samples(pixels, torch.zeros(2, dtype=torch.int64), torch.full((1, 1, 1, 1), 1 / 64), torch.tensor(-2.0))
    return SimpleNamespace(network=network, inputs=inputs)


def answered(name, logits=LOGITS, seed=0, **options):
    with torch.no_grad():
        return built(name, given(), **(options or RULES[name])).output(logits, generator(seed))


def softmax(row):
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("digits", [0, 1, 3, 12])
def test_rounding(digits):
    found = answered("rounding", digits=digits).double().exp()
    for row, logits in zip(found.tolist(), LOGITS.tolist(), strict=True):
        for told, p in zip(row, softmax(logits), strict=True):
            rounded = round(p, digits)
            assert told == pytest.approx(rounded if rounded else 0.5 * 10**-digits, rel=1e-5)


@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 9])
def test_top_k(k):
    found = answered("top_k", k=k).double().softmax(1)
    for row, logits in zip(found.tolist(), LOGITS.tolist(), strict=True):
        p = softmax(logits)
        told = sorted(range(4), key=lambda c: -logits[c])[:k]
        rest = [c for c in range(4) if c not in told]
        if k == 0:
            assert sorted(row) == pytest.approx([1 / (3 + math.e)] * 3 + [math.e / (3 + math.e)])
            assert row.index(max(row)) == logits.index(max(logits))
        elif len(set(logits)) == 4:
            for c in range(4):
                expected = p[c] if c in told else sum(p[other] for other in rest) / len(rest)
                assert row[c] == pytest.approx(expected, rel=1e-5, abs=1e-30)


def test_of_equal_logits_top_k_tells_k():
    found = answered("top_k", k=1)
    assert found.isfinite().all() and torch.equal(found[3].softmax(0), torch.full((4,), 0.25))


def test_temperature():
    for row, logits in zip(answered("temperature").softmax(1).tolist(), LOGITS.tolist(), strict=True):
        assert row == pytest.approx(softmax([value / 3.0 for value in logits]), abs=1e-6)


def test_output_noise_is_of_its_size_and_its_draws_alone():
    many = torch.zeros(20_000, 4)
    noise = answered("output_noise", many)
    assert noise.std().item() == pytest.approx(0.5, rel=0.02) and noise.mean().abs() < 0.01
    assert abs(torch.corrcoef(noise.T) - torch.eye(4)).max() < 0.03
    assert torch.equal(answered("output_noise", many), noise) and not torch.equal(
        answered("output_noise", many, seed=1), noise
    )


def test_hamp_keeps_the_ranks_and_takes_the_values_of_random_images():
    have = given()
    found = answered("hamp_output")
    pixels = torch.randint(0, 256, (4, 1, 4, 4), generator=generator(), dtype=torch.uint8)
    with torch.no_grad():
        others = have.network(pixels.float() / 64 - 2.0)
    for row, logits, other in zip(found.tolist(), LOGITS.tolist(), others.tolist(), strict=True):
        assert sorted(row) == pytest.approx(sorted(other), abs=1e-5)
        ranks = sorted(range(4), key=lambda c: (logits[c], c))
        assert sorted(range(4), key=lambda c: row[c]) == ranks


def test_hamps_random_samples_of_a_table_have_its_mean_and_variance():
    torch.manual_seed(0)
    rows = Samples(torch.randn(5, 3), torch.zeros(5, dtype=torch.int64), torch.tensor([[2.0, 1, 4]]), torch.ones(1, 3))
    seen = []

    class Notes(nn.Module):
        def forward(self, inputs):
            seen.append(inputs)
            return inputs[:, :3]

    built("hamp_output", SimpleNamespace(network=Notes(), inputs=rows)).output(torch.zeros(1200, 3), generator())
    drawn = torch.cat(seen)
    assert len(drawn) == 1200 and [len(piece) for piece in seen] == [500, 500, 200]
    torch.testing.assert_close(drawn.mean(0), torch.zeros(3), atol=0.1, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.ones(3), atol=0.1, rtol=0)


@pytest.mark.parametrize("name", RULES)
def test_answers_are_finite_logits_of_the_same_shape(name):
    found = answered(name)
    assert found.shape == LOGITS.shape and found.dtype == LOGITS.dtype and found.isfinite().all()


@pytest.mark.parametrize("name", [name for name in RULES if name in NOTHING])
def test_of_no_strength_the_answers_are_the_net_s(name):
    logits = torch.randn(50, 4, generator=generator(2))
    torch.testing.assert_close(answered(name, logits, **NOTHING[name]).softmax(1), logits.softmax(1))


@pytest.mark.parametrize("name", ["rounding", "top_k", "temperature", "hamp_output"])
def test_the_predicted_class_stays(name):
    """But where rounding makes classes alike."""
    logits = torch.randn(50, 4, generator=generator(2))
    kept = answered(name, logits).argmax(1) == logits.argmax(1)
    assert kept.all() if name != "rounding" else kept.float().mean() > 0.9
