"""Which weights are still to be read, and which are to be trained again because somebody new reads them.

Weights go once all have read them: probes, and students of a teacher. One more reader trains its block anew, to the
same bits, and nothing else: what is finished is not made again of weights that it has read already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from memdyn.design.blocks import models_of
from memdyn.plan.files import CHECKPOINTS
from memdyn.plan.stage import TRAIN, Stage
from memdyn.plan.study import StudyPlan


@dataclass(frozen=True)
class Reader:
    """What reads the weights of a training: a probe, or the training of a student.

    Attributes:
        folder: below the results.
        product: its file of a block that it has read, in the block's folder.
        models: it reads the first so many.
    """

    folder: str
    product: str
    models: int

    def __post_init__(self) -> None:
        if not (isinstance(self.folder, str) and isinstance(self.product, str) and isinstance(self.models, int)):
            raise TypeError(f"{self} is no reader of weights")


@dataclass(frozen=True)
class Readers:
    """Of the weights of a study, by the folders of the trainings, below the results."""

    results: Path
    of: Mapping[str, Sequence[Reader]]

    @classmethod
    def of_plan(cls, plan: StudyPlan) -> "Readers":
        all_models = plan.study.config.shadow_models

        def reader(stage: Stage) -> Reader:
            return Reader(stage.path, stage.kind.product, min(stage.models or all_models, all_models))

        found = {train: [reader(stage) for stage in stages] for train, stages in plan.all_readers.items()}
        return cls(Path(plan.results), found)

    def plain(self) -> dict[str, list[dict[str, Any]]]:
        """As a note holds them."""
        return {train: [asdict(reader) for reader in readers] for train, readers in self.of.items()}

    def unread(self, train: str, block: str) -> list[str]:
        """What has still to read a block's weights: folders of probes that are missing, of students to be trained."""
        return [reader.folder for reader in self.of.get(train, ()) if self._is_to_read(reader, block)]

    def _is_to_read(self, reader: Reader, block: str) -> bool:
        if models_of(block).start >= reader.models:
            return False
        if reader.product == TRAIN.product:
            return self.is_to_be_trained(reader.folder, block)
        return not Path(self.results, reader.folder, block, reader.product).exists()

    def is_to_be_trained(self, train: str, block: str) -> bool:
        """Whether a block was never trained to its end, or has lost weights that somebody has still to read."""
        trained = self.results / train / block
        if not (trained / TRAIN.product).exists():
            return True
        return not (trained / CHECKPOINTS).exists() and bool(self.unread(train, block))
