"""Mechanisms of a recipe: a mapping in YAML, an ordered list in a hash, and what is refused before any job."""

from typing import Annotated, ClassVar, Literal, Self, get_args

import pytest
from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

import own_mechanisms
from memdyn.config.base import Float, Strict
from memdyn.config.errors import ConfigError, problems
from memdyn.config.load import load_study
from memdyn.config.mechanisms.base import SLOTS, MechanismConfig, Slot
from memdyn.config.mechanisms.custom import CustomMechanism
from memdyn.config.mechanisms.sections import RELEASED, in_order, refuse_clashes, union_of
from memdyn.config.paths import name_of_target
from memdyn.identity.names import options_hash, plain_options
from memdyn.mechanisms import REGISTRY
from studies import study

FILE = own_mechanisms.__file__


def own(name="Noise", **more):
    return {"target": f"{FILE}:{name}", **more}


def load(changes=None, **mechanisms):
    return load_study(study({"runs": [], "base.mechanisms": mechanisms, **(changes or {})})).runs


def told(changes=None, **mechanisms):
    with pytest.raises(ConfigError) as caught:
        load(changes, **mechanisms)
    return caught.value.problems


def hash_of(run):
    return options_hash(plain_options(run.train, hashed=True))


# -- from a mapping to a list ----------------------------------------------------------------------------------------


def test_the_order_of_the_mapping_is_that_of_the_list():
    (run,) = load(b=own(), a=own("Mixup", options={"low": 0.1}))
    found = [(each.name, name_of_target(each.target)) for each in run.train.mechanisms]
    assert found == [("b", "Noise"), ("a", "Mixup")]
    assert plain_options(run.train)["mechanisms"][1]["options"] == {"low": 0.1}


def test_two_orders_have_two_hashes_and_none_has_that_of_the_time_before():
    (one,), (other,), (none,), (bare,) = (
        load(a=own(), b=own("Mixup")),
        load(b=own("Mixup"), a=own()),
        load(),
        load({"base.mechanisms": {"a": None}}),
    )
    assert len({hash_of(one), hash_of(other), hash_of(none)}) == 3 and hash_of(bare) == hash_of(none)
    assert "mechanisms" not in plain_options(none.train, hashed=True)


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"options": {"scale": 0.2}}, True),
        ({"teacher": True}, True),
        ({"target": f"{FILE}:Mixup"}, True),
        ({"claims": ["data"]}, False),  # refusals only
        ({"reads": "spare"}, False),
    ],
)
def test_what_of_an_own_mechanism_is_hashed(change, moves):
    spare = {"pool.parts.spare": 10}
    (one,), (other,) = load(spare, a=own()), load(spare, a=own() | change)
    assert (hash_of(one) != hash_of(other)) is moves


def test_the_name_is_hashed_and_the_place_of_the_file_is_not(tmp_path):
    (one,), (other,), (moved,) = load(a=own()), load(b=own()), load(a={"target": f"{tmp_path}/mine.py:Noise"})
    assert hash_of(one) != hash_of(other) and hash_of(one) == hash_of(moved)


def test_runs_change_take_away_and_add_by_name():
    runs = [
        {"name": "same"},
        {"name": "stronger", "mechanisms": {"noise": {"options": {"scale": 0.5}}}},
        {"name": "without", "mechanisms": {"noise": None}},
        {"name": "more", "mechanisms": {"pull": own("MovingTarget")}},
        {"name": "nothing-said", "epochs": 5, "mechanisms": None},
    ]
    found = {
        run.name: run.train.mechanisms
        for run in load({"runs": runs}, noise=own(options={"scale": 0.1}), mix=own("Mixup"))
    }
    assert {name: [each.name for each in mechanisms] for name, mechanisms in found.items()} == {
        "same": ["noise", "mix"],
        "stronger": ["noise", "mix"],
        "without": ["mix"],
        "more": ["noise", "mix", "pull"],
        "nothing-said": ["noise", "mix"],
    }
    assert found["stronger"][0].options == {"scale": 0.5} and found["same"][0].options == {"scale": 0.1}


def test_a_grid_varies_an_option_and_takes_one_away():
    grid = {"mechanisms.noise.options.scale": [0.1, 0.2], "mechanisms.mix": {"mixed": own("Mixup"), "plain": None}}
    found = {run.name: run.train.mechanisms for run in load({"grid": grid}, noise=own())}
    assert list(found) == ["scale=0.1,mixed", "scale=0.1,plain", "scale=0.2,mixed", "scale=0.2,plain"]
    assert [each.name for each in found["scale=0.2,mixed"]] == ["noise", "mix"]
    assert [each.options["scale"] for each in found["scale=0.2,plain"]] == [0.2]


def test_both_orders_in_one_grid():
    orders = {"noise first": {"a": own(), "b": own("Mixup")}, "mixup first": {"b": own("Mixup"), "a": own()}}
    one, other = load({"grid": {"mechanisms": orders}})
    assert hash_of(one) != hash_of(other) and [each.name for each in other.train.mechanisms] == ["b", "a"]


def test_a_label_has_name_and_options():
    def label(**options):
        return CustomMechanism(name="ls", target="x.py:Y", options=options).label()

    assert [label(), label(alpha=0.1), label(alpha=1, kind="a b/c", flag=True)] == ["ls", "ls.0.1", "ls.1.a-b-c.true"]


# -- slots -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slot", SLOTS)
def test_two_that_claim_one_slot_are_refused(slot):
    (line,) = told(first=own(claims=["data", slot] if slot != "data" else ["data"]), second=own("Mixup", claims=[slot]))
    assert line.startswith(f"base.mechanisms: 'first' and 'second' both claim the slot {slot!r} ({SLOTS[slot]})")
    assert load(first=own(claims=[slot]), second=own("Mixup"))


def test_slots_of_a_run_are_those_that_are_left():
    clash = {"name": "both", "mechanisms": {"b": own("Mixup", claims=["labels"])}}
    fine = {"name": "one", "mechanisms": {"a": None, "b": own("Mixup", claims=["labels"])}}
    assert load({"runs": [fine]}, a=own(claims=["labels"]))
    (line,) = told({"runs": [fine, clash]}, a=own(claims=["labels"]))
    assert line.startswith("runs.1 (both).mechanisms: 'a' and 'b' both claim the slot 'labels'")


def test_the_slots_are_explained():
    assert set(get_args(Slot)) == SLOTS.keys()


# -- other refusals --------------------------------------------------------------------------------------------------

REFUSED = {
    "no section": ({"base.mechanisms": 3}, ["base.mechanisms: 3 must be a section", "name of each mechanism"]),
    "a list": ({"base.mechanisms": [{"name": "a", **own()}]}, ["base.mechanisms: [", "must be a section"]),
    "options that are no section": (
        {"base.mechanisms": {"a": 0.1}},
        ["base.mechanisms.a = 0.1", "a section with keys"],
    ),
    "no target": (
        {"base.mechanisms": {"a": {}}},
        ["base.mechanisms: 'a' is unknown; allowed: ", "relax_loss", "or any name with `target: "],
    ),
    "a misspelt name": (
        {"base.mechanisms": {"smooth": own()}, "grid": {"mechanisms.smoth.options.scale": [1, 2]}},
        ["grid.mechanisms: 'smoth' is unknown; did you mean 'smooth'?", "any name with `target"],
    ),
    "an unknown key": (
        {"base.mechanisms": {"b": own(), "a": own(option={})}},
        ["base.mechanisms.a.option = {}: unknown key; did you mean 'options'?", "claims"],
    ),
    "an unknown key beside a null": (
        {"base.mechanisms": {"b": None, "a": own(option={})}},
        ["base.mechanisms.a.option = {}: unknown key; did you mean 'options'?"],
    ),
    "an unknown slot": (
        {"base.mechanisms": {"a": own(claims=["loss"])}},
        ['base.mechanisms.a.claims.0 = "loss": must be ', "'objective'"],
    ),
    "a key `name`": ({"base.mechanisms": {"a": {"name": "b", **own()}}}, ["'a' has a key `name`", "leave it out"]),
    "a name with a dot": ({"base.mechanisms": {"a.b": own()}}, ["base.mechanisms: the name 'a.b' must match"]),
    "a target without a name": (
        {"base.mechanisms": {"a": {"target": "own.py"}}},
        ['base.mechanisms.a.target = "own.py": must be a text that matches', "path/to/file.py:Name"],
    ),
    "another part": (
        {"base.mechanisms": {"a": own(reads="test")}},
        ['base.mechanisms.a.reads = "test": must be ', "'spare'"],
    ),
    "a part that the pool has not": (
        {"base.mechanisms": {"a": own(reads="spare")}},
        ["base.mechanisms.a: reads the pool's part 'spare', and pool.parts.spare = 0; allowed: at least 1"],
    ),
    "a teacher with an unknown key": (
        {"base.mechanisms": {"a": own(teacher={"epoch": 3})}},
        ["base.mechanisms.a.teacher.epoch = 3: unknown key; did you mean 'epochs'?"],
    ),
    "a teacher with a bad value": (
        {"base.mechanisms": {"a": own(teacher={"optimizer": {"lr": -1}})}},
        ["base.mechanisms.a.teacher.optimizer.lr = -1: must be greater than 0"],
    ),
    "a teacher that does not fit the pool": (
        {"base.mechanisms": {"a": own(teacher={"batch_size": 999})}},
        ["base.mechanisms.a.teacher.batch_size = 999: a model has 200 members"],
    ),
    "a teacher's mechanism": (
        {"base.mechanisms": {"a": own(teacher={"mechanisms": {"b": {}}})}},
        ["base.mechanisms.a.teacher.mechanisms: 'b' is unknown"],
    ),
    "a teacher that is no section": (
        {"base.mechanisms": {"a": own(teacher=3)}},
        ["base.mechanisms.a.teacher = 3: must be"],
    ),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_the_key_the_value_and_what_is_allowed(changes, words):
    with pytest.raises(ConfigError) as caught:
        load_study(study({"runs": [], **changes}))
    message, place = "\n".join(caught.value.problems), 0
    for word in words:
        assert word in message[place:], message
        place = message.index(word, place)


TABLE = {"pool.dataset": {"name": "arrays", "path": "x.npz", "features": "x"}}
IMAGES = {"pool.dataset": {"name": "arrays", "path": "x.npz", "images": "x"}}


def test_what_needs_images_is_refused_on_a_table(monkeypatch):
    assert load(TABLE, crop=own()) and not MechanismConfig.images_only
    monkeypatch.setattr(CustomMechanism, "images_only", True)
    where = "needs images, the data set is a table; allowed: null, which takes it away"
    assert told(TABLE, crop=own()) == [f"base.mechanisms.crop: {where}"]
    runs = [{"name": "plain"}, {"name": "mixed", "mechanisms": {"cut": own()}}]
    assert told({**TABLE, "runs": runs}) == [f"runs.1 (mixed).mechanisms.cut: {where}"]
    assert load({**TABLE, "runs": [{"name": "without", "mechanisms": {"crop": None}}]}, crop=own())
    assert load(IMAGES, crop=own()) and load(crop=own())


def test_what_a_teachers_mechanism_needs_is_asked_too(monkeypatch):
    teacher = {"mechanisms": {"crop": own()}}
    assert load(TABLE, a=own("Distillation", teacher=teacher))
    monkeypatch.setattr(CustomMechanism, "images_only", property(lambda mechanism: mechanism.name == "crop"))
    (line,) = told(TABLE, a=own("Distillation", teacher=teacher))
    assert line.startswith("base.mechanisms.a.teacher.mechanisms.crop: needs images, the data set is a table")


# -- teachers --------------------------------------------------------------------------------------------------------


def teacher_of(teacher, changes=None, **others):
    (run,) = load(changes, **others, a=own("Distillation", teacher=teacher))
    return run.train, run.train.mechanisms[-1].teachers(run.train)


def test_a_teacher_is_the_recipe_without_mechanisms():
    recipe, (teacher,) = teacher_of(True, noise=own())
    (baseline,) = load()
    assert teacher == baseline.train and teacher.mechanisms == [] and len(recipe.mechanisms) == 2
    assert teacher_of(False)[1] == ()


def test_changes_of_a_teacher():
    changes = {"epochs": 9, "optimizer": {"name": "adam"}, "mechanisms": {"noise": own()}}
    _, (teacher,) = teacher_of(changes, {"base.optimizer": {"name": "sgd", "lr": 0.3}})
    assert (teacher.epochs, teacher.optimizer.name, teacher.model.name) == (9, "adam", "mlp")
    assert [each.name for each in teacher.mechanisms] == ["noise"]


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [("all", {}, [0, 1, 2, 3, 4]), ([0, 2], {}, [0, 2, 4]), ([0, 4], {"epochs": 2}, [0, 2]), ([3], {"epochs": 2}, [2])],
)
def test_a_teachers_last_epoch_is_saved(base, changes, expected):
    _, (teacher,) = teacher_of(changes, {"base.checkpoints": base})
    assert teacher.checkpoint_epochs() == expected


# -- released ones ---------------------------------------------------------------------------------------------------


class Smooth(MechanismConfig):
    """A released mechanism, as one will look."""

    claims: ClassVar[frozenset[str]] = frozenset({"objective"})
    name: Literal["smooth"] = Field(description="label smoothing")
    alpha: Float = Field(0.1, ge=0, le=1, description="share of the other labels")


class Odd(MechanismConfig):
    """One whose options fit by themselves, and not together."""

    claims: ClassVar[frozenset[str]] = frozenset()
    name: Literal["odd"] = Field()

    @model_validator(mode="after")
    def _refuse(self) -> Self:
        raise ValueError("one and two do not go together")


class Recipe(Strict):
    mechanisms: Annotated[
        list[union_of(Smooth, Odd)],
        BeforeValidator(lambda value: in_order(["smooth", "odd"], value)),
        AfterValidator(refuse_clashes),
    ] = Field(default=[])


def test_released_and_own_ones_in_one_mapping():
    recipe = Recipe.model_validate({"mechanisms": {"mine": own(), "smooth": {"alpha": "2e-1"}}})
    assert [type(each) for each in recipe.mechanisms] == [CustomMechanism, Smooth]
    assert recipe.mechanisms[1].alpha == 0.2
    assert Recipe.model_validate({"mechanisms": recipe.mechanisms}) == recipe


@pytest.mark.parametrize(
    ("mapping", "line"),
    [
        (
            {"smoth": {"alpha": 0.1}},
            "mechanisms: 'smoth' is unknown; did you mean 'smooth'? allowed: odd, smooth, or any name",
        ),
        ({"mine": own(), "smooth": {"alpha": 3}}, "mechanisms.smooth.alpha = 3: must be less than or equal to 1"),
        (
            {"mine": own(), "smooth": {"alpa": 1}},
            "mechanisms.smooth.alpa = 1: unknown key; did you mean 'alpha'? allowed: ",
        ),
        ({"mine": own(alpha=1), "smooth": {}}, "mechanisms.mine.alpha = 1: unknown key; allowed: "),
        ({"mine": own(), "odd": {}}, "mechanisms.odd: one and two do not go together"),
        (
            {"mine": own(claims=["objective"]), "smooth": {}},
            "mechanisms: 'mine' and 'smooth' both claim the slot 'objective'",
        ),
    ],
)
def test_messages_of_released_ones(mapping, line):
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate({"mechanisms": mapping})
    (found,) = problems(caught.value, Recipe, {"mechanisms": mapping})
    assert found.startswith(line.replace("less than or equal to", "at most"))


def test_config_names_and_registry_are_equal():
    names = [name for each in RELEASED for name in get_args(each.model_fields["name"].annotation)]
    assert {*names, "custom"} == set(REGISTRY)
    assert all(isinstance(each.claims, frozenset) and each.claims <= SLOTS.keys() for each in RELEASED)
    schema = TypeAdapter(Recipe).json_schema()
    assert schema["properties"]["mechanisms"]
