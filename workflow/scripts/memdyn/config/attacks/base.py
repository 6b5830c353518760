"""What the sections of all attacks share: a name, and a label."""

from typing import ClassVar

from memdyn.config.base import Strict


class AttackSection(Strict):
    """What the sections of all attacks share: a name, and a readable label.

    Attributes:
        gives_probability: whether its score stands for a probability, which is then held to the truth.
        costly: scoring takes long (it trains, or goes through a history), so that what attacks agree on scores it few
            times, and has no limits. It is said here since it changes no score: no folder of an attack tells it.
        of_some_samples: it is of the first scored samples alone, since what it reads is costly. So it has no plane, and
            is compared with attacks of the same samples only.
    """

    gives_probability: ClassVar[bool] = False
    costly: ClassVar[bool] = False
    of_some_samples: ClassVar[bool] = False

    @property
    def has_threshold(self) -> bool:
        """Whether it has one of its own, which tables call lr1: a likelihood ratio of 1, or its authors' rule."""
        return False

    @property
    def needs_shadow_models(self) -> bool:
        """Whether it is calibrated on other models than the attacked one."""
        return True

    @property
    def reads_population(self) -> bool:
        """Whether it compares with the pool's population part, which must not be empty then."""
        return False

    def label(self) -> str:
        """The attack's name and its options that differ from the default; unique per distinct set of options.

        Examples: "lira", "lira-offline", "lira-per-sample", "rmia-offline-a0.5".
        """
        parts = [self.name]
        for key, field in type(self).model_fields.items():
            value = getattr(self, key)
            if value != field.default:
                parts.append(value.replace("_", "-") if isinstance(value, str) else f"{key}{value!r}")
        return "-".join(parts)

    def alone(self) -> str | None:
        """Of an attack on the checkpoints so far: the label of the same on the last one alone, to compare it with."""
        return None
