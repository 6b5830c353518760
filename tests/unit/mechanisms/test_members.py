"""The hook that chooses who is trained on."""

import pytest
import torch

from memdyn.compute.samples import Samples
from memdyn.mechanisms.base import Mechanism
from memdyn.training.block import new_network
from memdyn.training.loop import Loop, LoopOptions
from small_trainings import Training, mechanism, net_in, small_pool


@pytest.mark.parametrize("augment", [{"crop": 0, "flip": False}, {"crop": 1, "flip": True}])
def test_others_than_the_masks_are_trained_on_to_the_bit(tmp_path, augment):
    """As the plain training with the mask turned round: planted truth that the mask does not tell."""
    how = {"model": net_in(tmp_path), "augment": augment}
    found = Training(tmp_path / "others", small_pool(), range(1), mechanisms=[mechanism("Others")], **how).run()
    plain = Training(tmp_path / "plain", small_pool(), range(1), **how)
    plain.task.masks[:] = ~plain.task.masks
    assert plain.run().weights() == found.weights()


@pytest.mark.parametrize(("name", "shape"), [("Nobody", r"\[0\]"), ("Strangers", r"\[20\]")])
def test_rows_that_are_none_are_told(tmp_path, name, shape):
    training = Training(tmp_path, small_pool(), range(1), mechanisms=[mechanism(name)])
    with pytest.raises(
        ValueError, match=f"mechanism '{name.lower()}': its `members` must return rows of the 40 .*{shape}"
    ):
        training.run()


def test_steps_and_schedule_go_by_those_that_are_trained_on(tmp_path):
    class Half(Mechanism):
        def members(self, members):
            return members[::2]

    task = Training(tmp_path, small_pool(), range(1)).task
    inputs = Samples.of_pool(small_pool(), slice(0, 40), torch.device("cpu"))
    options = LoopOptions.of_recipe(task.recipe)
    network = new_network(task, 0, small_pool())
    loop = Loop(network, inputs, torch.arange(20), options, lambda *_: 0, {"half": Half()})
    assert loop.steps == 2 and loop.members.tolist() == list(range(0, 20, 2))
