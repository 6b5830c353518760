"""What every typed piece of the configuration shares.

Torch-free, as all of `memdyn.config`: the Snakefile imports it, on the login node and in every job.
"""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Strict(BaseModel):
    """A section of the config: unknown keys and wrong types are errors, values cannot be changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True)
class Neutral:
    """Marks a key that was added after a release: `value` is what older releases did.

    While the key has this value it is left out of the hash, so that finished work keeps its name.
    Never change the value of a released key.
    """

    value: Any


@dataclass(frozen=True)
class Hashed:
    """Marks a key of which a part enters the hash: `part(value)`; None: nothing of it."""

    part: Callable[[Any], Any] | None


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` with `changes` laid over it; a section with another `name` replaces the base's section."""
    merged = deepcopy(base)
    for key, value in changes.items():
        old = merged.get(key)
        same_kind = (
            isinstance(old, dict) and isinstance(value, dict) and value.get("name", old.get("name")) == old.get("name")
        )
        merged[key] = merge(old, value) if same_kind else deepcopy(value)
    return merged


def no_repeats(value: list) -> list:
    """For `field_validator`: refuses a list with equal entries."""
    if len(set(value)) < len(value):
        raise ValueError(f"entries must differ, got {value}")
    return value


def _numeric_string(value: Any) -> Any:
    """YAML 1.1 reads `1e-3` as a string; everybody who writes it means the number."""
    if isinstance(value, str):
        with suppress(ValueError):
            number = float(value)
            return number if isfinite(number) else value
    return value


def _truth_value(value: Any) -> Any:
    """`snakemake --config key=true` hands over a string."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Bool = Annotated[bool, BeforeValidator(_truth_value)]
Float = Annotated[float, BeforeValidator(_numeric_string)]
Fraction = Annotated[Float, Field(gt=0, lt=1)]
