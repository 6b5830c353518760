"""The scripts of the jobs after scoring, run on small stand-ins in this process, as Snakemake would run them."""

import runpy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from memdyn.data.pool import Pool
from memdyn.identity.digest import SCRIPTS
from memdyn.operations.calibrate.stand_in import write_place, write_signals
from memdyn.plan.stage import Stage
from memdyn.tables import STAGES


class Named(dict[str, Any]):
    """What Snakemake gives a script: values in order, by their names or as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


@dataclass(frozen=True)
class Job:
    """What a script is given as `snakemake`."""

    input: Named
    output: Named
    params: Named
    log: tuple[str, ...]
    rule: str
    wildcards: Named = field(default_factory=Named)
    threads: int = 1


@dataclass(frozen=True)
class Piece:
    """How small: models, scored samples and checkpoints."""

    models: int
    samples: int
    epochs: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A folder with a small pool and its masks, where jobs find what they read."""

    folder: Path
    pool: Pool
    masks: np.ndarray

    @classmethod
    def at(cls, folder: Path, pool: Pool, models: int) -> "Place":
        folder.mkdir(parents=True)
        return cls(folder, pool, write_place(folder, pool, models))

    def signals(self, probe: str, like: dict[str, np.ndarray], rows: np.ndarray, epochs: Sequence[int]) -> str:
        """The file of a probe's signals.

        Args:
            probe: its path.
            like, rows: see `write_signals`.
        """
        path = self.folder / probe / f"epochs-{'-'.join(map(str, epochs))}.parquet"
        if not path.exists():
            write_signals(path, like, self.pool, rows, self.masks, epochs)
        return str(path)

    def job(self, stage: Stage, piece: Piece, read: dict[str, str], output: Path) -> Job:
        """A job of a stage on this place.

        Args:
            read: what it reads -> file of signals.
            output: folder of what it writes.
        """
        options = stage.options | {"models": piece.models, "epochs": list(piece.epochs)}
        pool = next(_ancestors(stage)).params()
        given = {name: [file] for name, file in read.items()}
        masks = sorted(map(str, self.folder.glob("masks/*.npz")))
        return Job(
            Named({"pool": str(self.folder / "pool.arrow"), "masks": masks, **given}),
            Named({name: str(output / f"{name}.parquet") for name in STAGES[stage.kind.name]}),
            Named({"stage": stage.params() | {"options": options}, "pool": pool, "seed": 0}),
            (str(output / "job.log"),),
            Path(stage.roots[0]).stem,
        )


def _ancestors(stage: Stage) -> Any:
    """From the pool on."""
    chain = [stage]
    while chain[-1].parent:
        chain.append(chain[-1].parent)
    return reversed(chain)


def run(stage: Stage, job: Job) -> None:
    """The stage's script."""
    runpy.run_path(str(SCRIPTS / stage.roots[0]), init_globals={"snakemake": job}, run_name="__main__")
