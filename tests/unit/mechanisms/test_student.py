"""Students of a model: each learns what the model says of samples of its own, from weights of its own."""

import pytest
import torch

from every_mechanism import Trained, batch_of
from memdyn.compute.samples import Samples
from memdyn.config.recipe import TrainConfig
from memdyn.identity.names import plain_options
from memdyn.training.block import _mechanisms, new_network
from small_trainings import MLP


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"))


def made(trained, number, model=0):
    """(the mechanism, the weights that it begins with)"""
    plain = plain_options(trained.config(model=MLP))
    training = trained.new(TrainConfig.model_validate({**plain, "mechanisms": {"student": {"number": number}}}))
    inputs = Samples.of_pool(trained.pool, slice(0, 40), torch.device("cpu"))
    mechanism = _mechanisms(training.task, model, inputs, trained.pool)["student"]
    network = mechanism.network(new_network(training.task, model, trained.pool))
    return mechanism, torch.cat([each.flatten() for each in network.state_dict().values()])


def test_it_learns_soft_labels_of_half_of_the_reserved_samples(trained):
    mechanism, _ = made(trained, 1)
    (teacher,) = mechanism.given.teachers
    reserved = Samples.of_pool(trained.pool, slice(40, 50), torch.device("cpu"))
    inputs = reserved.normalise(reserved.samples, torch.contiguous_format)
    with torch.no_grad():
        expected = teacher(inputs).softmax(1)
    batch = mechanism.batch(batch_of(trained.pool, 5), 1, torch.Generator().manual_seed(4))
    rows = [int((inputs == each).flatten(1).all(1).nonzero()) for each in batch.inputs]
    assert len(set(rows)) == 5
    torch.testing.assert_close(batch.targets, expected[rows])
    again = mechanism.batch(batch_of(trained.pool, 5), 1, torch.Generator())
    assert set(rows) == {int((inputs == each).flatten(1).all(1).nonzero()) for each in again.inputs}


def test_each_has_its_own_half_and_beginning_and_the_same_ones_again(trained):
    def told(number, model=0):
        mechanism, weights = made(trained, number, model)
        return mechanism._reference.samples.flatten().tolist(), weights.tolist()

    kept = [told(number, model) for number, model in ((1, 0), (2, 0), (1, 1), (3, 0))]
    assert told(1) == kept[0]
    halves, weights = zip(*kept, strict=True)
    assert len({tuple(each) for each in weights}) == 4 and len({tuple(each) for each in halves}) > 1
