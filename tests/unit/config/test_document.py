"""The schema and the key table are the typed config's."""

import re
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from memdyn.config.document import json_schema, key_table
from memdyn.config.mechanisms.base import MechanismConfig
from memdyn.config.study import StudyConfig


def sections(model=StudyConfig, path=""):
    """(path, model) of every section, alternatives of a union included."""
    yield path, model
    for name, field in model.model_fields.items():
        for found in models_in(field.annotation):
            yield from sections(found, f"{path}.{name}" if path else name)


def models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Annotated, Union, UnionType, list):
        return [found for part in get_args(annotation) for found in models_in(part)]
    return []


SECTIONS = list(sections())


@pytest.mark.parametrize(("path", "model"), SECTIONS, ids=[f"{path}:{model.__name__}" for path, model in SECTIONS])
def test_every_key_has_a_meaning_and_a_line(path, model):
    rows = [row for row in key_table().split("\n") if row.startswith("| `")]
    for name, field in model.model_fields.items():
        assert field.description, f"{path}.{name} has no description"
        if name == "name" and issubclass(model, MechanismConfig):  # the key that it stands under
            assert f"### `{path}.{' or '.join(get_args(field.annotation)) or 'ANY_NAME'}`" in key_table()
            continue
        assert any(row.startswith(f"| `{name}` |") and field.description.split("|")[0] in row for row in rows)


def test_rows_are_whole():
    for line in key_table().split("\n"):
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5, line


def test_defaults_bounds_and_choices_are_shown():
    rows = {row.split("`")[1]: row for row in key_table().split("\n") if row.startswith("| `")}
    assert "| `32` |" in rows["shadow_models"] and ">= 8" in rows["shadow_models"]
    assert "must be given" in rows["study"]
    assert "`cpu`, `cuda`" in rows["device"]
    assert "`false`" in rows["allow_retrain"]
    assert "a multiple of 2" in rows["sham"] and ">= 20" in rows["sham"]


def test_the_schema_forbids_unknown_keys():
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert all(part.get("additionalProperties") is False for part in schema["$defs"].values())
