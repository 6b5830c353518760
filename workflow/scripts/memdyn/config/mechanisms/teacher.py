"""The recipe that a mechanism's teachers are trained by."""

from typing import Any

from pydantic import ValidationError

from memdyn.config.base import Bool, merge
from memdyn.config.errors import ConfigError, problems

Teacher = Bool | dict[str, Any]


def teachers_of(recipe: Any, teacher: bool | dict[str, Any], name: str) -> tuple[Any, ...]:
    """The recipe (`TrainConfig`) without mechanisms, with changes; its last epoch is among its checkpoints.

    Args:
        teacher: false: there is none; true: without changes; or the changes.
        name: of the mechanism, for messages.

    Raises:
        ConfigError: for changes that make no recipe.
    """
    if teacher is False:
        return ()
    changes = {} if teacher is True else teacher
    raw = merge({**recipe.model_dump(), "mechanisms": {}}, changes)
    if isinstance(raw["checkpoints"], list) and isinstance(raw["epochs"], int):
        raw["checkpoints"] = [each for each in raw["checkpoints"] if each < raw["epochs"]] + [raw["epochs"]]
    try:
        return (type(recipe).model_validate(raw),)
    except ValidationError as error:
        raise ConfigError(problems(error, type(recipe), raw, f"mechanisms.{name}.teacher")) from None
