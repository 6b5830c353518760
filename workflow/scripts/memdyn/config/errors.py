"""Config errors that name the key, the value and what is allowed."""

import difflib
import json
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

SHOWN_LENGTH = 80

# pydantic's types of errors -> what the value must be
_MUST_BE = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a section with keys of its own",
    "model_type": "a section with keys of its own",
    "model_attributes_type": "a section with keys of its own",
    "greater_than": "greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "literal_error": "{expected}",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} or fewer",
    "string_too_short": "a text of {min_length} or more characters",
    "string_too_long": "a text of {max_length} or fewer characters",
    "string_pattern_mismatch": "a text that matches {pattern}",
}


class ConfigError(ValueError):
    """A config that cannot be run; the message lists every problem found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("bad config:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


def problems(error: ValidationError, model: type[BaseModel], raw: Any, prefix: str = "") -> list[str]:
    """One line a key: `base.optimizer.lr = -1: must be greater than 0`."""
    found = _by_place(error, raw)
    # of a union, the alternative that the value came closest to: its error lies deeper
    deepest = [place for place in found if not any(_is_below(other, place) for other in found)]
    lines = []
    for place in deepest:
        key = ".".join(filter(None, [prefix, *map(str, place)]))
        lines += _lines(key, found[place], model, list(place), raw)
    return list(dict.fromkeys(lines))


def wrong_places(error: ValidationError, raw: Any) -> set[tuple]:
    """Where in a raw config the values are that were refused."""
    return set(_by_place(error, raw))


def shown(value: Any) -> str:
    """A value as YAML would have it, shortened."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]} ..."


def did_you_mean(word: Any, allowed: Iterable[str]) -> str:
    """`did you mean 'lr'? allowed: ...`, as the end of a message."""
    allowed = list(allowed)
    close = difflib.get_close_matches(str(word), allowed, n=1)
    return f"{f'did you mean {close[0]!r}? ' if close else ''}allowed: {', '.join(allowed)}"


def _by_place(error: ValidationError, raw: Any) -> dict[tuple, list[Any]]:
    found: dict[tuple, list[Any]] = {}
    for item in error.errors():
        found.setdefault(tuple(_without_tags(item["loc"], raw)), []).append(item)
    return found


def _is_below(place: tuple, other: tuple) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _lines(key: str, items: list[Any], model: type[BaseModel], location: list, raw: Any) -> list[str]:
    """The problems of one key; what alternatives of a union expect becomes one line."""
    expected = [_MUST_BE[item["type"]].format(**item.get("ctx", {})) for item in items if item["type"] in _MUST_BE]
    lines = [_line(key, item, model, location, raw) for item in items if item["type"] not in _MUST_BE]
    if expected:
        meaning = ""
        if any(item["type"] == "string_pattern_mismatch" for item in items):
            meaning = f" ({_model_at(model, location[:-1], raw).model_fields[location[-1]].description})"
        words = " or ".join(dict.fromkeys(expected))
        lines.append(f"{key} = {shown(items[0]['input'])}: must be {words}{meaning}")
    return lines


def _line(key: str, item: Any, model: type[BaseModel], location: list, raw: Any) -> str:
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        fields = _model_at(model, location[:-1], raw).model_fields
        return f"{key} = {shown(value)}: unknown key; {did_you_mean(location[-1], fields)}"
    if kind == "missing":
        return f"{key}: missing, must be given"
    if kind == "value_error":
        message = str(item["ctx"]["error"])
        # validators of a section name the key below it that is wrong
        joint = (
            "." if message.partition(":")[0].partition(".")[0] in _model_at(model, location, raw).model_fields else ": "
        )
        return f"{key}{joint}{message}" if key else message
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        name = value.get("name") if isinstance(value, dict) else value
        if name is None:
            return f"{key}.name: missing, must be given: it says which"
        names = [word.strip("' ") for word in item["ctx"]["expected_tags"].split(",")]
        return f"{key}.name = {shown(name)}: unknown; {did_you_mean(name, names)}"
    return f"{key} = {shown(value)}: {item['msg']}"


def _without_tags(location: tuple, raw: Any) -> list:
    """Drops what pydantic adds to a location: the chosen alternative of a union."""
    keys, here, before = [], raw, None
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(before, dict) and isinstance(location[depth - 1], int):
            before = None
            continue  # the alternative of a section in a mapping, which has no `name` of its own
        before = here
        if isinstance(here, dict) and isinstance(part, int):  # a mapping that is read as a list, its nulls left out
            part = [key for key, value in here.items() if value is not None][part]
        if _has(here, part):
            keys.append(part)
            here = here[part]
        elif last and isinstance(here, dict) and not _is_tag(part, here, keys) and "[" not in str(part):
            keys.append(part)  # a missing key; with brackets it is a type, as `dict[str,any]`
    return keys


def _is_tag(part: Any, section: dict[str, Any], keys: list) -> bool:
    """Whether it says which alternative a section is: by its name, or by that which it stands under in a mapping."""
    return part == section.get("name", keys[-1] if keys else None) or (part == "custom" and "target" in section)


def _has(here: Any, part: Any) -> bool:
    return part in (here if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else ())


def _model_at(model: Any, location: list, raw: Any) -> Any:
    """The model class of the section at `location`; for a value that is no section, something without fields."""
    for part in location:
        is_listed = isinstance(raw, dict) and isinstance(model, _Alternatives)  # under its name in a mapping
        raw = {"name": part, **raw[part]} if is_listed and isinstance(raw[part], dict) else raw[part]
        model = _model_of(model if isinstance(model, _Alternatives) else model.model_fields[part], raw)
    return model


def _model_of(annotation: Any, raw: Any) -> Any:
    """The model class that a value is validated against; unions are decided by `name`; a user's own has any."""
    annotation = getattr(annotation, "annotation", annotation)
    models = _models_in(annotation)
    if get_origin(annotation) is list:
        return _Alternatives(models)
    if len(models) > 1 and isinstance(raw, dict):
        named = [found for found in models if raw.get("name") in _names_of(found)]
        models = named or [found for found in models if "name" in found.model_fields and not _names_of(found)] or models
    return models[0] if len(models) == 1 and not isinstance(raw, list) else _Alternatives(models)


class _Alternatives:
    """Stands for a list of sections until an index picks one, and for values that are no sections."""

    def __init__(self, models: list) -> None:
        self.models = models
        self.model_fields: dict[str, Any] = {}


def _models_in(annotation: Any) -> list:
    if isinstance(annotation, _Alternatives):
        return annotation.models
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, Annotated, list):
        return [found for part in get_args(annotation) for found in _models_in(part)]
    return []


def _names_of(model: type[BaseModel]) -> tuple:
    return get_args(model.model_fields["name"].annotation) if "name" in model.model_fields else ()
