"""Teachers: the finished models that a mechanism lets a student learn from, one for each student."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from memdyn.data.pool import Pool
from memdyn.models.build import build_model
from memdyn.models.layout import layout_of
from memdyn.store.checkpoints import checkpoint_file, load_checkpoint
from memdyn.store.logs import failed_models


@dataclass(frozen=True)
class TeacherCheckpoints:
    """A trained block, whose models teach those of the same numbers.

    Attributes:
        mechanism: the name of the student's mechanism that asks for it.
        recipe: the teacher's own, resolved.
        checkpoints: folder of the block's weights; beside it lies `log.parquet`.
        epoch: of the weights that teach.
    """

    mechanism: str
    recipe: Mapping[str, Any]
    checkpoints: Path
    epoch: int

    @cached_property
    def _failed(self) -> dict[int, int]:
        return failed_models(pd.read_parquet(self.checkpoints.with_name("log.parquet")))

    def failed(self, model: int) -> bool:
        """Whether the teacher's model diverged, so that there is nothing to learn from."""
        return model in self._failed

    def network(self, model: int, pool: Pool, device: torch.device) -> nn.Module:
        """The teacher of one model: trained, in eval mode, without gradients.

        Raises:
            FileNotFoundError: where its weights are gone.
        """
        network = build_model(self.recipe["model"], pool.images.shape[1:], len(pool.class_names))
        network.load_state_dict(load_checkpoint(checkpoint_file(self.checkpoints, model, self.epoch)))
        network.to(device, memory_format=layout_of(network))
        return network.requires_grad_(False).eval()


def teachers_of(planned: Sequence[Mapping[str, Any]], folders: Sequence[str]) -> tuple[TeacherCheckpoints, ...]:
    """The teachers of a job.

    Args:
        planned: `mechanism` and `options` (the resolved recipe) of each teacher.
        folders: of their checkpoints, in the same order; a single one may come by itself.
    """
    places = [folders] if isinstance(folders, str) else folders
    return tuple(
        TeacherCheckpoints(teacher["mechanism"], teacher["options"], Path(place), teacher["options"]["epochs"])
        for teacher, place in zip(planned, places, strict=True)
    )
