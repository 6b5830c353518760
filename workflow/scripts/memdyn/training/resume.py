"""Progress of one model on disk, outside any declared output: what a killed job leaves for the next.

    <progress>/model-0003/epoch-0010.safetensors    checkpoints so far
    <progress>/model-0003/state.pt                  last finished epoch: weights, optimizer state, log (while training)
    <progress>/model-0003/log.json                  the finished model's log; with it the model is done. A model that
                                                    diverged is done as well: its last loss is not finite

A checkpoint is on disk before the state of its epoch, and the log is the last; when a block is scored, they go in the
opposite order. So whatever state and log say is there is there.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from memdyn.jobs.atomic import atomic_path, remove
from memdyn.store.checkpoints import checkpoint_file, save_checkpoint


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

    def save_state(self, network: nn.Module, optimizer: torch.optim.Optimizer, log: list[dict[str, Any]]) -> None:
        """After a finished epoch; `log` has a row for each epoch so far."""
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "log": log}
        with atomic_path(self._state, durable=False) as temporary:
            torch.save(state, temporary)

    def load_state(
        self, network: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device
    ) -> tuple[list[dict[str, Any]], str]:
        """Restores the last finished epoch.

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
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        return state["log"], f"resumed after epoch {len(state['log'])}"

    def finish(self, log: list[dict[str, Any]]) -> None:
        """Marks the model as done."""
        with atomic_path(self._log) as temporary:
            temporary.write_text(json.dumps(log))
        self._state.unlink(missing_ok=True)


def clear(root: Path) -> None:
    """Removes the progress of all models of a block."""
    for folder in sorted(root.glob("model-*")):
        for name in ("log.json", "state.pt"):
            (folder / name).unlink(missing_ok=True)
        remove(folder)
