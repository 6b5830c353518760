"""Clocks of training: how far a run has fitted at each checkpoint, by which runs are compared equally far trained."""

import numpy as np
import pandas as pd

from memdyn.attacks.shadow_scores import ShadowScores


def clock_tables(scores: ShadowScores, group: np.ndarray) -> dict[str, pd.DataFrame]:
    """How far a run has fitted at each checkpoint, to match runs by, with the jackknife's replicates.

    Args:
        scores: of one run.
        group: int [P], the group of each of its pairs.

    Returns:
        estimates: metric, epoch, value; replicates: metric, epoch, group, value. Metrics: accuracy_test (without a test
        part: accuracy_out), and generalisation_gap = accuracy on members - accuracy of the same samples when OUT. No
        rows without the signal gap, which tells what is right.
    """
    scored, test = scores.parts["scored"], scores.parts["test"]
    mask = scores.masks[:, scored]
    estimates, replicates = [], []
    for epoch in scores.epochs if scores.has("gap") else ():
        correct = scores.signal(epoch, "gap") > 0
        inside = (correct[:, scored] & mask).sum(axis=1).reshape(-1, 2).sum(axis=1) / mask.shape[1]
        outside = (correct[:, scored] & ~mask).sum(axis=1).reshape(-1, 2).sum(axis=1) / mask.shape[1]
        tested = correct[:, test].mean(axis=1).reshape(-1, 2).mean(axis=1) if test.stop > test.start else outside
        for metric, values in (("accuracy_test", tested), ("generalisation_gap", inside - outside)):
            estimates.append((metric, epoch, values.mean()))
            replicates += [(metric, epoch, g, values[group != g].mean()) for g in np.unique(group)]
    return {
        "estimates": pd.DataFrame(estimates, columns=["metric", "epoch", "value"]),
        "replicates": pd.DataFrame(replicates, columns=["metric", "epoch", "group", "value"]),
    }
