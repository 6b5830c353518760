"""The attacks with a rule a class as their definitions read: a model, a class and a candidate at a time."""

import numpy as np
from sklearn.neural_network import MLPClassifier

from memdyn.attacks.signals import Signals
from slow_attacks import reference_models


def reference_sides(signals: Signals, name: str, model: int, folds: str, label: int) -> tuple[list, list]:
    """(IN, OUT) values of a signal of the samples of a class under the models that may calibrate the scored one."""
    own = np.flatnonzero(signals.arrays.labels == label)
    sides: tuple[list, list] = [], []
    for m in reference_models(model, len(signals.mask), folds):
        for i in own:
            sides[not signals.mask[m, i]].append(signals.arrays[name][m, i])
    return sides


def slow_threshold(members: list[float], others: list[float]) -> float:
    """The paper's search: of all values the one with the best balanced accuracy of "member iff >="; the largest."""
    best, tau = -1.0, np.nan
    for value in sorted({*members, *others}, reverse=True):
        accuracy = (np.mean(np.array(members) >= value) + np.mean(np.array(others) < value)) / 2
        if accuracy > best + 1e-12:
            best, tau = accuracy, value
    return tau


def slow_song2021(signals: Signals, folds: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores [M, n], and the paper's decisions, made on the metric itself."""
    scores, decisions = np.empty(signals.mask.shape), np.empty(signals.mask.shape, dtype=bool)
    p_label = 1 / (1 + np.exp(-signals.margins))
    for m, i in np.ndindex(*signals.mask.shape):
        if metric == "correctness":
            decisions[m, i] = signals.arrays["gap"][m, i] > 0
            scores[m, i] = 1 if decisions[m, i] else -1
            continue
        name = "margin" if metric == "confidence" else metric
        value, sides = signals.arrays[name][m, i], reference_sides(signals, name, m, folds, signals.arrays.labels[i])
        if metric == "confidence":
            tau = slow_threshold(*sides)
            scores[m, i], decisions[m, i] = value - tau, p_label[m, i] >= 1 / (1 + np.exp(-tau))
        else:  # small: a member
            tau = -slow_threshold(*([-v for v in side] for side in sides))
            scores[m, i], decisions[m, i] = np.log(tau) - np.log(value), value <= tau
    return scores, decisions


def slow_privacy_risk_score(signals: Signals, folds: str, bins: int) -> np.ndarray:
    """Histograms by numpy, of the entropies themselves, for every model and sample anew."""
    scores = np.empty(signals.mask.shape)
    for m, i in np.ndindex(*signals.mask.shape):
        sides = reference_sides(signals, "modified_entropy", m, folds, signals.arrays.labels[i])
        sides = [np.maximum(side, 1e-10) for side in sides]
        value = max(signals.arrays["modified_entropy"][m, i], 1e-10)
        everything = np.concatenate(sides)
        edges = np.geomspace(everything.min(), everything.max(), bins + 1)
        heights = [np.histogram(side, edges)[0] / len(side) for side in sides]
        if value >= edges[-1]:
            place = bins - 1
        elif value <= edges[0]:
            place = 0
        else:
            place = int(np.flatnonzero(edges <= value)[-1])
        order = sorted(range(bins), key=lambda b: (abs(b - place), b))
        filled = next(b for b in order if heights[0][b] + heights[1][b] > 0)
        scores[m, i] = heights[0][filled] / (heights[0][filled] + heights[1][filled])
    return scores


def slow_inputs(logits: np.ndarray, label: int, count: int) -> list[float]:
    """Log-odds of the label's probability and of the largest others, of one sample's logits [K]."""
    p = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    others = sorted((p[c] for c in range(len(p)) if c != label), reverse=True)
    return [np.log(q / (1 - q)) for q in [p[label], *others][:count]]


def slow_shokri2017(signals: Signals, options: dict[str, int]) -> np.ndarray:
    """Probabilities of scikit-learn's own net, as log-odds; records picked from sorted Python lists."""
    labels, mask = signals.arrays.labels, signals.mask
    scores = np.empty(mask.shape)
    inputs = np.array(
        [
            [
                slow_inputs(signals.arrays["logits"][m, i], labels[i], options["probabilities"])
                for i in range(len(labels))
            ]
            for m in range(len(mask))
        ],
        dtype=np.float32,
    )
    for half in (0, 1):
        models = [m for m in range(len(mask)) if (m // 2) % 2 == half]
        for label in set(labels):
            own = np.flatnonzero(labels == label)
            rows = {True: [], False: []}
            for m in range(len(mask)):
                for i in own if m not in models else []:
                    rows[bool(mask[m, i])].append(tuple(inputs[m, i]))
            count = min(options["records"], len(rows[True]))
            picked = {
                side: [sorted(found)[int((k + 0.5) * len(found) / count)] for k in range(count)]
                for side, found in rows.items()
            }
            records = np.array([one for pair in zip(picked[True], picked[False], strict=True) for one in pair], float)
            mean, deviation = records.mean(axis=0), records.std(axis=0)
            net = MLPClassifier(
                (64,),
                batch_size=min(200, len(records)),
                max_iter=options["epochs"],
                n_iter_no_change=options["epochs"],
                random_state=options["seed"],
            )
            net.fit((records - mean) / deviation, [1, 0] * count)
            for m in models:
                p = net.predict_proba((inputs[m, own].astype(float) - mean) / deviation)
                scores[m, own] = np.log(p[:, 1] / p[:, 0])
    return scores
