"""Registries: every name of the config has code, and all code has a name."""

import inspect
from typing import Annotated, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from memdyn import attacks, data, models, optim, probes
from memdyn.config.attacks.sections import AttackConfig
from memdyn.config.datasets import DatasetConfig
from memdyn.config.models import ModelConfig
from memdyn.config.optim import OptimizerConfig
from memdyn.config.probes import SHIPPED, OwnProbe
from memdyn.registry import resolve

PAIRS = {
    "attacks": (AttackConfig, attacks),
    "data sets": (DatasetConfig, data),
    "models": (ModelConfig, models),
    "optimizers": (OptimizerConfig, optim),
}
PACKAGES = {name: package for name, (_, package) in PAIRS.items()} | {"probes": probes}
ENTRIES = [(package, name) for package in PACKAGES.values() for name in package.REGISTRY]


def classes(union) -> list[type[BaseModel]]:
    if get_origin(union) in (Annotated, Union) or not isinstance(union, type):
        return [found for part in get_args(union) for found in classes(part)]
    return [union] if issubclass(union, BaseModel) else []


@pytest.mark.parametrize(("union", "package"), PAIRS.values(), ids=PAIRS.keys())
def test_config_names_and_registry_are_equal(union, package):
    names = [name for section in classes(union) for name in get_args(section.model_fields["name"].annotation)]
    assert len(set(names)) == len(names)
    assert set(names) == set(package.REGISTRY)


def test_config_names_and_registry_of_probes_are_equal():
    names = [probe.model_fields["name"].default for probe in (*SHIPPED, OwnProbe)]
    assert set(names) == set(probes.REGISTRY)


@pytest.mark.parametrize(("package", "name"), ENTRIES, ids=[f"{package.__name__}:{name}" for package, name in ENTRIES])
def test_entries_lie_in_their_package_and_can_be_called(package, name):
    assert package.REGISTRY[name].startswith(f"{package.__name__}.")
    assert callable(resolve(package.REGISTRY, name))


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES.keys())
def test_a_registry_is_one_plain_assignment(package):
    """The code digest leaves out `REGISTRY = ...`; whatever else an `__init__` does would count for everybody."""
    statements = [line for line in inspect.getsource(package).split("\n") if line and line[0].isalpha()]
    assert [line.split(":")[0] for line in statements if line.startswith("REGISTRY")] == ["REGISTRY"]


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(KeyError, match="'c' is not registered; known: a, b"):
        resolve({"b": "x:y", "a": "x:y"}, "c")


def test_entries_are_imported_when_used():
    assert resolve({"a": "collections:OrderedDict"}, "a").__name__ == "OrderedDict"
    with pytest.raises(ModuleNotFoundError):
        resolve({"a": "no_such_module:x"}, "a")
