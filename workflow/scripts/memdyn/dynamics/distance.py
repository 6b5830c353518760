"""The level distance of one run: how well it tells members apart, beside its rivals, as tidy tables.

Levels, thresholds and all else that an attacker would fit come from the first samples of the scored part, whose
membership it knows; these are evaluated nowhere. The others' membership enters the scores nowhere, so that a random one
has an AUC of 1/2.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.dynamics.separation import Scored, separation
from memdyn.stats.jackknife import Pairs
from memdyn.stats.levels import GAP, height_of
from memdyn.store.scores import read_epochs, read_signal

Files = Sequence[str | Path]
NO_LEVEL = "none"


@dataclass(frozen=True)
class Settings:
    """How distances are evaluated.

    Attributes:
        known: samples at the start of the scored part that the attacker knows.
        models: that the search was made of.
        levels, norms: of the search.
        level: of the limits.
        groups: the most groups of pairs of the jackknife.
    """

    known: int
    models: int
    levels: tuple[str, ...]
    norms: tuple[str, ...]
    level: float
    groups: int

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> "Settings":
        """From a stage's options."""
        config, statistics = options["level_distance"], options["statistics"]
        return cls(
            known=2 * config["known"],
            models=config["models"] or options["models"],
            levels=tuple(config["levels"]),
            norms=tuple(config["norms"]),
            level=statistics["level"],
            groups=statistics["jackknife_groups"],
        )


@dataclass(frozen=True)
class Checkpoint:
    """Margins of some models and of the first samples of the scored part, at one checkpoint.

    Attributes:
        margin: float64 [M, n], as it is answered, which an attacker sees: what a score must tell more than.
        members: bool [M, n].
        labels: int [n].
        pairs: of the models.
        settings: the first `settings.known` samples are the attacker's.
    """

    margin: np.ndarray
    members: np.ndarray
    labels: np.ndarray
    pairs: Pairs
    settings: Settings

    @classmethod
    def of(cls, scores: ShadowScores, epoch: int, settings: Settings) -> "Checkpoint":
        """All models and scored samples."""
        rows = scores.parts["scored"]
        margin = scores.signal(epoch, "margin")[:, rows].astype(float)
        return cls(margin, scores.masks[:, rows], scores.labels[rows], scores.pairs, settings)

    def first(self, n_models: int, n_samples: int) -> "Checkpoint":
        """Those of the first models of the design, and the first samples."""
        rows = np.flatnonzero(self.pairs.numbers < n_models // 2)
        models = (2 * rows[:, None] + np.arange(2)).ravel()
        cut = np.ix_(models, np.arange(n_samples))
        return replace(
            self,
            margin=self.margin[cut],
            members=self.members[cut],
            labels=self.labels[:n_samples],
            pairs=self.pairs.take(rows),
        )

    def excess(self, level: str, margin: np.ndarray) -> np.ndarray:
        """How far a margin [M, n] lies above the level of each model, [M, n]."""
        known = slice(0, self.settings.known)
        rows = zip(margin, self.members, strict=True)
        heights = [height_of(level, values[known][members[known]]) for values, members in rows]
        return margin - np.array(heights)[:, None]

    def separation(self, score: np.ndarray, excess: np.ndarray | None = None) -> pd.DataFrame:
        """The controls of a score [M, n]; with the margin's excess over the level that it is a distance to.

        NaN, but for the margin's own AUC, where the score of any sample is none.
        """
        known, rest = slice(0, self.settings.known), slice(self.settings.known, None)
        halves = None if excess is None else tuple(np.minimum(each[:, rest], 0) for each in (score, excess))
        given = Scored(
            score[:, rest],
            self.margin[:, rest],
            self.members[:, rest],
            self.labels[rest],
            self.pairs,
            halves,
            (score[:, known], self.members[:, known]),
        )
        counts = {"n_models": len(score), "n_samples": score[:, rest].shape[1]}
        unknown = np.isnan(score).any()  # of nets that have nearly diverged, whose second derivatives are no numbers
        if unknown:
            given = replace(given, score=np.zeros_like(given.score), halves=None)
        table = separation(given, self.settings.level, self.settings.groups)
        if unknown:
            table = table.assign(**dict.fromkeys(table.columns.drop(["control", "margin_auc"]), np.nan))
        return table.assign(**counts)

    def shares(self, where: np.ndarray) -> tuple[float, float]:
        """Of the evaluated samples' members and of the others: [M, n] -> two shares."""
        where, members = where[:, self.settings.known :], self.members[:, self.settings.known :]
        return float(where[members].mean()), float(where[~members].mean())


def in_order(distance: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """Distances [M, n] that are all finite: what was not reached lies beyond all that was, by its excess.

    Args:
        distance: infinite, with its sign, where no way was found.
        excess: of the margin over the level; its sign is that of the distance.
    """
    reached = np.isfinite(distance)
    farthest = np.where(reached, np.abs(distance), 0).max(axis=1, keepdims=True)
    return np.where(reached, distance, np.sign(distance) * (farthest + np.abs(excess)))


def distance_tables(
    scores: ShadowScores, searched: Files, curved: Files | None, settings: Settings
) -> dict[str, pd.DataFrame]:
    """The tables of one run.

    Args:
        scores: of all models, with the signals margin (as answered), margin_of_weights and margin_gradient_l2 and _l1
            (of the scored part).
        searched: block files of the probe level_distance.
        curved: of the probe input_curvature; None: it was not taken.

    Returns:
        level_distance: a row an epoch of the search, norm, level and control.
        distance_rivals: a row an epoch, measure, level and control: the distance to first order and the input gradient
            of all samples at every checkpoint, the curvature where it was taken.
    """
    tables: dict[str, list[pd.DataFrame]] = {"level_distance": [], "distance_rivals": []}
    of_search = read_epochs(searched[0])
    for epoch in scores.epochs:
        here = Checkpoint.of(scores, epoch, settings)
        for key, table in _rivals(scores, here, epoch):
            tables["distance_rivals"].append(_keyed(table, {"epoch": epoch} | key))
        if epoch not in of_search:
            continue
        for key, table in _searched(here, searched, epoch):
            tables["level_distance"].append(_keyed(table, {"epoch": epoch} | key))
        if curved:
            taken, curvature = _taken(here, read_signal(curved, epoch, "input_curvature"))
            key = {"epoch": epoch, "measure": "curvature", "level": NO_LEVEL}
            tables["distance_rivals"].append(_keyed(taken.separation(-curvature), key))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _keyed(table: pd.DataFrame, key: dict[str, Any]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame(key, index=table.index), table], axis=1)


def _taken(here: Checkpoint, values: np.ndarray) -> tuple[Checkpoint, np.ndarray]:
    """A signal [models of its blocks, n, ...] of the models that are left, and the checkpoint of these alone."""
    taken = here.first(min(len(values), here.settings.models), values.shape[1])
    return taken, values[taken.pairs.models].astype(float)


def _searched(here: Checkpoint, files: Files, epoch: int) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    taken, excesses = _taken(here, read_signal(files, epoch, "level_excess"))
    for norm in here.settings.norms:
        _, distances = _taken(here, read_signal(files, epoch, f"level_distance_{norm}"))
        for place, level in enumerate(here.settings.levels):
            distance, excess = distances[..., place], excesses[..., place]
            unreached = dict(zip(("unreached_in", "unreached_out"), taken.shares(~np.isfinite(distance)), strict=True))
            table = taken.separation(in_order(distance, excess), excess).assign(**unreached)
            yield {"norm": norm, "level": level}, table


def _rivals(scores: ShadowScores, here: Checkpoint, epoch: int) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    tiny, largest = np.finfo(np.float32).tiny, np.finfo(np.float32).max
    margin = scores.signal(epoch, "margin_of_weights").astype(float)  # as the slopes and the search, not the answers
    slopes = {norm: scores.signal(epoch, f"margin_gradient_{dual}") for norm, dual in (("l2", "l2"), ("linf", "l1"))}
    for norm in here.settings.norms:
        for level in here.settings.levels:
            if level != GAP:
                excess = here.excess(level, margin)
                score = excess / np.maximum(slopes[norm].astype(float), tiny)
                yield {"measure": f"first_order_{norm}", "level": level}, here.separation(score, excess)
    score = -expit(-margin) * np.minimum(slopes["l2"], largest)  # of the loss; members are flatter
    yield {"measure": "gradient_norm", "level": NO_LEVEL}, here.separation(score)
