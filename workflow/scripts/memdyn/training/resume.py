"""Progress of one model on disk, outside any declared output: what a killed job leaves for the next.

    <progress>/model-0003/epoch-0010.safetensors    checkpoints so far
    <progress>/model-0003/state.pt                  last finished epoch, as named parts: network, optimizer, mechanisms
                                                    and log (while training)
    <progress>/model-0003/log.json                  the finished model's log; with it the model is done. A model that
                                                    diverged is done as well: its last loss is not finite

A checkpoint is on disk before the state of its epoch, and the log is the last; when a block is scored, they go in the
opposite order. So whatever state and log say is there is there.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from memdyn.design.blocks import progress_folder
from memdyn.jobs.atomic import atomic_path, remove
from memdyn.jobs.lease import hold
from memdyn.store.checkpoints import checkpoint_file, save_checkpoint
from memdyn.training.parts import misfit


class Resumable(Protocol):
    """A training whose state is a dict of named parts."""

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class ModelProgress:
    """Progress of model `model` of a block in the folder `root`."""

    root: Path
    model: int

    @property
    def _state(self) -> Path:
        return self.root / f"model-{self.model:04d}" / "state.pt"

    @property
    def _log(self) -> Path:
        return self._state.with_name("log.json")

    def finished_log(self) -> list[dict[str, Any]] | None:
        """The log of a finished model, else None."""
        return json.loads(self._log.read_text()) if self._log.is_file() else None

    def save_checkpoint(self, network: nn.Module, epoch: int) -> None:
        save_checkpoint(network, checkpoint_file(self.root, self.model, epoch))

    def save_state(self, parts: Mapping[str, Any], log: list[dict[str, Any]]) -> None:
        """After a finished epoch.

        Args:
            parts: of the training, by name; `log` is one more.
            log: a row for each epoch so far.
        """
        with atomic_path(self._state, durable=False) as temporary:
            torch.save({**parts, "log": log}, temporary)

    def load_state(self, training: Resumable, device: torch.device) -> tuple[list[dict[str, Any]], str]:
        """Restores the last finished epoch; a state that cannot be used leaves the training as it is.

        Returns:
            the log so far (empty: train from the start) and what to tell the user about it.
        """
        if not self._state.is_file():
            return [], ""
        try:
            state = torch.load(self._state, map_location=device, weights_only=True)
        except Exception as error:
            # a kill cannot do this (the file is written aside and renamed), a power cut can; what torch then raises
            # depends on the bytes
            return [], f"its saved state is unreadable ({error}); training it from the start"
        odd = misfit(state, {**training.state(), "log": []})
        if odd:  # another release wrote it
            return [], f"its saved state does not fit ({odd}); training it from the start"
        training.restore(state)
        return state["log"], f"resumed after epoch {len(state['log'])}"

    def finish(self, log: list[dict[str, Any]]) -> None:
        """Marks the model as done."""
        with atomic_path(self._log) as temporary:
            temporary.write_text(json.dumps(log))
        self._state.unlink(missing_ok=True)


def tidy_up(run: Path, block: str, tell: Callable[[str], None]) -> None:
    """Removes what a killed job would have gone on from, once a block's training is published and first read.

    Args:
        run: the folder of the training.
    """
    progress = progress_folder(run, block)
    if progress.exists():
        with hold(progress, "tidying up", tell):
            clear(progress)


def clear(root: Path) -> None:
    """Removes the progress of all models of a block."""
    for folder in sorted(root.glob("model-*")):
        for name in ("log.json", "state.pt"):
            (folder / name).unlink(missing_ok=True)
        remove(folder)
