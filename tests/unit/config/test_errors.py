"""Messages: where a problem is, whatever pydantic calls the place, and what would be right."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator

from memdyn.config.base import Bool, Float, Strict
from memdyn.config.errors import ConfigError, did_you_mean, problems, shown


class Cat(Strict):
    name: Literal["cat"] = "cat"
    lives: Annotated[int, Field(le=9)] = 9


class Dog(Strict):
    name: Literal["dog"] = "dog"
    tricks: list[str] = Field(default=[], max_length=2)


Pet = Annotated[Cat | Dog, Field(discriminator="name")]


class House(Strict):
    pet: Pet = Cat()
    others: list[Pet] = Field(default=[])
    rooms: dict[str, int] = Field(default={})
    size: Float = 1.0
    open: Bool = True
    code: str = Field(default="A1", pattern="^[A-Z][0-9]$", description="a letter and a digit")
    either: int | Literal["none"] | list[Annotated[int, Field(ge=0)]] = 0

    @field_validator("code")
    @classmethod
    def _not_z9(cls, value: str) -> str:
        if value == "Z9":
            raise ValueError("Z9 is taken")
        return value

    @model_validator(mode="after")
    def _fits(self) -> "House":
        if self.size == 13:
            raise ValueError("size: 13 is unlucky")
        if self.size == 14:
            raise ValueError("this is no house")
        return self


def told(raw: Any, prefix: str = "") -> list[str]:
    with pytest.raises(ValidationError) as caught:
        House.model_validate(raw)
    return problems(caught.value, House, raw, prefix)


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"pets": 1}, "pets = 1: unknown key; did you mean 'pet'? allowed: pet, others, rooms, size, open, code"),
        ({"pet": {"name": "cat", "live": 9}}, "pet.live = 9: unknown key; did you mean 'lives'? allowed: name, lives"),
        ({"pet": {"name": "dog", "lives": 9}}, "pet.lives = 9: unknown key; allowed: name, tricks"),
        ({"pet": {"name": "cow"}}, 'pet.name = "cow": unknown; allowed: cat, dog'),
        ({"pet": {"lives": 1}}, "pet.name: missing, must be given: it says which"),
        ({"pet": "cat"}, 'pet = "cat": must be a section with keys of its own'),
        ({"pet": {"name": "cat", "lives": 10}}, "pet.lives = 10: must be at most 9"),
        ({"others": [{"name": "cat"}, {"name": "dog", "trick": 1}]}, "others.1.trick = 1: unknown key"),
        ({"others": [{"name": "cat"}, {"name": "dgo"}]}, "others.1.name = \"dgo\": unknown; did you mean 'dog'?"),
        (
            {"others": [{"name": "dog", "tricks": ["a", "b", "c"]}]},
            'others.0.tricks = ["a", "b", "c"]: must be a list of 2 or fewer',
        ),
        ({"rooms": {"bath": "one"}}, 'rooms.bath = "one": must be a whole number'),
        ({"size": "big"}, 'size = "big": must be a number'),
        ({"size": "nan"}, 'size = "nan": must be a number'),
        ({"size": None}, "size = null: must be a number"),
        ({"open": 1}, "open = 1: must be true or false"),
        ({"code": "a1"}, 'code = "a1": must be a text that matches ^[A-Z][0-9]$ (a letter and a digit)'),
        ({"code": "Z9"}, "code: Z9 is taken"),
        ({"either": "some"}, "either = \"some\": must be a whole number or 'none' or a list"),
        ({"either": [1, -1]}, "either.1 = -1: must be at least 0"),
        ({"size": 13}, "size: 13 is unlucky"),
        ({"size": 14}, "this is no house"),
    ],
)
def test_one_line_a_problem(raw, line):
    (found,) = told(raw)
    assert found.startswith(line)


def test_the_place_of_the_section_comes_first():
    assert told({"size": "big"}, "runs.1 (big)") == ['runs.1 (big).size = "big": must be a number']
    assert told({"size": 13}, "runs.1") == ["runs.1.size: 13 is unlucky"]
    assert told({"size": 14}, "runs.1") == ["runs.1: this is no house"]


def test_numbers_and_truth_values_as_the_command_line_gives_them():
    house = House.model_validate({"size": "1e-3", "open": "false"})
    assert house.size == 0.001 and house.open is False


def test_values_are_shown_as_yaml_and_shortened():
    assert [shown(value) for value in (True, None, "a", [1, "b"], 0.5)] == ["true", "null", '"a"', '[1, "b"]', "0.5"]
    assert len(shown("x" * 1000)) < 100


def test_a_suggestion_only_where_one_is_close():
    assert did_you_mean("lrr", ["lr", "rho"]) == "did you mean 'lr'? allowed: lr, rho"
    assert did_you_mean("colour", ["lr", "rho"]) == "allowed: lr, rho"


def test_the_error_lists_everything():
    error = ConfigError(["a: b", "c: d"])
    assert str(error) == "bad config:\n  - a: b\n  - c: d" and error.problems == ["a: b", "c: d"]
