"""What a run says of each model alone, without shadow models: accuracy, losses, their tail, the attacks AVG and POW.

All are means over models, so a jackknife over pairs refits nothing.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from memdyn.attacks.known import KnownSamples, advantages
from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.stats import jackknife
from memdyn.stats.roc import roc
from memdyn.terms import FPRS

ACCURACY, LOSS_IN, ADVANTAGE = "accuracy_test", "loss_in", "advantage"
NO_ATTACK = ""
TAIL = {f"loss_tnr_at_tpr_{1 - missed:g}": missed for missed in FPRS}
"""Metric -> the share of members that its threshold on the loss misses."""


def uncalibrated_tables(
    scores: ShadowScores, count: int, draws: int, seed: int, groups: int, level: float
) -> dict[str, pd.DataFrame]:
    """A row a checkpoint and metric, and the same without each group of pairs.

    Args:
        scores: of one run.
        count, draws, seed: of the known samples, see `KnownSamples.draw`.
        groups: the most groups of the jackknife.
        level: of the intervals.

    Returns:
        uncalibrated: epoch, attack ("" for what is no attack's), metric, value, low, high, level. Metrics:
            accuracy_test (NaN without a test part), accuracy_in, loss_in, loss_out (cross-entropy in nats, in eval
            mode, of the scored samples), loss_tnr_at_tpr_* (see `tail_tnr`), advantage (of "avg" and "pow").
        uncalibrated_replicates: epoch, attack, metric, group, value.
    """
    group = scores.pairs.groups(groups)
    numbers, sizes = np.unique(group, return_counts=True)
    mask = scores.masks[:, scores.parts["scored"]]
    known = KnownSamples.draw(mask, scores.pairs.models, count, draws, seed)
    rows, replicates = [], []
    for epoch in scores.epochs:
        for attack, metric, by_model in _by_model(scores, epoch, mask, known):
            pairs = by_model.reshape(-1, 2).mean(axis=1)
            deleted = np.array([pairs[group != g].mean() if (group != g).any() else np.nan for g in numbers])
            low, high = jackknife.interval(pairs.mean(), deleted, sizes, level)
            rows.append((epoch, attack, metric, pairs.mean(), low, high, level))
            replicates += [(epoch, attack, metric, g, value) for g, value in zip(numbers, deleted, strict=True)]
    keys = ["epoch", "attack", "metric"]
    return {
        "uncalibrated": pd.DataFrame(rows, columns=[*keys, "value", "low", "high", "level"]),
        "uncalibrated_replicates": pd.DataFrame(replicates, columns=[*keys, "group", "value"]),
    }


def _by_model(
    scores: ShadowScores, epoch: int, mask: np.ndarray, known: KnownSamples
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(attack, metric, values [M])."""
    scored, test = scores.parts["scored"], scores.parts["test"]
    correct = scores.signal(epoch, "gap") > 0
    losses = cross_entropy(scores.signal(epoch, "margin", scored))
    tested = correct[:, test]
    yield NO_ATTACK, ACCURACY, tested.mean(axis=1) if tested.size else np.full(len(mask), np.nan)
    yield NO_ATTACK, "accuracy_in", _mean(correct[:, scored], mask)
    yield NO_ATTACK, LOSS_IN, _mean(losses, mask)
    yield NO_ATTACK, "loss_out", _mean(losses, ~mask)
    tails = tail_tnr(losses, mask)
    yield from ((NO_ATTACK, metric, values) for metric, values in zip(TAIL, tails, strict=True))
    for attack, advantage in advantages(losses, mask, known).items():
        yield attack, ADVANTAGE, advantage


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
