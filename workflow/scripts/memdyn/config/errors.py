"""Config errors that name the key, the value and what is allowed."""

import difflib
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


class ConfigError(ValueError):
    """A config that cannot be run; the message lists every problem found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("bad config:\n" + "\n".join(f"  - {problem}" for problem in problems))


def problems(error: ValidationError, model: type[BaseModel], raw: Any, prefix: str = "") -> list[str]:
    """One line a problem: `base.optimizer.lr = -1: ...`."""
    lines = []
    for item in error.errors():
        location = _without_tags(item["loc"], raw)
        key = ".".join(map(str, location))
        key = f"{prefix}{'.' if prefix and key else ''}{key}"
        lines.append(_line(key, item, model, location, raw))
    return list(dict.fromkeys(lines))


def _line(key: str, item: Any, model: type[BaseModel], location: list, raw: Any) -> str:
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        allowed = _fields_at(model, location[:-1], raw)
        close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"{key} = {value!r}: unknown key; {hint}allowed here: {', '.join(allowed)}"
    if kind == "missing":
        return f"{key}: missing, must be given"
    if kind == "value_error":
        message = str(item["ctx"]["error"])
        return f"{key}: {message}" if key else message
    if kind == "union_tag_not_found":
        return f"{key} = {value!r}: needs a key `name` that says which"
    if kind == "union_tag_invalid":
        name = value.get("name") if isinstance(value, dict) else value
        return f"{key}.name = {name!r}: unknown; allowed: {item['ctx']['expected_tags']}"
    return f"{key} = {value!r}: {item['msg']}"


def _without_tags(location: tuple, raw: Any) -> list:
    """Drops what pydantic adds to a location: the chosen alternative of a union."""
    keys, here = [], raw
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        if isinstance(here, dict) and part in here:
            keys.append(part)
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            keys.append(part)
            here = here[part]
        elif last and isinstance(here, dict) and part != here.get("name"):
            keys.append(part)  # a missing key
    return keys


def _fields_at(model: Any, location: list, raw: Any) -> list[str]:
    """Names of the keys allowed at `location`."""
    for part in location:
        raw = raw[part]
        model = _model_of(model.model_fields[part] if isinstance(part, str) else model, raw)
    return list(model.model_fields)


def _model_of(annotation: Any, raw: Any) -> Any:
    """The model class that a value is validated against; unions are decided by `name`."""
    models = _models_in(getattr(annotation, "annotation", annotation))
    if len(models) > 1 and isinstance(raw, dict):
        models = [found for found in models if raw.get("name") in _names_of(found)] or models
    return models[0] if len(models) == 1 or not isinstance(raw, list) else _List(models)


class _List:
    """Stands for a list of alternatives until an index picks one."""

    def __init__(self, models: list) -> None:
        self.models = models


def _models_in(annotation: Any) -> list:
    if isinstance(annotation, _List):
        return annotation.models
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, Annotated, list):
        return [found for part in get_args(annotation) for found in _models_in(part)]
    return []


def _names_of(model: type[BaseModel]) -> tuple:
    return get_args(model.model_fields["name"].annotation) if "name" in model.model_fields else ()
