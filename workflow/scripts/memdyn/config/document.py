"""The JSON schema and the key table of config/README.md, generated from the typed config."""

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from memdyn.config.mechanisms.base import MechanismConfig
from memdyn.config.study import StudyConfig

BEGIN, END = "<!-- generated: make docs -->", "<!-- end of generated -->"


def json_schema() -> dict[str, Any]:
    """The schema of a study's YAML file."""
    return StudyConfig.model_json_schema()


def key_table() -> str:
    """Markdown: every key with its default, allowed values and meaning, a section a table."""
    lines: list[str] = []
    _section(lines, "", StudyConfig)
    return "\n".join(lines)


def _section(lines: list[str], path: str, model: type[BaseModel]) -> None:
    if path:
        lines += ["", f"### `{path}`", "", _first_line(model.__doc__)]
    lines += ["", "| key | default | allowed | meaning |", "|---|---|---|---|"]
    nested: list[tuple[str, type[BaseModel]]] = []
    fields = {name: field for name, field in model.model_fields.items() if not _is_key(model, name)}
    for name, field in fields.items():
        key = f"{path}.{name}" if path else name
        models = _models(field.annotation)
        lines.append(f"| `{name}` | {_default(field)} | {_allowed(field, models)} | {_cell(field.description or '')} |")
        nested += [(_nested_path(key, found, len(models) > 1), found) for found in models]
    for key, found in nested:
        _section(lines, key, found)


def _is_key(model: type[BaseModel], name: str) -> bool:
    """Whether the field is the key that a section stands under in a mapping, and no key in it."""
    return name == "name" and issubclass(model, MechanismConfig)


def _nested_path(key: str, model: type[BaseModel], is_union: bool) -> str:
    if issubclass(model, MechanismConfig):
        return f"{key}.{' or '.join(_names(model)) or 'ANY_NAME'}"
    return f"{key}, name: {' or '.join(_names(model))}" if is_union else key


def _names(model: type[BaseModel]) -> tuple[str, ...]:
    return get_args(model.model_fields["name"].annotation)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "must be given"
    if isinstance(value, BaseModel):
        return f"`name: {value.name}`" if hasattr(value, "name") else "as below"
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return ", ".join(f"`{item.label()}`" for item in value)
    return f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def allowed(field: FieldInfo) -> str:
    """The values that a key may have, in words."""
    return _allowed(field, _models(field.annotation))


def _allowed(field: FieldInfo, models: list[type[BaseModel]]) -> str:
    if any(issubclass(model, MechanismConfig) for model in models):
        return "a mapping of names to the sections below"
    if len(models) > 1:
        return ", ".join(f"`{name}`" for model in models for name in _names(model))
    if models:
        return "see below"
    bounds = [text for mark in field.metadata for text in _bounds(mark)]
    return _cell(" ".join([_kind(field.annotation), *bounds]).strip())


def _bounds(mark: Any) -> list[str]:
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "a multiple of"}
    found = [f"{sign} {getattr(mark, name)}" for name, sign in signs.items() if getattr(mark, name, None) is not None]
    if isinstance(mark, FieldInfo):
        found += [text for inner in mark.metadata for text in _bounds(inner)]
    return found


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return " ".join([_kind(arguments[0]), *(text for mark in arguments[1:] for text in _bounds(mark))])
    if origin is Literal:
        return ", ".join(f"`{_yaml(value)}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_kind(part) for part in arguments)
    if origin is list:
        return f"list of {_kind(arguments[0])}"
    if origin is dict:
        return "keys and values"
    return {int: "whole number", float: "number", str: "text", bool: "`true`, `false`", type(None): "`null`"}.get(
        annotation, "any"
    )


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
