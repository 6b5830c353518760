"""Label DP: chances against the formulas, what privacy asks of them, and labels that are drawn once."""

import math

import numpy as np
import pytest
import torch

from every_mechanism import Trained, batch_of
from memdyn.compute.samples import Samples
from memdyn.config.errors import ConfigError
from memdyn.config.load import load_study
from memdyn.config.recipe import TrainConfig
from memdyn.identity.names import plain_options
from memdyn.mechanisms.label_dp import drawn, response
from memdyn.training.block import _mechanisms
from studies import plan, study

PRIORS = [
    [0.25, 0.25, 0.25, 0.25],
    [0.7, 0.2, 0.1, 0.0],
    [0.0, 0.0, 0.0, 1.0],
    [0.4, 0.3, 0.2, 0.1],
    [0.26, 0.24, 0.26, 0.24],
]
EPSILONS = [0.01, 0.5, 1.0, 3.0, 8.0, 50.0]


def chances_of(prior, epsilon):
    """[K, K]: row = true label."""
    return response(torch.arange(4), torch.tensor(prior, dtype=torch.float64).expand(4, 4), epsilon)


def slow(prior, label, epsilon):
    """Algorithms 2 and 3 of Ghazi et al., a class after the other."""
    classes = sorted(range(len(prior)), key=lambda c: -prior[c])
    gains = [
        math.exp(epsilon) / (math.exp(epsilon) + k - 1) * sum(prior[c] for c in classes[:k])
        for k in range(1, len(prior) + 1)
    ]
    best = max(range(1, len(prior) + 1), key=lambda k: (round(gains[k - 1], 12), k))
    top = classes[:best]
    if label not in top:
        return [1 / best if c in top else 0.0 for c in range(len(prior))]
    e = math.exp(epsilon)
    return [
        0.0 if c not in top else e / (e + best - 1) if c == label else 1 / (e + best - 1) for c in range(len(prior))
    ]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_chances_are_those_of_the_algorithms(prior, epsilon):
    found = chances_of(prior, epsilon)
    for label in range(4):
        assert found[label].tolist() == pytest.approx(slow(prior, label, epsilon), abs=1e-9)
    torch.testing.assert_close(found.sum(1), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_no_answer_tells_labels_apart_by_more_than_epsilon(prior, epsilon):
    found = chances_of(prior, epsilon)
    for answer in found.T:
        assert answer.max() <= math.exp(epsilon) * answer.min() * (1 + 1e-9) or answer.max() == 0


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_equal_priors_are_randomised_response(epsilon):
    e = math.exp(epsilon)
    expected = torch.full((4, 4), 1 / (e + 3), dtype=torch.float64).fill_diagonal_(e / (e + 3))
    torch.testing.assert_close(chances_of(PRIORS[0], epsilon), expected)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_a_prior_makes_true_answers_no_rarer(prior, epsilon):
    weights = torch.tensor(prior, dtype=torch.float64)
    informed, plain = (chances_of(p, epsilon).diagonal() @ weights for p in (prior, PRIORS[0]))
    assert informed >= plain - 1e-12


def test_labels_fall_by_their_chances():
    chances = chances_of(PRIORS[3], 1.0)
    uniform = torch.rand(40_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for row in chances:
        shares = torch.bincount(drawn(row.expand(len(uniform), 4), uniform), minlength=4) / len(uniform)
        torch.testing.assert_close(shares.double(), row, atol=0.01, rtol=0)
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert drawn(torch.tensor([[0.0, 0.3, 0.7, 0.0]] * 2, dtype=torch.float64), ends).tolist() == [1, 2]


# -- in training ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"))


def made(trained, model=0, **options):
    plain = plain_options(trained.config(model={"name": "mlp", "hidden": [5]}))
    training = trained.new(TrainConfig.model_validate({**plain, "mechanisms": {"label_dp": options}}))
    inputs = Samples.of_pool(trained.pool, slice(0, 40), torch.device("cpu"))
    return _mechanisms(training.task, model, inputs, trained.pool)["label_dp"], inputs


def test_a_label_is_drawn_once_for_each_model(trained):
    found = {}
    for model in (0, 1):
        mechanism, inputs = made(trained, model, epsilon=1.0)
        again, _ = made(trained, model, epsilon=1.0)
        assert torch.equal(mechanism.labels, again.labels) and not torch.equal(mechanism.labels, inputs.labels)
        found[model] = mechanism.labels
    assert not torch.equal(found[0], found[1])
    mild, inputs = made(trained, epsilon=50.0)
    assert torch.equal(mild.labels, inputs.labels)


def test_batches_have_the_drawn_labels_in_every_epoch(trained):
    mechanism, _ = made(trained, epsilon=0.5)
    for epoch in (1, 2, 9):
        batch = mechanism.batch(batch_of(trained.pool), epoch, torch.Generator().manual_seed(epoch))
        assert torch.equal(batch.targets.argmax(1), mechanism.labels[:8]) and set(batch.targets.unique().tolist()) == {
            0,
            1,
        }
        assert torch.equal(batch.labels, batch_of(trained.pool).labels)


def test_the_first_stage_is_half_of_the_samples_with_the_labels_that_the_second_keeps(trained):
    first, _ = made(trained, epsilon=1.0, method="first_stage")
    plain, inputs = made(trained, epsilon=1.0)
    members = torch.arange(0, 40, 2)
    kept = first.members(members)
    assert set(kept.tolist()) < set(members.tolist()) and len(first.members(torch.arange(40))) == 20
    assert torch.equal(plain.members(members), members) and torch.equal(first.labels, plain.labels)
    second, _ = made(trained, epsilon=1.0, method="two_stage")
    (teacher,) = second.given.teachers
    half = first.members(torch.arange(40))
    assert torch.equal(second.labels[half], first.labels[half])
    others = torch.tensor(sorted({*range(40)} - {*half.tolist()}))
    with torch.no_grad():
        p = teacher(inputs.normalise(inputs.samples, torch.contiguous_format)).double().softmax(1)
    draws = torch.rand(40, generator=second.given.draw("label dp"), dtype=torch.float64)
    expected = drawn(response(inputs.labels, p, 1.0), draws)
    assert torch.equal(second.labels[others], expected[others])


def test_the_prior_is_that_of_the_reserved_part(trained):
    mechanism, inputs = made(trained, epsilon=1.0, method="prior")
    shares = np.bincount(trained.pool.labels[40:50], minlength=3) / 10
    draws = torch.rand(40, generator=mechanism.given.draw("label dp"), dtype=torch.float64)
    expected = drawn(response(inputs.labels, torch.tensor(shares).expand(40, 3), 1.0), draws)
    assert torch.equal(mechanism.labels, expected)


def test_the_first_stage_is_a_hidden_run(tmp_path):
    runs = [{"name": "two", "mechanisms": {"label_dp": {"epsilon": 1.0, "method": "two_stage"}}}]
    made = plan({"runs": runs, "results": str(tmp_path)})
    (teacher,) = made.teachers
    assert teacher.train.options["mechanisms"] == [{"epsilon": 1.0, "method": "first_stage", "name": "label_dp"}]
    assert list(made.runs[0].train.needs.values()) == [teacher.train]
    assert "labeldp1st1" in teacher.train.slug and "labeldp2st1" in made.runs[0].train.slug


def test_a_prior_needs_the_reserved_part():
    raw = study({"runs": [], "base.mechanisms": {"label_dp": {"epsilon": 1.0, "method": "prior"}}})
    with pytest.raises(ConfigError, match=r"mechanisms.label_dp: reads the pool's part 'spare'"):
        load_study(raw)
