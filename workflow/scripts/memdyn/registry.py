"""Lazy registries: plain dicts `name -> "module:attribute"`, imported only when an entry is used.

A registry is a module-level dict called `REGISTRY`. The code digest (`memdyn.identity.digest`) leaves
that assignment out and covers the modules of the entries that a recipe names instead, so that adding an
entry changes the identity of nobody's finished work.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def resolve(registry: Mapping[str, str], name: str) -> Any:
    """The object that `registry[name]` points to.

    Raises:
        KeyError: for an unknown name, listing the known ones.
    """
    if name not in registry:
        raise KeyError(f"{name!r} is not registered; known: {', '.join(sorted(registry))}")
    module, _, attribute = registry[name].partition(":")
    return getattr(import_module(module), attribute)
