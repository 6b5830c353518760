"""How well a run's models fit and generalise at each checkpoint: the table `accuracy`."""

import numpy as np
import pandas as pd

from memdyn.attacks.shadow_scores import ShadowScores


def accuracy_by_checkpoint(scores: ShadowScores) -> pd.DataFrame:
    """Means over models at every checkpoint, from the scores.

    Returns:
        epoch, accuracy_in and accuracy_out (scored samples, eval mode), accuracy_test (NaN without a test part),
        loss_in, loss_out (cross-entropy in nats).
    """
    rows, scored = [], scores.parts["scored"]
    member = scores.masks[:, scored]
    for epoch in scores.epochs:
        correct = scores.signal(epoch, "gap") > 0
        loss = np.logaddexp(0, -scores.signal(epoch, "margin")[:, scored].astype(np.float64))
        test = correct[:, scores.parts["test"]]
        rows.append(
            {
                "epoch": epoch,
                "accuracy_in": correct[:, scored][member].mean(),
                "accuracy_out": correct[:, scored][~member].mean(),
                "accuracy_test": test.mean() if test.size else np.nan,
                "loss_in": loss[member].mean(),
                "loss_out": loss[~member].mean(),
            }
        )
    return pd.DataFrame(rows)
