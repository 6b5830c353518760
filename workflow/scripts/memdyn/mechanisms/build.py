"""From the config's plain options to the mechanisms of one model, in their order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memdyn.mechanisms import REGISTRY
from memdyn.mechanisms.base import HOOKS, Given, Mechanism
from memdyn.registry import resolve

# hooks of which there is one for all -> the slot that a mechanism claims with it
EXCLUSIVE = {
    "members": "data",
    "steps": "sampling",
    "batches": "sampling",
    "objective": "objective",
    "backward": "gradient",
    "update": "gradient",
    "stop": "stop",
}


def build_mechanisms(
    sections: Sequence[Mapping[str, Any]], given: Callable[[str], Given] | None = None
) -> dict[str, Mechanism]:
    """The mechanisms that `sections` describe, by name, in the order of application.

    Args:
        sections: `name` and the keyword arguments of the builder of that name in `memdyn.mechanisms.REGISTRY`; one
            with a `target` is a user's own.
        given: a mechanism's name -> what it may use.

    Raises:
        KeyError: for an unknown name.
        ValueError: for a user's own that cannot be made; for one that overrides no hook (a name misspelt?); for two
            that override a hook of which there can be only one.
    """
    mechanisms: dict[str, Mechanism] = {}
    for section in sections:
        keywords = dict(section)
        name = keywords.pop("name")
        mechanism = resolve(REGISTRY, "custom" if "target" in keywords else name)(**keywords)
        if given:
            object.__setattr__(mechanism, "given", given(name))  # it may be a frozen dataclass
        if not any(having({name: mechanism}, hook) for hook in HOOKS):
            raise ValueError(f"mechanism {name!r} overrides none of the hooks: {', '.join(HOOKS)}")
        mechanisms[name] = mechanism
    for hook, slot in EXCLUSIVE.items():
        names = [name for name, _ in having(mechanisms, hook)]
        if len(names) > 1:
            raise ValueError(
                f"mechanisms {names[0]!r} and {names[1]!r} both override `{hook}`, of which there can be one; "
                f"each claims {slot!r}"
            )
    return mechanisms


def having(mechanisms: Mapping[str, Mechanism], hook: str) -> list[tuple[str, Mechanism]]:
    """(name, mechanism) of those that override a hook, in their order."""
    base = getattr(Mechanism, hook)
    return [(name, each) for name, each in mechanisms.items() if getattr(type(each), hook) is not base]


def own_purpose(purpose: str, mechanisms: Mapping[str, Mechanism]) -> str:
    """What a seed is derived from: the purpose, and the mechanisms that ask for draws of their own."""
    return " of ".join([purpose, *(name for name, each in mechanisms.items() if purpose in each.own_seeds)])
