"""What a run says of each model alone, without shadow models: accuracy, losses, their tail, the attacks AVG and POW.

All are means over models, so a jackknife over pairs refits nothing. The null control is that of attacks, with the same
draws: memberships are swapped, and known samples drawn and thresholds set anew. The advantage then has mean 0, exactly,
since samples that set a threshold are not judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from memdyn.attacks.evaluate import null_draws, swaps
from memdyn.attacks.known import KnownSamples, advantages
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.design.seeds import derive_seed
from memdyn.stats import jackknife
from memdyn.stats.roc import roc
from memdyn.terms import FPRS

ACCURACY, LOSS_IN, ADVANTAGE = "accuracy_test", "loss_in", "advantage"
NO_ATTACK = ""
TAIL = {f"loss_tnr_at_tpr_{1 - missed:g}": missed for missed in FPRS}
"""Metric -> the share of members that its threshold on the loss misses."""


@dataclass(frozen=True)
class Settings:
    """How it is measured.

    Attributes:
        known, draws, seed: of the known samples, see `KnownSamples.draw`.
        groups: the most groups of the jackknife.
        level: of the intervals.
        null_draws: how often the null swaps memberships, at least.
        null_seed: of the swaps; that of the run's attacks, or the simultaneous null test is not joint.
    """

    known: int
    draws: int
    seed: int
    groups: int
    level: float
    null_draws: int
    null_seed: int


@dataclass(frozen=True)
class World:
    """Who is a member, and whom the attacker knows: as it is, or with memberships swapped at random.

    Attributes:
        mask: bool [M, n].
    """

    mask: np.ndarray
    known: KnownSamples

    @classmethod
    def swapped(cls, mask: np.ndarray, models: np.ndarray, settings: Settings, draw: int) -> "World":
        """A draw of the null: known samples are drawn once, for it is their mean over draws that is looked at."""
        exchanged = mask ^ np.repeat(swaps(mask, settings.null_seed, draw), 2, axis=0)
        seed = derive_seed(settings.null_seed, draw, "known samples")
        return cls(exchanged, KnownSamples.draw(exchanged, models, settings.known, 1, seed))

    def leaks(self, losses: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
        """(attack, metric, values [M]) of what asks who is a member, of cross-entropies [M, n]."""
        for metric, values in zip(TAIL, tail_tnr(losses, self.mask), strict=True):
            yield NO_ATTACK, metric, values
        for attack, advantage in advantages(losses, self.mask, self.known).items():
            yield attack, ADVANTAGE, advantage


def uncalibrated_tables(scores: ShadowScores, settings: Settings) -> dict[str, pd.DataFrame]:
    """A row a checkpoint and metric, the same without each group of pairs, and decisions under the null.

    Args:
        scores: of one run.

    Returns:
        uncalibrated: epoch, attack ("" for what is no attack's), metric, value, low, high, null_value (mean over draws
            of the null; NaN of what memberships have no part in), level. Metrics: accuracy_test (NaN without a test
            part), accuracy_in (both NaN without the gap), loss_in, loss_out (cross-entropy in nats, in eval mode, of
            the scored samples), loss_tnr_at_tpr_* (see `tail_tnr`), advantage (of "avg" and "pow").
        uncalibrated_replicates: epoch, attack, metric, group, value.
        uncalibrated_null: epoch, attack, aggregation, draw, auc: (1 + advantage) / 2, which is the AUC of decisions.
    """
    group = scores.pairs.groups(settings.groups)
    numbers, sizes = np.unique(group, return_counts=True)
    mask, models = scores.masks[:, scores.parts["scored"]], scores.pairs.models
    whole = World(mask, KnownSamples.draw(mask, models, settings.known, settings.draws, settings.seed))
    null = [World.swapped(mask, models, settings, k) for k in range(null_draws(*mask.shape, settings.null_draws))]
    rows, replicates, draws = [], [], []
    for epoch in scores.epochs:
        losses = cross_entropy(scores.signal(epoch, "margin", scores.parts["scored"]))
        of_null = _null(losses, null)
        for attack, metric, by_model in (*_utility(scores, epoch, losses, mask), *whole.leaks(losses)):
            pairs = by_model.reshape(-1, 2).mean(axis=1)
            deleted = np.array([pairs[group != g].mean() if (group != g).any() else np.nan for g in numbers])
            low, high = jackknife.interval(pairs.mean(), deleted, sizes, settings.level)
            drawn = of_null.get((attack, metric), np.full(1, np.nan))
            rows.append((epoch, attack, metric, pairs.mean(), low, high, drawn.mean(), settings.level))
            replicates += [(epoch, attack, metric, g, value) for g, value in zip(numbers, deleted, strict=True)]
            if metric == ADVANTAGE:
                draws += [(epoch, attack, "per_model", k, (1 + value) / 2) for k, value in enumerate(drawn)]
    keys = ["epoch", "attack", "metric"]
    return {
        "uncalibrated": pd.DataFrame(rows, columns=[*keys, "value", "low", "high", "null_value", "level"]),
        "uncalibrated_replicates": pd.DataFrame(replicates, columns=[*keys, "group", "value"]),
        "uncalibrated_null": pd.DataFrame(draws, columns=["epoch", "attack", "aggregation", "draw", "auc"]),
    }


def _null(losses: np.ndarray, worlds: list[World]) -> dict[tuple[str, str], np.ndarray]:
    """(attack, metric) -> means over models, a draw each."""
    found: dict[tuple[str, str], list[float]] = {}
    for world in worlds:
        for attack, metric, by_model in world.leaks(losses):
            found.setdefault((attack, metric), []).append(by_model.mean())
    return {key: np.array(values) for key, values in found.items()}


def _utility(
    scores: ShadowScores, epoch: int, losses: np.ndarray, mask: np.ndarray
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(no attack, metric, values [M]) of what models are worth."""
    tested = trained = np.full(len(mask), np.nan)
    if scores.has("gap"):
        correct = scores.signal(epoch, "gap") > 0
        trained = _mean(correct[:, scores.parts["scored"]], mask)
        if (of_test := correct[:, scores.parts["test"]]).size:
            tested = of_test.mean(axis=1)
    yield NO_ATTACK, ACCURACY, tested
    yield NO_ATTACK, "accuracy_in", trained
    yield NO_ATTACK, LOSS_IN, _mean(losses, mask)
    yield NO_ATTACK, "loss_out", _mean(losses, ~mask)


def tail_tnr(losses: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """How many non-members lie where hardly any member does, at high losses: [TAIL, M], of each model.

    Tail-TNR (Dodd, Krčo, Shilov & de Montjoye 2025, "The Tail Tells All", arXiv 2510.19773): the TNR of the loss
    attack at a high TPR, which predicts the TPR at a low FPR of attacks that are calibrated on shadow models, and
    needs none. It is the largest share of non-members above any threshold that at most the share a of the members
    lies above: TPR at FPR a with the two exchanged, and with its conventions (`memdyn.stats.roc`): equal losses move
    together, NaN where a is less than one member.

    Args:
        losses: [M, n], or anything that rises with them.
        mask: bool [M, n].
    """
    missed = np.array([*TAIL.values()])
    return np.array([roc(row[~own], row[own], missed).tpr for row, own in zip(losses, mask, strict=True)]).T


def cross_entropy(margins: np.ndarray) -> np.ndarray:
    """In nats, from margins of any shape; in float64, where it does not saturate."""
    return np.logaddexp(0, -np.asarray(margins, dtype=np.float64))


def _mean(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """[M]: of each model's values [M, n] where True."""
    return np.array([row[chosen].mean() for row, chosen in zip(values, where, strict=True)])
