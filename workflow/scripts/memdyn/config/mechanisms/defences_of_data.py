"""Defences that learn from other models, or from samples that are no members."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from memdyn.config.base import Float, Hashed
from memdyn.config.mechanisms.base import MechanismConfig, short
from memdyn.config.mechanisms.teacher import Teacher, teachers_of

Positive = Annotated[Float, Field(gt=0, allow_inf_nan=False)]


class _ReadsReserved(MechanismConfig):
    """A mechanism with a use for samples that are neither members nor scored."""

    def part(self) -> str:
        return "spare"


class Mmd(_ReadsReserved):
    """MMD (Li, Li & Ribeiro, CODASPY 2021): members' outputs are made like those of reserved samples."""

    claims: ClassVar[frozenset[str]] = frozenset()
    mixes_samples: ClassVar[bool] = True  # its steps are beside the epoch's, and of pairs of members
    reads_labels: ClassVar[bool] = True

    name: Literal["mmd"] = Field(description="MMD regularization (Li et al. 2021); the authors' has `mixup` before it")
    weight: Positive = Field(3.0, description="lambda, of the squared discrepancy")
    gap: Annotated[Float, Field(ge=0, le=1)] = Field(
        0.03, description="the pass is made after epochs in which the accuracy on members is ahead by this or more"
    )
    batch_size: Annotated[int, Field(ge=2)] = Field(
        64, description="members a step of the pass; as many reserved samples of the same classes go with them"
    )

    def cost(self) -> float:
        return 3.5  # where a pass follows every epoch

    def label(self) -> str:
        return f"mmd{short(self.weight)}" + (f"g{short(self.gap)}" if self.gap != 0.03 else "")


class AdvReg(_ReadsReserved):
    """Adversarial regularization (Nasr et al., CCS 2018): the net learns against a classifier of members."""

    claims: ClassVar[frozenset[str]] = frozenset()
    mixes_samples: ClassVar[bool] = True  # by the classifier
    reads_labels: ClassVar[bool] = True

    name: Literal["adv_reg"] = Field(description="adversarial regularization (Nasr et al. 2018)")
    weight: Positive = Field(description="lambda, of the classifier's gain")
    steps: Annotated[int, Field(ge=1, le=100)] = Field(1, description="of the classifier, for each of the net")
    lr: Positive = Field(1e-3, description="learning rate of the classifier's Adam")
    width: Annotated[int, Field(ge=1, le=4096)] = Field(64, description="of the classifier's layers")

    def cost(self) -> float:
        return 1 + 1.4 * self.steps

    def label(self) -> str:
        return f"advreg{short(self.weight)}"


class Past(_ReadsReserved):
    """PAST (Hu et al. 2024): in a second phase, an L1 penalty in proportion to each weight's privacy sensitivity."""

    claims: ClassVar[frozenset[str]] = frozenset()
    mixes_samples: ClassVar[bool] = True  # by the sensitivity
    reads_labels: ClassVar[bool] = True

    name: Literal["past"] = Field(description="privacy-aware sparsity tuning (Hu et al. 2024)")
    weight: Positive = Field(description="of the L1 penalty, whose mean factor is 1 in each module")
    start: Annotated[Float, Field(gt=0, lt=1)] = Field(0.5, description="share of the epochs without the penalty")

    def cost(self) -> float:
        return 1.45

    def label(self) -> str:
        return f"past{short(self.weight)}" + (f"s{short(self.start)}" if self.start != 0.5 else "")


class Dmp(_ReadsReserved):
    """DMP (Shejwalkar & Houmansadr, AAAI 2021): learns a teacher's outputs for the reserved part, and no member."""

    claims: ClassVar[frozenset[str]] = frozenset({"data", "labels"})
    mixes_samples: ClassVar[bool] = True  # by the teacher
    makes_targets: ClassVar[bool] = True

    name: Literal["dmp"] = Field(description="distillation for membership privacy (Shejwalkar & Houmansadr 2021)")
    temperature: Positive = Field(1.0, description="of the teacher's outputs")
    teacher: Teacher = Field(
        True,
        description="true: the finished model of the same recipe without mechanisms; changes to that recipe, such as "
        "`epochs: 50`: that of the changed one",
    )

    def cost(self) -> float:
        return 1.15

    def label(self) -> str:
        return f"dmp{short(self.temperature)}"

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        return teachers_of(recipe, self.teacher, self.name)

    def misfit(self, recipe: Any, members: int = 0) -> str:
        return "teacher = false: it has nobody to learn from; allowed: true, or changes" if not self.teacher else ""


class Selena(MechanismConfig):
    """SELENA (Tang et al., USENIX Security 2022): a student of sub-models, each asked of what it did not train on."""

    claims: ClassVar[frozenset[str]] = frozenset({"labels"})
    mixes_samples: ClassVar[bool] = True  # by the sub-models
    makes_targets: ClassVar[bool] = True

    name: Literal["selena"] = Field(description="SELENA (Tang et al. 2022): sub-models are hidden runs")
    sub_models: Annotated[int, Field(ge=2, le=100)] = Field(25, description="K, trained for each model")
    left_out: Annotated[int, Field(ge=1, le=99)] = Field(10, description="L, of which each sample is left out; below K")
    fold: Annotated[int, Field(ge=0, le=99)] | None = Field(None, description="null: the student; else a sub-model")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.left_out >= self.sub_models:
            raise ValueError(f"left_out: must be below sub_models = {self.sub_models}, got {self.left_out}")
        if self.fold is not None and self.fold >= self.sub_models:
            raise ValueError(f"fold: must be below sub_models = {self.sub_models}, got {self.fold}")
        return self

    def cost(self) -> float:
        return 1.15

    def label(self) -> str:
        return f"selena{self.sub_models}-{self.left_out}" + ("" if self.fold is None else f"f{self.fold}")

    def share_of_members(self) -> float:
        return 1.0 if self.fold is None else 1 - self.left_out / self.sub_models

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        if self.fold is not None:
            return ()
        options = {"sub_models": self.sub_models, "left_out": self.left_out}
        folds = [{"mechanisms": {self.name: {**options, "fold": fold}}} for fold in range(self.sub_models)]
        return tuple(teacher for fold in folds for teacher in teachers_of(recipe, fold, self.name))


class Student(_ReadsReserved):
    """A student of the run, to attack it (Ye et al., CCS 2022): what the attack `ye_distilled` has trained."""

    claims: ClassVar[frozenset[str]] = frozenset({"data", "labels"})
    mixes_samples: ClassVar[bool] = True  # by the teacher
    makes_targets: ClassVar[bool] = True

    name: Literal["student"] = Field(
        description="no defence: a student of a run, to attack it (Ye et al. 2022), as `ye_distilled` plans for itself"
    )
    number: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="which student: each has initial weights, and a half of the reserved samples, of its own"
    )
    # of both the recipe's hash tells already, without where a user's own files lie
    model: Annotated[dict[str, Any] | None, Hashed(None)] = Field(
        None, description="leave it out: that of the recipe is filled in"
    )
    teacher: Annotated[Teacher, Hashed(bool)] = Field(
        True,
        description="true: the finished model of the same recipe without mechanisms; changes to that recipe, such as "
        "`epochs: 50`: that of the changed one",
    )

    def cost(self) -> float:
        return 1.15

    def label(self) -> str:
        return f"student{self.number}"

    def adapted(self, recipe: Any) -> Any:
        """With the net's options at hand, of which it draws initial weights."""
        model = recipe.model.model_dump()
        if self.model == model:
            return recipe
        own = self.model_copy(update={"model": model})
        return recipe.model_copy(update={"mechanisms": [own if each is self else each for each in recipe.mechanisms]})

    def teachers(self, recipe: Any) -> tuple[Any, ...]:
        return teachers_of(recipe, self.teacher, self.name)

    def misfit(self, recipe: Any, members: int = 0) -> str:
        return "teacher = false: it has nobody to learn from; allowed: true, or changes" if not self.teacher else ""


RELEASED: tuple[type[MechanismConfig], ...] = (Mmd, AdvReg, Past, Dmp, Selena, Student)
