"""Reference data: what mechanisms read besides the members is the pool's reserved part, and nothing else."""

import dataclasses

import numpy as np
import pytest
import torch

from every_mechanism import OPTIONS, Trained
from memdyn.config.mechanisms.sections import RELEASED
from memdyn.mechanisms.reserved import reserved_part
from small_trainings import make_pool

READERS = {
    "adv_reg": OPTIONS["adv_reg"],
    "dmp": OPTIONS["dmp"],
    "early_stopping": {"patience": 1},
    "label_dp": {"epsilon": 1.0, "method": "prior"},
    "mmd": OPTIONS["mmd"],
    "past": OPTIONS["past"],
    "student": OPTIONS["student"],
}
PARTS = {"scored": slice(0, 40), "sham": slice(40, 44), "population": slice(44, 52), "test": slice(52, 60)}


def test_these_are_all_that_read_it():
    names = {each.model_fields["name"].annotation.__args__[0]: each for each in RELEASED}
    made = {
        name: cls.model_validate({"name": name, **READERS.get(name, OPTIONS.get(name, {}))})
        for name, cls in names.items()
        if name in OPTIONS
    }
    assert {name for name, section in made.items() if section.part() == "spare"} == set(READERS)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return Trained(tmp_path_factory.mktemp("trained"), range(1))


def pool(*changed):
    """A pool of all parts, with other samples in some of them."""
    images = np.random.default_rng(0).integers(0, 256, (80, 1, 8, 8), dtype=np.uint8)
    parts = PARTS | {"spare": slice(60, 80)}
    for part in changed:
        images[parts[part]] = 255 - images[parts[part]]
    labels = np.arange(80) % 3
    if "spare" in changed:
        labels[60:70] = 0
    return dataclasses.replace(make_pool(images), parts=parts, labels=labels)


@pytest.mark.parametrize("name", READERS)
def test_weights_depend_on_no_other_part(trained, name):
    def weights(given):
        trained.pool, trained._teachers = given, {}
        config = trained.config(epochs=6, checkpoints=[6], model={"name": "mlp", "hidden": [5]})
        raw = {**config.model_dump(), "mechanisms": {name: READERS[name]}}
        return trained.new(type(config).model_validate(raw)).run().weights()

    plain = weights(pool())
    assert weights(pool("sham", "population", "test")) == plain
    assert weights(pool("spare")) != plain


@pytest.mark.parametrize("part", [*PARTS, "nothing"])
def test_no_other_part_can_be_read(part):
    with pytest.raises(ValueError, match=f"mechanisms cannot read the pool's part '{part}'; allowed: spare"):
        reserved_part(pool(), part, torch.device("cpu"))
