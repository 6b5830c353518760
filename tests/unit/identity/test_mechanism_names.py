"""Names of mechanisms: that no release changes the hash of an old recipe with one, and that none is left out.

`python tests/unit/identity/test_mechanism_names.py` adds the hashes of entries that were newly put into
frozen_mechanisms.json; those that are there are never written again.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from memdyn.config.load import load_study
from memdyn.config.mechanisms.sections import RELEASED, names_of
from memdyn.mechanisms import REGISTRY
from memdyn.plan.study import build_plan

FROZEN_FILE = Path(__file__).with_name("frozen_mechanisms.json")
FROZEN = json.loads(FROZEN_FILE.read_text())
NETS = {"cnn": {"name": "cnn", "norm": "none"}, "cnn with batch norm": {"name": "cnn", "norm": "batch"}}


def hashes(entry: dict[str, Any]) -> dict[str, str]:
    """Of a run with the mechanism: its training, what it answers, and the trainings of its teachers."""
    base = {"model": NETS[entry["net"]], "epochs": 7, "mechanisms": {entry["mechanism"]: entry["options"]}}
    study = {"study": "frozen", "results": "/nowhere", "pool": {}, "base": base, "analysis": {"enabled": False}}
    (run,) = build_plan(load_study(study)).runs
    teachers = {f"teacher {k}": teacher.options_hash for k, teacher in enumerate(run.train.needs.values())}
    return {"train": run.train.options_hash, "outputs": run.outputs.options_hash, **teachers}


@pytest.mark.parametrize("entry", FROZEN, ids=lambda entry: f"{entry['mechanism']} {entry['options']}")
def test_finished_work_keeps_its_name(entry):
    """A change here renames finished work of users. A new key needs `Neutral` with what older releases did."""
    assert hashes(entry) == entry["hashes"]


@pytest.mark.parametrize("section", RELEASED, ids=lambda section: names_of(section)[0])
def test_each_is_frozen_with_its_defaults_and_with_each_key(section):
    """Defaults, since the options of a recipe that leaves them out are hashed; and each key at a value of its own."""
    (name,) = names_of(section)
    entries = [entry["options"] for entry in FROZEN if entry["mechanism"] == name]
    keys = section.model_fields.keys() - {"name"}
    required = {key for key in keys if section.model_fields[key].is_required()}
    assert required in [options.keys() for options in entries], "write an entry with what is required alone"
    assert keys == {key for options in entries for key in options}
    for key in keys - required:
        default = section.model_fields[key].default
        assert any(options.get(key, default) != default for options in entries), key


def test_none_is_left_out():
    assert {entry["mechanism"] for entry in FROZEN} == REGISTRY.keys() - {"custom"}


def test_each_recipe_has_a_name_of_its_own():
    """But for the keys that change no training, which stand for themselves in the tables."""
    found = [(*entry["hashes"].values(), entry["net"]) for entry in FROZEN]
    alike = [entry["mechanism"] for entry in FROZEN if found.count((*entry["hashes"].values(), entry["net"])) > 1]
    assert not alike


if __name__ == "__main__":
    table = [entry | {"hashes": hashes(entry) | entry.get("hashes", {})} for entry in FROZEN]
    lines = ",\n".join(f" {json.dumps(entry)}" for entry in table)
    FROZEN_FILE.write_text(f"[\n{lines}\n]\n")
