"""How well a run's models fit and generalise at each checkpoint: the table `accuracy`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from memdyn.attacks.shadow_scores import ShadowScores
from memdyn.stats.margins import loss
from memdyn.store.scores import read_failed, read_shapes, read_signal


def accuracy_by_checkpoint(scores: ShadowScores) -> pd.DataFrame:
    """Means over models at every checkpoint, from the scores.

    Returns:
        epoch, accuracy_in and accuracy_out (scored samples, eval mode), accuracy_test (NaN without a test part),
        loss_in, loss_out (cross-entropy in nats). Accuracies are NaN without the signal gap: a margin above 0 says
        that the class is right only where there are two.
    """
    rows, scored = [], scores.parts["scored"]
    member = scores.masks[:, scored]
    for epoch in scores.epochs:
        gap = scores.signal(epoch, "gap") if scores.has("gap") else None
        rows.append(_row(epoch, scores.signal(epoch, "margin")[:, scored], gap, member, scores.parts))
    return pd.DataFrame(rows)


def accuracy_without_pairs(
    files: Sequence[str | Path], parts: Mapping[str, slice], mask: np.ndarray, epoch: int
) -> pd.DataFrame:
    """The same at one checkpoint, of every model that did not fail: memberships are not of pairs, nor are losses.

    Args:
        files: the block files of a probe.
        mask: bool [M, n] of the scored samples.
    """
    kept = np.setdiff1d(np.arange(len(mask)), read_failed(files))
    margins = read_signal(files, epoch, "margin", parts["scored"])[kept]
    gap = read_signal(files, epoch, "gap")[kept] if "gap" in read_shapes(files[0]) else None
    return pd.DataFrame([_row(epoch, margins, gap, mask[kept], parts)])


def _row(
    epoch: int, margins: np.ndarray, gap: np.ndarray | None, member: np.ndarray, parts: Mapping[str, slice]
) -> dict[str, float]:
    losses = loss(margins.astype(np.float64))
    return {
        "epoch": epoch,
        **_accuracies(None if gap is None else gap > 0, member, parts),
        "loss_in": losses[member].mean(),
        "loss_out": losses[~member].mean(),
    }


def _accuracies(correct: np.ndarray | None, member: np.ndarray, parts: Mapping[str, slice]) -> dict[str, float]:
    if correct is None:
        return dict.fromkeys(("accuracy_in", "accuracy_out", "accuracy_test"), np.nan)
    scored, test = correct[:, parts["scored"]], correct[:, parts["test"]]
    tested = test.mean() if test.size else np.nan
    return {"accuracy_in": scored[member].mean(), "accuracy_out": scored[~member].mean(), "accuracy_test": tested}
