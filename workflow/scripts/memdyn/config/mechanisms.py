"""Mechanisms of a recipe: regularizers and defences, in the order in which they are applied.

In YAML they are a mapping, name -> options, so that a grid can say `mechanisms.NAME.options.alpha` and null takes one
away. A mapping's order would be lost in a hash; here it becomes a list of sections, each with its name.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationError, WithJsonSchema

from memdyn.config.base import Bool, Hashed, Strict, merge
from memdyn.config.errors import ConfigError, did_you_mean, problems, shown
from memdyn.config.paths import Target

# what only one mechanism of a run can have -> what that is
SLOTS = {
    "objective": "the loss in the place of the cross-entropy",
    "gradient": "how gradients become steps",
    "sampling": "who is in which batch",
    "labels": "the labels",
    "norm": "the normalisation layers",
    "data": "the samples that are trained on",
    "stop": "when training ends",
}
Slot = Literal["objective", "gradient", "sampling", "labels", "norm", "data", "stop"]
_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,39}"


class MechanismConfig(Strict):
    """What all mechanisms share: a name, and what the plan must know of them.

    Attributes:
        claims: slots that no other mechanism of a run may claim.
    """

    claims: ClassVar[frozenset[str]]

    name: str = Field(pattern=f"^{_NAME}$", description="its key in the mapping, and not among its options")

    def label(self) -> str:
        """The mechanism in a word, for names of runs and tables."""
        return self.name

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        """Recipes (`TrainConfig`) of the runs that a run of `recipe` learns from."""
        return ()

    def part(self) -> str | None:
        """The part of the pool that it reads, besides the members."""
        return None


class CustomMechanism(MechanismConfig):
    """A mechanism of your own, under any name."""

    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(**options) must return a memdyn.mechanisms.base.Mechanism; or "
        "Name(logits, labels, epoch, **options), a plain loss",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of Name")
    claims: Annotated[list[Slot], Hashed(None)] = Field(
        [], description="what no other mechanism of the run may do: a run has at most one for each"
    )
    teacher: Bool | dict[str, Any] = Field(
        False,
        description="true: it learns from the finished models of the same recipe without mechanisms; changes to that "
        "recipe, such as `epochs: 50`: from those of the changed one",
    )
    reads: Annotated[Literal["spare"] | None, Hashed(None)] = Field(
        None, description="the part of the pool that it reads, besides the members"
    )

    def label(self) -> str:
        """Its name and its options, such as `smooth.0.1`."""
        return ".".join([self.name, *(_word(value) for value in self.options.values())])

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        """The recipe without mechanisms, with the changes; its last epoch is among its checkpoints.

        Raises:
            ConfigError: for changes that make no recipe.
        """
        if self.teacher is False:
            return ()
        changes = {} if self.teacher is True else self.teacher
        raw = merge({**recipe.model_dump(), "mechanisms": {}}, changes)
        if isinstance(raw["checkpoints"], list) and isinstance(raw["epochs"], int):
            raw["checkpoints"] = [each for each in raw["checkpoints"] if each < raw["epochs"]] + [raw["epochs"]]
        try:
            return (type(recipe).model_validate(raw),)
        except ValidationError as error:
            raise ConfigError(problems(error, type(recipe), raw, f"mechanisms.{self.name}.teacher")) from None

    def part(self) -> str | None:
        return self.reads


def _word(value: Any) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", value if isinstance(value, str) else shown(value)).strip("-")


def union_of(*released: type[MechanismConfig]) -> Any:
    """The sections of these names, and those of a user's own, which have a `target`."""
    tagged = [Annotated[each, Tag(_names(each)[0])] for each in released]
    tagged.append(Annotated[CustomMechanism, Tag("custom")])
    return Annotated[Union[tuple(tagged)], Discriminator(_tag)] if released else CustomMechanism  # noqa: UP007


def _names(section: type[MechanismConfig]) -> tuple[str, ...]:
    return getattr(section.model_fields["name"].annotation, "__args__", ())


def _tag(section: Any) -> str:
    if isinstance(section, MechanismConfig):
        return "custom" if isinstance(section, CustomMechanism) else section.name
    return "custom" if "target" in section else section["name"]


def in_order(released: Iterable[str], value: Any) -> Any:
    """The mapping of the YAML as a list of sections with their names."""
    if isinstance(value, list) and all(isinstance(section, MechanismConfig) for section in value):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"{shown(value)} must be a section: the name of each mechanism, with its options")
    chosen = {name: options for name, options in value.items() if options is not None}
    odd = [_odd_name(name, options, {*released, *value} - {name}, released) for name, options in chosen.items()]
    if any(odd):
        raise ValueError("; ".join(filter(None, odd)))
    return [{"name": name, **options} if isinstance(options, dict) else options for name, options in chosen.items()]


def _odd_name(name: str, options: Any, others: Iterable[str], released: Iterable[str]) -> str:
    """What is wrong with a name; empty where nothing is."""
    if not re.fullmatch(_NAME, name) or name == "name":
        return f"the name {name!r} must match {_NAME}, and not be `name`"
    if isinstance(options, dict) and "name" in options:
        return f"{name!r} has a key `name`, but its name is the key that it stands under; leave it out"
    if not isinstance(options, dict) or "target" in options or name in released:
        return ""
    known = f"{did_you_mean(name, sorted(others))}, or" if others else "allowed:"
    return f"{name!r} is unknown; {known} any name with `target: path/to/file.py:Name`"


def refuse_clashes(sections: list[MechanismConfig]) -> list[MechanismConfig]:
    """Two mechanisms with one slot cannot be in one run."""
    holders: dict[str, str] = {}
    for section in sections:
        for slot in sorted(section.claims):
            if slot in holders:
                raise ValueError(
                    f"{holders[slot]!r} and {section.name!r} both claim the slot {slot!r} ({SLOTS[slot]}), of which a "
                    "run has one; take one of them away (null)"
                )
            holders[slot] = section.name
    return sections


# released mechanisms, one class each
RELEASED: tuple[type[MechanismConfig], ...] = ()
MechanismSection = union_of(*RELEASED)
Mechanisms = Annotated[
    list[MechanismSection],
    BeforeValidator(lambda value: in_order([name for each in RELEASED for name in _names(each)], value)),
    AfterValidator(refuse_clashes),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
