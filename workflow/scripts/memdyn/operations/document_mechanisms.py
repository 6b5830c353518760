"""docs/mechanisms.md: its table of released mechanisms, generated from their config classes."""

from collections.abc import Iterator

from memdyn.config.document import BEGIN, END, allowed
from memdyn.config.mechanisms.base import MechanismConfig
from memdyn.config.mechanisms.sections import RELEASED, names_of


def mechanisms_page(text: str) -> str:
    """The page with its table made anew; what stands around it stays.

    Raises:
        ValueError: where it has no place for it.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"docs/mechanisms.md: no place for the table, between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{mechanism_table()}\n{END}{after}"


def mechanism_table() -> str:
    """Markdown: a row a mechanism."""
    head = ["| mechanism | what it is | options | slots | needs | a step takes |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *map(_row, RELEASED)])


def _row(section: type[MechanismConfig]) -> str:
    (name,) = names_of(section)
    meaning = (section.__doc__ or "").strip().split("\n")[0]
    options = "<br>".join(_options(section)) or "none"
    slots = ", ".join(sorted(section.claims)) or "none"
    return f"| `{name}` | {meaning} | {options} | {slots} | {_needs(section)} | {_cost(section)} |"


def _options(section: type[MechanismConfig]) -> Iterator[str]:
    for key, field in section.model_fields.items():
        if key != "name":
            default = "" if field.is_required() else f", {field.default} by default"
            yield f"`{key}`: {allowed(field)}{default}"


def _needs(section: type[MechanismConfig]) -> str:
    needs = {
        "images": section.images_only,
        "the part `spare`": section.part is not MechanismConfig.part,
        "teachers": section.teachers is not MechanismConfig.teachers,
    }
    return ", ".join(need for need, is_needed in needs.items() if is_needed) or "nothing"


def _cost(section: type[MechanismConfig]) -> str:
    """Of a plain step; what depends on options is not told here."""
    try:
        cost = section.cost(section.model_construct())
    except AttributeError:
        return "by its options"
    return "unknown" if cost is None else f"{cost:g}"
