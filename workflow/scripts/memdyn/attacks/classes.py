"""The scored samples class by class, for attacks that are calibrated a class at a time."""

from collections.abc import Iterator

import numpy as np

from memdyn.attacks.signals import Signals, Values


def labels_of(values: Values) -> np.ndarray:
    """Classes int [n] of the samples.

    Raises:
        ValueError: for signals without labels.
    """
    if values.labels is None:
        raise ValueError("an attack with a rule a class needs the labels of the samples, and was given none")
    return values.labels


def classes_of(signals: Signals) -> Iterator[np.ndarray]:
    """Places int [n_c] of the samples of each class that is among them; a class without samples has nothing to score.

    Each sample has an IN and an OUT value in every pair, so a class that has samples has both, as many of each.
    """
    labels = labels_of(signals.arrays)
    for label in np.unique(labels):
        yield np.flatnonzero(labels == label)
