"""Trainings that overfit digits with some wrong labels, and what their losses tell of the members."""

import dataclasses

import numpy as np
from sklearn.datasets import load_digits
from torch.nn import functional as F

from defended_trainings import logits_after, section
from every_mechanism import Trained
from memdyn.stats.stratified import wins_within
from small_trainings import make_pool

SCORED, SPARE, EPOCHS = 400, 200, 30


def noisy_digits():
    """400 scored digits and 200 that are reserved; 13 % of the labels are wrong, to be learned by heart."""
    images, labels = load_digits(return_X_y=True)
    draw = np.random.default_rng(0)
    rows = draw.permutation(len(labels))[: SCORED + SPARE]
    pool = make_pool((images[rows] * 15.9).astype(np.uint8).reshape(-1, 1, 8, 8))
    wrong = draw.random(len(rows)) < 0.15
    labels = np.where(wrong, draw.integers(0, 10, len(rows)), labels[rows])
    parts = {"scored": slice(0, SCORED), "spare": slice(SCORED, SCORED + SPARE)}
    return dataclasses.replace(pool, labels=labels, parts=parts, class_names=[str(k) for k in range(10)])


def leak_and_accuracy(folder, name=None, models=range(1), **options):
    """(AUC of the loss, accuracy on non-members) of small nets that are trained with a mechanism; means over models."""
    folder.mkdir()
    trained = Trained(folder, models)
    trained.pool = noisy_digits()
    config = trained.config(epochs=EPOCHS, checkpoints=[EPOCHS], model={"name": "mlp", "hidden": [32]}, batch_size=32)
    masks = np.stack([np.random.default_rng(model).permutation(SCORED) < SCORED // 2 for model in models])
    training = trained.new(config, mechanisms=[section(name, **options)] if name else [])
    training.task = dataclasses.replace(training.task, masks=masks)
    training.run()
    found = []
    for model, members in zip(models, masks, strict=True):
        logits, labels = logits_after(training, model, slice(0, SCORED))
        loss = F.cross_entropy(logits, labels, reduction="none").numpy()
        wins, pairs = wins_within(-loss, members, np.zeros(SCORED, int))
        right = (logits.argmax(1) == labels).numpy()
        found.append((wins / pairs, right[~members].mean()))
    return tuple(np.mean(found, axis=0))
