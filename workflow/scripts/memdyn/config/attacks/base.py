"""What the sections of all attacks share: a name, and a label."""

from typing import Any, ClassVar

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

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the hidden runs, KIND.NUMBER, whose outputs it reads beside those of the attacked run.

        Each is planned with its run (`other`), counted in cost and progress, and not reported. What is read of them its
        class says: `Reads("margin", of=KIND)`.
        """
        return ()

    def other(self, name: str, recipe: Any) -> Any:
        """The recipe (`TrainConfig`) of one of `others`, for a run of `recipe`; it saves the last epoch alone."""
        raise KeyError(name)

    def misfit(self, recipe: Any, parts: Any) -> str:
        """What of a run's recipe and of the parts of its pool it does not go with, and what is allowed; else empty."""
        return ""

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
