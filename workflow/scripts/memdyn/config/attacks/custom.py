"""An attack of the user's own."""

import json
import re
from hashlib import sha256
from typing import Any, Literal

from pydantic import Field

from memdyn.config.attacks.base import AttackSection
from memdyn.config.paths import Target, name_of_target


class CustomAttack(AttackSection):
    """A user's own attack."""

    name: Literal["custom"] = Field("custom", description="your own attack, from a Python file")
    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="`path/to/file.py:Name`; Name(**options) must be a `memdyn.attacks.base.Attack`",
    )
    options: dict[str, Any] = Field({}, description="keyword arguments of Name")
    called: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][\w.-]*$",
        max_length=40,
        description="its label in tables and figures; none: Name and the options",
    )

    def label(self) -> str:
        """As it is called, or Name and its options, with a hash where a label cannot hold them.

        Examples: "Mean", "Mean-k3-mode-top", "Mean-1f0c2a".
        """
        if self.called:
            return self.called
        name = name_of_target(self.target)
        parts = [f"{key}{value}" for key, value in self.options.items()]
        plain = all(isinstance(value, str | int | float) for value in self.options.values())
        text = "-".join([name, *parts])
        if plain and len(text) <= 40 and re.fullmatch(r"[\w.-]+", text):
            return text
        return f"{name}-{sha256(json.dumps(self.options, sort_keys=True).encode()).hexdigest()[:6]}"
