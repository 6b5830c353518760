"""The dynamics of one run under one attack: one pass over the scores, then all tables of samples and population."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.attacks.base import Attack
from memdyn.attacks.evaluate import Settings
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.design_effect import SPLITS
from memdyn.dynamics.observations import Observations, observe, plan_design
from memdyn.dynamics.population import population_tables
from memdyn.dynamics.spatial import NO_SAMPLES, spatial_samples
from memdyn.dynamics.splits import Splits
from memdyn.dynamics.trajectories import SampleOptions, summary_table
from memdyn.dynamics.zones import ZoneBounds
from memdyn.terms import MASKED_PARTS


@dataclass(frozen=True)
class DynamicsOptions:
    """How a run's dynamics are computed.

    Attributes:
        splits: random splits of the pairs into halves, over which noise-corrected figures are averaged.
        jackknife_splits: of these in the jackknife; costs more than all the rest per split.
        grid: G of the spatial entropy's G x G grid.
        entropy_base: of its logarithm.
        most_blocks: blocks of samples that the spatial figures are means over.
        smallest_block: classes with fewer sham samples have no spatial figures.
        sample: see `SampleOptions`.
        bounds: of the zones.
    """

    splits: int
    jackknife_splits: int
    grid: int
    entropy_base: float
    most_blocks: int
    smallest_block: int
    sample: SampleOptions
    bounds: ZoneBounds


def observe_run(
    scores: ShadowScores, attack: Attack, settings: Settings, labels: np.ndarray, options: DynamicsOptions
) -> Observations:
    """The counting pass, over all samples and each class; arguments as `dynamics_tables`."""
    splits = Splits.of_pairs(scores.pairs, max(options.splits, SPLITS), settings.groups, settings.seed)
    design = plan_design(attack, scores.pairs, settings.groups, splits, options.splits, options.jackknife_splits)
    classes = np.unique(labels[scores.parts["scored"]])
    scored, sham = (_rows(labels[scores.parts[part]], classes) for part in MASKED_PARTS)
    blocks = spatial_samples(
        scored, sham, options.grid, options.entropy_base, options.most_blocks, options.smallest_block, settings.seed
    )
    return observe(scores, attack, settings, design, blocks)


def observe_states(scores: ShadowScores, attack: Attack, settings: Settings) -> Observations:
    """The counting pass for what needs states and their errors only: no noise-corrected and no spatial figures."""
    splits = Splits.where_possible(scores.pairs, SPLITS, settings.groups, settings.seed)
    design = plan_design(attack, scores.pairs, settings.groups, splits)
    return observe(scores, attack, settings, design, dict.fromkeys(MASKED_PARTS, NO_SAMPLES))


def dynamics_tables(
    scores: ShadowScores, attack: Attack, settings: Settings, labels: np.ndarray, options: DynamicsOptions
) -> dict[str, pd.DataFrame]:
    """All tables of one attack: the summary (of samples), curves and transitions (of the population).

    Args:
        scores: of the run.
        attack: from `memdyn.attacks.base.build`.
        settings: level, groups of the jackknife, thresholds, and the seed of splits and blocks.
        labels: int [pool], classes.
        options: see `DynamicsOptions`.

    Returns:
        See `memdyn.dynamics.trajectories.summary_table` and `memdyn.dynamics.population.population_tables`.

    Raises:
        ValueError: for fewer than 8 models.
    """
    observations = observe_run(scores, attack, settings, labels, options)
    first_row = scores.parts["scored"].start
    summary = summary_table(observations, first_row, options.bounds, options.sample)
    return {"summary": summary} | population_tables(observations, labels, scores.parts, options.bounds, settings.level)


def _rows(labels: np.ndarray, classes: np.ndarray) -> list[np.ndarray]:
    """All rows, then those of each class."""
    return [np.arange(len(labels)), *(np.flatnonzero(labels == c) for c in classes)]
