"""A synthetic run put through the counting pass, as the tests of the dynamics need it."""

import numpy as np
import pandas as pd

from dynamic_worlds import World
from memdyn.attacks.base import Attack
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.lira import LiRA
from memdyn.dynamics.observations import Observations
from memdyn.dynamics.population import population_tables
from memdyn.dynamics.stage import DynamicsOptions, observe_run
from memdyn.dynamics.states import samples_table
from memdyn.dynamics.trajectories import SampleOptions
from memdyn.dynamics.zones import ZoneBounds

LIRA = LiRA("online", "shrunken")
BOUNDS = ZoneBounds(hv_tpr=0.9, hv_fpr=0.1, vulnerable_advantage=0.5, test_level=0.05)
SAMPLE = SampleOptions(
    level=0.95,
    onset_level=0.05,
    d_prime_bound=1.0,
    stable_distance=0.2,
)


def one_class(world: World) -> np.ndarray:
    return np.zeros(max(rows.stop for rows in world.parts.values()), int)


def settings(fprs: tuple[float, ...] = (), groups: int = 16) -> Settings:
    return Settings(0.95, groups, 2, 0, (0.01,), fprs, 4)


def options(splits: int, jackknife_splits: int, spatial: bool) -> DynamicsOptions:
    return DynamicsOptions(splits, jackknife_splits, 10, 2.0, 4, 10 if spatial else 10**9, SAMPLE, BOUNDS)


def observed(
    world: World,
    *,
    attack: Attack = LIRA,
    fprs: tuple[float, ...] = (),
    groups: int = 16,
    splits: int = 4,
    jackknife_splits: int = 2,
    spatial: bool = False,
    labels: np.ndarray | None = None,
) -> Observations:
    """The counting pass; thresholds lr1 (where the attack has it) and `fprs`."""
    labels = one_class(world) if labels is None else labels
    return observe_run(world, attack, settings(fprs, groups), labels, options(splits, jackknife_splits, spatial))


def states(observations: Observations) -> pd.DataFrame:
    """The table of states; sample_id is the sample's place in the scored part."""
    n_samples = observations.t["scored"].shape[-1]
    return samples_table(observations, np.zeros(n_samples, int), np.arange(n_samples), BOUNDS, 0.95)


def curves(world: World, **how):
    """The population's curves of all samples."""
    labels = one_class(world)
    table = population_tables(observed(world, **how), labels, world.parts, BOUNDS, 0.95)["curves"]
    return table[table["samples"] == "all"].drop(columns="samples").reset_index(drop=True)
