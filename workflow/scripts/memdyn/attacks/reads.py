"""What an attack asks for: asked of it before any job, so this needs nothing else of the package."""

from dataclasses import dataclass

FEATURES = "features"
"""What is known of a sample without any model: no probe gives it, and it has no axis of models."""


@dataclass(frozen=True)
class Reads:
    """One signal that an attack reads.

    Attributes:
        signal: its name: "margin", "entropy", "logits", ...; or `FEATURES`, which is `Values.features`.
        views: of each view of a sample (shifted, flipped, ...), not of the sample as it is alone.
        history: at each checkpoint up to the one that is attacked, not at that one alone.
        of: not of the attacked model, but of the model of its number in each of the other runs of this kind, which the
            attack's section of the config asks for (`memdyn.config.attacks.base.AttackSection.others`).
    """

    signal: str
    views: bool = False
    history: bool = False
    of: str = ""

    @property
    def of_samples(self) -> bool:
        """Whether it is read off the samples of the pool, and off no network."""
        return self.signal == FEATURES

    @property
    def source(self) -> str:
        """The signal's name in score files; a probe writes the margins of views as `margin_views`."""
        return f"{self.signal}_views" if self.views else self.signal

    @property
    def name(self) -> str:
        """The name of its array in `memdyn.attacks.signals.Signals`: margin, margin_views, margin_history, ..."""
        return "_".join(filter(None, (self.source, "history" * self.history, self.of)))
