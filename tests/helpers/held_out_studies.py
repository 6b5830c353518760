"""Made-up studies of what is realised on held-out targets: the stage's tables of worlds with a known truth."""

from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack, Prepared, build
from memdyn.attacks.realised import Settings, realised_tables
from memdyn.attacks.signals import Signals
from worlds import gaussian_world

SETTINGS = Settings(fprs=(0.001, 0.01, 0.1), priors=(0.01, 0.1, 0.5), fdr=0.1, checkpoints=1, groups=16, level=0.95)
LIRA, LOSS = {"name": "lira", "mode": "online", "variance": "shrunken"}, {"name": "loss"}


def run_of(world: Signals, epochs: Iterable[int] = (3,)) -> SimpleNamespace:
    """What the stage is given: the same world at each checkpoint."""
    parts = {"scored": slice(0, world.mask.shape[1])}
    return SimpleNamespace(
        epochs=list(epochs), parts=parts, prepared=lambda attack, part, epoch: Prepared.of(attack, world)
    )


def tables_of(
    attack: Attack, world: Signals, settings: Settings = SETTINGS, planted: np.ndarray | None = None
) -> dict[str, pd.DataFrame]:
    """Of one world; without planted samples where none are given."""
    none = np.zeros(world.mask.shape[1], dtype=bool)
    return realised_tables(attack, run_of(world), none if planted is None else planted, settings)


def study_tables(n_models: int = 16, n_samples: int = 200) -> dict[str, pd.DataFrame]:
    """Two runs, of which the second leaks more, and two attacks; a tenth of the samples is planted."""
    found: dict[str, list[pd.DataFrame]] = {}
    planted = np.arange(n_samples) < n_samples // 10
    for k, run in enumerate(("a", "b")):
        effect = np.random.default_rng(0).gamma(0.5, 1 + k, n_samples)
        for label, options in (("lira", LIRA), ("loss", LOSS)):
            world = gaussian_world(k, n_models, n_samples, effect)
            for name, table in tables_of(build(options), world, planted=planted).items():
                found.setdefault(name, []).append(table.assign(run=run, attack=label))
    runs = pd.DataFrame({"run": ["a", "b"], "status": "ok", "reason": ""})
    return {"runs": runs} | {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}
