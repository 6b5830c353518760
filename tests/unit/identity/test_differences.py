"""What differs between two recipes, by name; and that the hashes in a recipe are those that its digest is made of."""

import hashlib
import json

import pytest
import yaml

from memdyn.identity.differences import Changes, differences
from memdyn.identity.recipe import with_code
from studies import plan


def recipe(**parts):
    """As it comes from a file."""
    return yaml.safe_load(yaml.safe_dump(parts))


def test_the_same_twice():
    stage = with_code(plan().runs[0].train.params())
    found = differences(stage, recipe(**stage))
    assert not found and found.code == "" and found.options == found.modules == Changes({}, {}, {})


def test_options_by_dotted_key():
    old = {"lr": 0.1, "augment": {"crop": 1, "flip": False}, "checkpoints": [0, 2], "attacks": [{"gamma": 1}, {"k": 2}]}
    new = {"lr": 0.2, "augment": {"crop": 1, "shift": 2}, "checkpoints": [0, 4], "attacks": [{"gamma": 2}]}
    found = differences(recipe(options=old), recipe(options=new)).options
    assert found.changed == {"lr": (0.1, 0.2), "checkpoints": ([0, 2], [0, 4]), "attacks.0.gamma": (1, 2)}
    assert found.added == {"augment.shift": 2} and found.gone == {"augment.flip": False, "attacks.1.k": 2}
    assert list(found.values()) == [
        "attacks.0.gamma: 1 -> 2",
        "checkpoints: [0, 2] -> [0, 4]",
        "lr: 0.1 -> 0.2",
        "augment.shift: none -> 2",
        "attacks.1.k: 2 -> none",
        "augment.flip: false -> none",
    ]


VALUES = [
    1,
    1.0,
    True,
    "1",
    None,
    [],
    {},
    [1],
    [[1]],
    {"a": 1},
    {"a": None},
    [{"a": 1}],
    "",
    0,
    False,
    1e-5,
    float("inf"),
]


@pytest.mark.parametrize("old", VALUES, ids=repr)
def test_every_two_values_differ_and_none_from_itself(old):
    """As in a hash, where 1, 1.0 and True are three values."""
    for new in VALUES:
        found = differences(recipe(options={"key": old, "other": 1}), recipe(options={"key": new, "other": 1}))
        assert bool(found) == (repr(old) != repr(new)), new
        assert not any(name.startswith("other") for name in (*found.options.changed, *found.options.added))


def test_code_files_inputs_and_versions():
    old = recipe(
        modules={"memdyn/a.py": "1", "memdyn/b.py": "1"},
        entries=["memdyn.a:A", "memdyn.b:B"],
        contents={"page.css": "1"},
        inputs={"files": ["x"], "null_seed": 1},
        versions={"torch": "2.9", "numpy": "2.0"},
    )
    new = recipe(
        modules={"memdyn/b.py": "2", "memdyn/c.py": "1"},
        entries=["memdyn.b:B", "memdyn.c:C"],
        contents={"page.css": "2"},
        inputs={"files": ["y"], "null_seed": 1},
        versions={"torch": "2.10", "numpy": "2.0", "timm": "1.0"},
    )
    found = differences(old, new)
    assert found.modules == Changes({"memdyn/b.py": ("1", "2")}, {"memdyn/c.py": "1"}, {"memdyn/a.py": "1"})
    assert found.files.changed == {"page.css": ("1", "2")} and found.inputs.changed == {"files": (["x"], ["y"])}
    assert found.versions == Changes({"torch": ("2.9", "2.10")}, {"timm": "1.0"}, {})
    assert found.entries.names() == "added: memdyn.c:C; gone: memdyn.a:A"
    assert found.modules.names() == "changed: memdyn/b.py; added: memdyn/c.py; gone: memdyn/a.py"
    assert found.code == f"{found.modules.names()}; {found.entries.names()}; changed: page.css"


def test_what_a_recipe_does_not_tell_is_no_difference():
    """A planned stage has no versions yet, a folder of an earlier release no hashes of modules."""
    found = differences(recipe(options={"a": 1}, versions={"torch": "1"}), recipe(options={"a": 1}, modules={"x": "1"}))
    assert not found and found.modules is None and found.versions is None and found.code == ""


def test_many_names_are_cut():
    found = Changes.between({}, {f"{number:02d}.py": "" for number in range(20)})
    assert found.names() == "added: " + ", ".join(f"{number:02d}.py" for number in range(8)) + " and 12 more"


def test_two_models_differ_in_their_code():
    mlp, logistic = (with_code(run.train.params()) for run in plan().runs)
    found = differences(mlp, logistic)
    assert not found.modules.changed and "memdyn/training/loop.py" in mlp["modules"]
    assert found.options.changed["model.name"] == ("mlp", "logistic") and "model.hidden" in found.options.gone
    assert found.entries


def test_the_hashes_of_a_recipe_are_those_that_its_digest_is_made_of():
    study = plan()
    stages = [*study.stages.values(), study.tables, study.figures, study.report]
    assert len(stages) > 8
    for stage in stages:
        told = with_code(stage.params())
        content = [
            sorted(set(told["entries"])),
            *(sorted(map(list, told[key].items())) for key in ("modules", "contents")),
        ]
        assert hashlib.sha256(json.dumps(content).encode()).hexdigest() == stage.digest
