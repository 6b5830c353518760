"""How well a run's models fit and generalise at each checkpoint: the table `accuracy`."""

import numpy as np
import pandas as pd

from memdyn.attacks.shadow_scores import ShadowScores


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
        correct = scores.signal(epoch, "gap") > 0 if scores.has("gap") else None
        loss = np.logaddexp(0, -scores.signal(epoch, "margin")[:, scored].astype(np.float64))
        rows.append(
            {
                "epoch": epoch,
                **_accuracies(correct, member, scores.parts),
                "loss_in": loss[member].mean(),
                "loss_out": loss[~member].mean(),
            }
        )
    return pd.DataFrame(rows)


def _accuracies(correct: np.ndarray | None, member: np.ndarray, parts: dict[str, slice]) -> dict[str, float]:
    if correct is None:
        return dict.fromkeys(("accuracy_in", "accuracy_out", "accuracy_test"), np.nan)
    scored, test = correct[:, parts["scored"]], correct[:, parts["test"]]
    tested = test.mean() if test.size else np.nan
    return {"accuracy_in": scored[member].mean(), "accuracy_out": scored[~member].mean(), "accuracy_test": tested}
