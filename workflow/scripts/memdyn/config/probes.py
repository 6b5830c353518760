"""Probes: what is read off the networks themselves, and the options of each.

A study does not list probes: attacks and analyses say which signals they read, and the plan adds the probes that give
them. Each probe has a folder of its own below the run's, so that one more leaves the others as they are.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from memdyn.config.base import Bool, Float, Neutral, Strict, no_repeats
from memdyn.config.paths import Target
from memdyn.terms import SCORED_PARTS, early_checkpoint

Epoch = Annotated[int, Field(ge=0)]
Epochs = Literal["all", "last", "early"] | Annotated[list[Epoch], Field(min_length=1)]
Part = Literal[SCORED_PARTS]


class _Probe(Strict):
    """What all probes share."""

    gives: ClassVar[tuple[str, ...]] = ()  # the signals that it writes
    images_only: ClassVar[bool] = False  # whether it makes sense of pixels alone
    of_parts: ClassVar[tuple[str, ...]] = SCORED_PARTS
    of_answers: ClassVar[bool] = False  # of what a queried model answers, behind its output rules; else of its weights

    def forwards(self) -> int | None:
        """Passes forward of each sample at each checkpoint; None where its time is made of other things too."""
        return None

    @property
    def pool_parts(self) -> tuple[str, ...]:
        """Parts of the pool whose samples it is taken of, in the pool's order."""
        return self.of_parts

    def resolved_epochs(self, checkpoints: Sequence[int], early: float) -> list[int]:
        """The checkpoints that it is taken at, of a run that has these.

        Args:
            early: share of the epochs, for what is taken early in training.
        """
        return resolved_epochs(getattr(self, "epochs", "all"), checkpoints, early)


def resolved_epochs(epochs: str | Sequence[int], checkpoints: Sequence[int], early: float) -> list[int]:
    """Checkpoints of a run, in words or as they are."""
    match epochs:
        case "all":
            return list(checkpoints)
        case "last":
            return [checkpoints[-1]]
        case "early":
            return [early_checkpoint(checkpoints, early)]
    return list(epochs)


class OutputsProbe(_Probe):
    """What attacks and dynamics live on: five numbers of each logit vector, at every checkpoint."""

    of_answers = True
    gives = ("margin", "gap", "entropy", "modified_entropy", "el2n")
    name: Literal["outputs"] = Field("outputs", description="margin, gap, entropies and EL2N")


class LogitsProbe(_Probe):
    """The logits themselves."""

    of_answers = True
    gives = ("logits",)
    name: Literal["logits"] = Field("logits", description="all logits")
    dtype: Literal["float32", "float16"] = Field("float32", description="float16: half the disk, three digits.")
    epochs: Epochs = Field("all", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")

    def forwards(self) -> int:
        return 1


class ViewsProbe(_Probe):
    """Margin and gap of several views of each image: as it is, mirrored, moved by a few pixels, and turned."""

    of_answers = True
    gives = ("margin_views", "gap_views")
    images_only = True
    name: Literal["views"] = Field("views", description="answers to augmented queries")
    flip: bool = Field(True, description="The mirrored image too, of every shift.")
    shift: int = Field(0, ge=0, le=16, description="Pixels of the moves left, right, up and down; 0: none.")
    rotation: Annotated[Float, Neutral(0)] = Field(
        0, ge=0, le=180, description="Degrees of the turns to the left and to the right; 0: none."
    )
    epochs: Epochs = Field("all", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")

    def forwards(self) -> int:
        """One a view."""
        return (1 + 4 * (self.shift > 0) + 2 * (self.rotation > 0)) * (2 if self.flip else 1)


class EmbeddingProbe(_Probe):
    """Norms of what a network's classifier reads, of weights that are at hand."""

    gives = ("embedding_norms",)
    name: Literal["embedding"] = Field("embedding", description="norms of the last layer's input")
    epochs: Epochs = Field("all", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")

    def forwards(self) -> int:
        return 1


class GradientNormProbe(_Probe):
    """Norm of each sample's own gradient (Paul et al. 2021), of all samples: GraNd for attacks."""

    gives = ("gradient_norm",)
    name: Literal["gradient_norm"] = Field("gradient_norm", description="norm of each sample's own gradient")
    epochs: Epochs = Field("all", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")


class AdversarialDistanceProbe(_Probe):
    """Distance of samples to misclassification, L2, found with the weights (docs/distance.md)."""

    gives = ("adversarial_distance",)
    of_parts = ("scored",)
    name: Literal["adversarial_distance"] = Field(
        "adversarial_distance", description="distance to misclassification, by the weights"
    )
    samples: int = Field(
        1000, ge=20, description="At most so many: the first of the scored part, which lies in random order."
    )
    epochs: Epochs = Field("last", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")


class BoundaryDistanceProbe(_Probe):
    """Distance of samples to another label, L2, found by labels alone (HopSkipJump, Chen et al. 2020)."""

    of_answers = True
    gives = ("boundary_distance",)
    of_parts = ("scored",)
    name: Literal["boundary_distance"] = Field(
        "boundary_distance", description="distance to another label, by labels alone"
    )
    query_budget: int = Field(
        1000, ge=100, le=1_000_000, description="Labels that are asked for a sample at a checkpoint, at most."
    )
    samples: int = Field(
        1000, ge=20, description="At most so many: the first of the scored part, which lies in random order."
    )
    epochs: Epochs = Field("last", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")


class GrandProbe(_Probe):
    """Norm of each sample's own gradient (Paul et al. 2021)."""

    gives = ("grand",)
    of_parts = ("scored",)
    name: Literal["grand"] = Field("grand", description="norm of each sample's own gradient")
    epochs: Epochs = "early"


class DepthProbe(_Probe):
    """Block from which on a net's prediction is settled (Baldock et al. 2021)."""

    gives = ("prediction_depth",)
    of_parts = ("scored",)
    name: Literal["prediction_depth"] = Field("prediction_depth", description="where a prediction is settled")
    neighbours: int = Field(30, ge=1)
    epochs: Epochs = "last"


class LevelDistanceProbe(_Probe):
    """Signed distance of samples to levels of the margin: how far, and to which side, confidence lies."""

    gives = ("level_distance_l2", "level_distance_linf", "level_excess")
    of_parts = ("scored",)
    name: Literal["level_distance"] = Field("level_distance", description="signed distance to levels of confidence")
    samples: int = Field(ge=1, description="The first so many of the scored part, which lies in random order.")
    models: int | None = Field(description="The first so many; null: all.")
    known: int
    levels: list[str]
    norms: list[str]
    epochs: Epochs


class MarginGradientProbe(_Probe):
    """Norms of the margin's gradient with respect to the input, and the margin."""

    gives = ("margin_gradient_l2", "margin_gradient_l1", "margin_of_weights")
    of_parts = ("scored",)
    name: Literal["margin_gradient"] = Field("margin_gradient", description="slope of the margin in the input")
    epochs: Epochs = "all"


class InputCurvatureProbe(_Probe):
    """Trace of the loss's Hessian with respect to the input (Hutchinson 1990)."""

    gives = ("input_curvature",)
    of_parts = ("scored",)
    name: Literal["input_curvature"] = Field("input_curvature", description="curvature of the loss in the input")
    samples: int = Field(ge=1, description="The first so many of the scored part, which lies in random order.")
    models: int | None = Field(description="The first so many; null: all.")
    draws: int = Field(ge=1)
    epochs: Epochs


class OwnProbe(_Probe):
    """A user's own: `Name(network, samples, members, batch, **options) -> Tensor` [n, ...], the signal of its key."""

    name: Literal["custom"] = Field("custom", description="A probe of your own.")
    target: Target = Field(
        pattern=r"^.+\.py:[A-Za-z_]\w*$",
        description="path/to/file.py:Name; Name(network, samples, members, batch, **options) returns [n, ...].",
    )
    options: dict[str, Any] = Field(default_factory=dict, description="Keyword arguments of Name.")
    parts: list[Part] = Field(
        default=list(SCORED_PARTS), min_length=1, description="Parts of the pool whose samples it is taken of."
    )
    epochs: Epochs = Field("last", description="Checkpoints: all, last, early (see analysis.early_epoch), or a list.")
    queries: Annotated[Bool, Neutral(False)] = Field(
        False,
        description="true: its `network` answers as a queried model does, behind the output rules of the run's "
        "mechanisms; false: it is the trained network itself",
    )
    harder: Literal["larger", "smaller"] | None = Field(
        default=None, description="For difficulty.measures: are samples with a larger or with a smaller value harder?"
    )

    _differ = field_validator("parts")(no_repeats)

    @property
    def of_answers(self) -> bool:
        return self.queries

    @property
    def pool_parts(self) -> tuple[str, ...]:
        return tuple(part for part in SCORED_PARTS if part in self.parts)


class ProbesConfig(Strict):
    """Options of probes; whether one is taken follows from what attacks and analyses read."""

    logits: LogitsProbe = Field(default_factory=LogitsProbe, description="The logits, where an attack reads them.")
    views: ViewsProbe = Field(default_factory=ViewsProbe, description="Augmented queries, where an attack reads them.")
    embedding: EmbeddingProbe = Field(
        default_factory=EmbeddingProbe, description="Norms of embeddings, where an attack reads them."
    )
    gradient_norm: GradientNormProbe = Field(
        default_factory=GradientNormProbe, description="Norms of gradients, where an attack reads them."
    )
    adversarial_distance: AdversarialDistanceProbe = Field(
        default_factory=AdversarialDistanceProbe, description="Distances by the weights, where an attack reads them."
    )
    boundary_distance: BoundaryDistanceProbe = Field(
        default_factory=BoundaryDistanceProbe, description="Distances by labels, where an attack reads them."
    )
    own: dict[str, OwnProbe] = Field(default_factory=dict, description="Your own probes, by the name of their signal.")

    def for_attacks(self) -> dict[str, _Probe]:
        """Those that attacks may read besides the outputs, by name."""
        shipped = {name: getattr(self, name) for name in type(self).model_fields if name != "own"}
        return shipped | self.own

    @field_validator("own")
    @classmethod
    def _new_names(cls, value: dict[str, OwnProbe]) -> dict[str, OwnProbe]:
        taken = {name for probe in SHIPPED for name in (*probe.gives, probe.model_fields["name"].default)}
        for name in value:
            if not name.isidentifier():
                raise ValueError(f"{name!r} must be a name of letters, digits and _")
            if name in taken:
                raise ValueError(f"{name!r} is a signal of memdyn's; choose another name")
        return value


SHIPPED = (
    OutputsProbe,
    LogitsProbe,
    ViewsProbe,
    EmbeddingProbe,
    GradientNormProbe,
    AdversarialDistanceProbe,
    BoundaryDistanceProbe,
    GrandProbe,
    DepthProbe,
    LevelDistanceProbe,
    MarginGradientProbe,
    InputCurvatureProbe,
)


class DifficultyConfig(Strict):
    """Measures of difficulty that need gradients or activations: an extra pass over the models of every run."""

    measures: list[str] = Field(
        default=[],
        description="Which are taken: grand (Paul et al. 2021), prediction_depth (Baldock et al. 2021), and names of "
        "`probes.own`; none: no extra pass.",
    )
    grand_epoch: Epoch | None = Field(
        default=None, description="Checkpoint of GraNd; `null`: that of EL2N, see `analysis.early_epoch`."
    )
    depth_epoch: Epoch | None = Field(default=None, description="Checkpoint of prediction depth; `null`: the last.")
    neighbours: int = Field(
        default=30, ge=1, description="Members that vote in a probe of prediction depth: the nearest k."
    )

    _differ = field_validator("measures")(no_repeats)

    def probes(self, own: dict[str, OwnProbe]) -> dict[str, _Probe]:
        """The probes of the measures, by name, in alphabetical order.

        Args:
            own: a study's own probes.
        """
        grand = GrandProbe() if self.grand_epoch is None else GrandProbe(epochs=[self.grand_epoch])
        depth = DepthProbe(neighbours=self.neighbours)
        if self.depth_epoch is not None:
            depth = DepthProbe(neighbours=self.neighbours, epochs=[self.depth_epoch])
        known: dict[str, _Probe] = {"grand": grand, "prediction_depth": depth, **own}
        return {name: known[name] for name in sorted(self.measures)}

    def misfits(self, run: str, checkpoints: list[int], members: int) -> Iterator[str]:
        """What does not fit a run whose models have so many members: `key = value: reason; allowed: ...`."""
        for measure, key in (("grand", "grand_epoch"), ("prediction_depth", "depth_epoch")):
            epoch = getattr(self, key)
            if measure in self.measures and epoch is not None and epoch not in checkpoints:
                allowed = ", ".join(map(str, checkpoints))
                yield f"difficulty.{key} = {epoch}: run {run!r} has no such checkpoint; allowed: {allowed}"
        if "prediction_depth" in self.measures and self.neighbours >= members:
            yield (
                f"difficulty.neighbours = {self.neighbours}: a model of run {run!r} has {members} members (half of "
                f"pool.parts.scored), and none votes on itself; allowed: at most {members - 1}"
            )
