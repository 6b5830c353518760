"""Mechanisms of a recipe: regularizers and defences, in the order in which they are applied.

In YAML they are a mapping, name -> options, so that a grid can say `mechanisms.NAME.options.alpha` and null takes one
away. A mapping's order would be lost in a hash; here it becomes a list of sections, each with its name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Union

from pydantic import AfterValidator, BeforeValidator, Discriminator, Tag, WithJsonSchema

from memdyn.config.base import Hashed
from memdyn.config.errors import did_you_mean, shown
from memdyn.config.mechanisms import defences, defences_of_data, output_rules, private, regularizers
from memdyn.config.mechanisms.base import NAME, SLOTS, MechanismConfig
from memdyn.config.mechanisms.custom import CustomMechanism

# regularizers that stand elsewhere in a recipe, by names that people may look for here
ELSEWHERE = {
    "crop": "augment.crop",
    "random_crop": "augment.crop",
    "flip": "augment.flip",
    "horizontal_flip": "augment.flip",
    "weight_decay": "optimizer.weight_decay",
    "l2": "optimizer.weight_decay",
    "dropout": "mechanisms.spatial_dropout",
}

# released mechanisms, one class each
RELEASED: tuple[type[MechanismConfig], ...] = (
    *regularizers.RELEASED,
    *defences.RELEASED,
    *defences_of_data.RELEASED,
    *private.RELEASED,
    *output_rules.RELEASED,
)


def union_of(*released: type[MechanismConfig]) -> Any:
    """The sections of these names, and those of a user's own, which have a `target`."""
    tagged = [Annotated[each, Tag(names_of(each)[0])] for each in released]
    tagged.append(Annotated[CustomMechanism, Tag("custom")])
    return Annotated[Union[tuple(tagged)], Discriminator(_tag)] if released else CustomMechanism  # noqa: UP007


def names_of(section: type[MechanismConfig]) -> tuple[str, ...]:
    """What a released mechanism may be called; nothing of a user's own, which has any name."""
    return getattr(section.model_fields["name"].annotation, "__args__", ())


def what_trains(section: Mapping[str, Any]) -> dict[str, Any]:
    """Of a section as plain options those that change training, in the order in which its class has them.

    Options of which nothing is hashed change tables alone (`delta` of `dp_sgd`), or stand elsewhere in the recipe.
    """
    kinds = [each for each in RELEASED if section["name"] in names_of(each) and "target" not in section]
    fields = kinds[0].model_fields if kinds else {}
    idle = {name for name, field in fields.items() if any(_hashes_nothing(mark) for mark in field.metadata)}
    ordered = [*(name for name in fields if name in section), *(name for name in section if name not in fields)]
    return {name: section[name] for name in ordered if name not in idle}


def _hashes_nothing(mark: Any) -> bool:
    return isinstance(mark, Hashed) and mark.part is None


def _tag(section: Any) -> str:
    if isinstance(section, MechanismConfig):
        return "custom" if isinstance(section, CustomMechanism) else section.name
    return section["name"] if isinstance(section, dict) and "target" not in section else "custom"


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
    if not re.fullmatch(NAME, name) or name == "name":
        return f"the name {name!r} must match {NAME}, and not be `name`"
    if isinstance(options, dict) and "name" in options:
        return f"{name!r} has a key `name`, but its name is the key that it stands under; leave it out"
    if not isinstance(options, dict) or "target" in options or name in released:
        return ""
    if name in ELSEWHERE:
        return f"{name!r} is no mechanism of its own: it is `{ELSEWHERE[name]}`"
    known = f"{did_you_mean(name, sorted(others))}, or" if others else "allowed:"
    return f"{name!r} is unknown; {known} any name with `target: path/to/file.py:Name`"


def refuse_clashes(sections: list[MechanismConfig]) -> list[MechanismConfig]:
    """Two mechanisms with one slot cannot be in one run, nor soft targets where they would not be learned."""
    holders: dict[str, str] = {}
    for section in sections:
        for slot in sorted(section.claims):
            if slot in holders:
                raise ValueError(
                    f"{holders[slot]!r} and {section.name!r} both claim the slot {slot!r} ({SLOTS[slot]}), of which a "
                    "run has one; take one of them away (null)"
                )
            holders[slot] = section.name
    makers = [section.name for section in sections if section.makes_targets]
    learners = [section.name for section in sections if section.learns_labels]
    if makers and learners:
        raise ValueError(
            f"{makers[0]!r} makes soft targets, and {learners[0]!r} learns labels alone; take one of them away (null)"
        )
    for bounding in (section for section in sections if section.parts_samples):
        for mixing in (section for section in sections if section.mixes_samples):
            own = f", or say `per_sample: true` of {mixing.name!r} if it does not" * hasattr(mixing, "per_sample")
            raise ValueError(
                f"{bounding.name!r} bounds what each member has in a step, and {mixing.name!r} mixes members; take one "
                f"of them away (null){own}"
            )
    return sections


MechanismSection = union_of(*RELEASED)
Mechanisms = Annotated[
    list[MechanismSection],
    BeforeValidator(lambda value: in_order([name for each in RELEASED for name in names_of(each)], value)),
    AfterValidator(refuse_clashes),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
